"""`bertsent batch --output`: the whole input comes out, in every format, with nothing overwritten."""

from __future__ import annotations

import csv
import gzip
import io
import json
import signal
import sqlite3  # noqa: TID253 - a test may load it at once
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.command import call, start
from typer.testing import Result

from bertsent.base.records.reading import Column, LabelCounts, Survey
from bertsent.data.reader import Reviews

Run = Callable[..., Result]
OURS = ["score", "label", "tokens", "truncated", "version", "path", "gold"]
TABLE = """id,stars,text,country
007,5,"A warm film,
with heart",FR
,,,
8,1,Dull and long,"N, L"
9,,   ,=DE
"""


@pytest.fixture
def orders(workspace: Path) -> Path:
    """Four rows: ids with zeros before them, a text of two lines, an empty row, a row without text."""
    path = workspace / "orders.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def read_csv(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def summary_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    summary: dict[str, Any] = json.loads(result.stdout)["summary"]
    return summary


# rows and columns


def test_summary_stands_alone_where_no_rows_are_shown(run: Run, model: Path, workspace: Path) -> None:
    Path("in.csv").write_text("text,label\na warm film,1\na dull film,0\n", encoding="utf-8")
    first, second, *_ = run("batch", "in.csv", "-o", "out.csv").stdout.splitlines()
    assert first.startswith("2 reviews in")
    assert second.endswith("on 2 labelled reviews"), "no legend of marks that nothing carries"


def test_every_row_comes_out_in_order_with_its_columns(run: Run, model: Path, orders: Path) -> None:
    summary = summary_of(run("batch", orders, "-o", "out.csv", "--json"))
    rows = read_csv(Path("out.csv").read_bytes().decode())
    assert list(rows[0]) == ["id", "stars", "text", "country", *OURS]
    assert [(row["id"], row["stars"], row["text"], row["country"]) for row in rows] == [
        ("007", "5", "A warm film,\nwith heart", "FR"),
        ("", "", "", ""),
        ("8", "1", "Dull and long", "N, L"),
        ("9", "", "   ", "'=DE"),
    ]
    assert [bool(row["score"]) for row in rows] == [True, False, True, False]
    assert [row["label"] == "" for row in rows] == [False, True, False, True]
    counts = [summary[key] for key in ("rows", "reviews", "empty", "unlabelled", "guarded_cells", "renamed")]
    assert counts == [4, 2, 2, 2, 1, {}]


def test_scores_are_those_of_predict(run: Run, model: Path, orders: Path) -> None:
    run("batch", orders, "-o", "out.jsonl")
    first = json.loads(Path("out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    single = json.loads(run("predict", first["text"], "--json").stdout)
    assert (first["score"], first["label"]) == (single["score"], single["label"])


def test_columns_with_our_names_stay_and_a_note_says_what_ours_are(
    run: Run, model: Path, workspace: Path
) -> None:
    (workspace / "in.csv").write_text("Label,text,SCORE\npos,good,12\nneg,bad,3\n", encoding="utf-8")
    result = run("batch", "in.csv", "-o", "out.csv", "--json")
    rows = read_csv(Path("out.csv").read_text(encoding="utf-8"))
    assert [(row["Label"], row["SCORE"]) for row in rows] == [("pos", "12"), ("neg", "3")]
    assert {row["bertsent_label"] for row in rows} <= {"positive", "negative", "unsure"}
    assert all(0 < float(row["bertsent_score"]) < 1 for row in rows)
    assert summary_of(result)["renamed"] == {"score": "bertsent_score", "label": "bertsent_label"}
    notes = [line for line in result.stderr.splitlines() if "bertsent_label" in line]
    assert len(notes) == 1
    assert "score as bertsent_score, label as bertsent_label" in notes[0]


def test_only_gives_score_and_label_beside_the_input(run: Run, model: Path, orders: Path) -> None:
    assert run("batch", orders, "-o", "out.csv", "--only").exit_code == 0
    assert run("batch", orders, "-o", "all.csv").exit_code == 0
    only = read_csv(Path("out.csv").read_text(encoding="utf-8"))
    whole = read_csv(Path("all.csv").read_text(encoding="utf-8"))
    assert list(only[0]) == ["score", "label"]
    assert only == [{key: row[key] for key in ("score", "label")} for row in whole]


@pytest.mark.parametrize("options", [["--only"], ["--output-format", "tsv"]])
def test_options_of_the_output_need_one(run: Run, model: Path, orders: Path, options: list[str]) -> None:
    result = run("batch", orders, *options)
    assert result.exit_code == 2
    assert "-o -" in result.stderr


def test_several_tables_come_out_as_one(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "a.csv").write_text("id,text\n1,good\n2,\n", encoding="utf-8")
    (workspace / "b.csv").write_text("text,shop\nbad,X\n", encoding="utf-8")
    summary = summary_of(run("batch", "a.csv", "b.csv", "-o", "out.csv", "--json"))
    rows = read_csv(Path("out.csv").read_text(encoding="utf-8"))
    assert [(row["id"], row["text"], row["shop"]) for row in rows] == [
        ("1", "good", ""),
        ("2", "", ""),
        ("", "bad", "X"),
    ]
    assert [row["path"] for row in rows] == ["a.csv:2", "a.csv:3", "b.csv:2"]
    assert (summary["rows"], summary["empty"]) == (3, 1)


def test_output_is_never_one_of_several_inputs(run: Run, model: Path, workspace: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (workspace / name).write_text("text\ngood\n", encoding="utf-8")
    result = run("batch", "a.csv", "b.csv", "-o", "b.csv", "--force")
    assert result.exit_code == 2
    assert (workspace / "b.csv").read_text(encoding="utf-8") == "text\ngood\n"


def test_folder_and_lines_have_the_columns_they_always_had(
    run: Run, model: Path, sample: Path, workspace: Path
) -> None:
    (workspace / "lines.txt").write_text("good\n\nbad\n", encoding="utf-8")
    for path, rows in ((sample / "test", 60), (workspace / "lines.txt", 3)):
        assert run("batch", path, "-o", "out.csv", "--force").exit_code == 0
        written = read_csv(Path("out.csv").read_bytes().decode())
        assert list(written[0]) == ["text", *OURS]
        assert len(written) == rows


# labels


def test_column_label_that_is_none_does_not_end_the_run(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.csv").write_text("text,label\ngood,sports\nbad,politics\n", encoding="utf-8")
    result = run("batch", "in.csv", "-o", "out.csv", "--json")
    summary = summary_of(result)
    assert (summary["reviews"], summary["labelled"], summary["unlabelled"]) == (2, 0, 2)
    assert "sports (1 row)" in result.stderr
    assert [row["label"] for row in read_csv(Path("out.csv").read_text())] == ["sports", "politics"]


def test_stars_are_no_gold_without_a_map(run: Run, model: Path, workspace: Path) -> None:
    rows = "".join(f"film {stars},{stars}\n" for stars in range(1, 6))
    (workspace / "in.csv").write_text(f"text,stars\n{rows}", encoding="utf-8")
    result = run("batch", "in.csv", "--json", "-o", "out.csv")
    assert summary_of(result)["labelled"] == 0
    assert "--labels 'positive=4,5 negative=1,2'" in result.stderr
    mapped = run("batch", "in.csv", "--labels", "positive=4,5 negative=1,2", "--json", "-o", "b.csv")
    assert summary_of(mapped)["labelled"] == 4
    assert [row["gold"] for row in read_csv(Path("b.csv").read_text())] == [
        *("negative", "negative", "", "positive", "positive")
    ]


# bad rows


def test_bad_row_is_refused_before_anything_is_written(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.jsonl").write_text('{"text": "good"}\n{"text": [1]}\n', encoding="utf-8")
    result = run("batch", "in.jsonl", "-o", "out.csv")
    assert result.exit_code == 7
    assert "in.jsonl:2" in result.stderr
    assert not Path("out.csv").exists()


def test_skipped_rows_are_counted_and_named(run: Run, model: Path, workspace: Path) -> None:
    lines = [json.dumps({"text": "good", "n": number}) for number in range(3)]
    lines.insert(1, '{"text": [1]}')
    (workspace / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = run("batch", "in.jsonl", "-o", "out.jsonl", "--on-bad-row", "skip", "--json")
    summary = summary_of(result)
    assert (summary["rows"], summary["bad_rows"]) == (3, 1)
    assert "in.jsonl:2" in result.stderr
    written = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["n"] for row in written] == [0, 1, 2]
    assert "1 bad row was left out" in run("batch", "in.jsonl", "--on-bad-row", "skip").stdout


# formats


@pytest.mark.parametrize(
    "name",
    ["out.tsv", "out.jsonl", "out.ndjson", "out.json", "out.parquet", "out.xlsx", "out.db", "out.sqlite",
     "out.csv.gz", "out.jsonl.bz2", "out.tsv.xz", "out.json.zst"],
)  # fmt: skip
def test_output_of_every_format_holds_the_same_and_can_be_scored_again(
    run: Run, model: Path, orders: Path, name: str
) -> None:
    assert run("batch", orders, "-o", name).exit_code == 0
    printed = [json.loads(line) for line in run("batch", orders, "--json").stdout.splitlines()[:-1]]
    wanted = [(row["score"], row["row"]["id"]) for row in printed]
    if name.endswith((".db", ".sqlite")):
        with closing(sqlite3.connect(name)) as database:
            assert database.execute("SELECT score, id FROM scored ORDER BY rowid").fetchall() == wanted
        return
    result = run("batch", name, "-o", "again.jsonl")
    assert result.exit_code == 0, result.stderr
    again = [json.loads(line) for line in Path("again.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["bertsent_score"], row["id"] or "") for row in again] == wanted
    assert list(again[0])[:4] == ["id", "stars", "text", "country"]


def test_types_of_json_go_into_parquet_and_sqlite(run: Run, model: Path, workspace: Path) -> None:
    rows = [
        {"text": "good", "n": 1, "x": 1, "b": True, "tags": ["a", {"k": None}]},
        {"text": "bad", "n": 2, "x": 0.5, "more": 10**30},
    ]
    (workspace / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name in ("out.parquet", "out.db", "out.jsonl"):
        assert run("batch", "in.jsonl", "-o", name).exit_code == 0
    import pyarrow.parquet

    table = pyarrow.parquet.read_table("out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["n"], types["x"], types["b"]) == ("int64", "double", "bool")
    assert table["tags"].to_pylist() == ['["a", {"k": null}]', None]
    with closing(sqlite3.connect("out.db")) as database:
        cells = database.execute("SELECT n, x, b, more, typeof(x) FROM scored").fetchall()
    assert cells == [(1, 1.0, 1, None, "real"), (2, 0.5, None, str(10**30), "real")]
    written = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, original in zip(written, rows, strict=True):
        assert {key: row[key] for key in original} == original
        assert "more" in original or "more" not in row


def test_sqlite_tells_columns_apart_that_differ_by_case_only(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.jsonl").write_text('{"text": "good", "a": 1, "A": 2}\n', encoding="utf-8")
    assert run("batch", "in.jsonl", "-o", "out.db").exit_code == 0
    with closing(sqlite3.connect("out.db")) as database:
        assert database.execute("SELECT a, A_2 FROM scored").fetchall() == [(1, 2)]


def test_output_format_overrides_the_suffix(run: Run, model: Path, orders: Path) -> None:
    assert run("batch", orders, "-o", "out.gz", "--output-format", "tsv").exit_code == 0
    rows = read_csv(gzip.decompress(Path("out.gz").read_bytes()).decode(), "\t")
    assert [row["id"] for row in rows] == ["007", "", "8", "9"]


def test_workbook_with_too_many_rows_is_refused_before_scoring(
    run: Run, model: Path, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = Survey((Column("text"),), "text", None, rows=1_048_576, empty=0, labels=LabelCounts())
    monkeypatch.setattr(Reviews, "survey", lambda self, progress: survey)
    result = run("batch", orders, "-o", "out.xlsx")
    assert result.exit_code == 2
    assert "1048575 rows" in result.stderr
    assert "Scoring" not in result.stderr
    assert not Path("out.xlsx").exists()


def test_cut_cells_of_a_workbook_are_said(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.csv").write_text(f"text,more\ngood,{'x' * 40_000}\n", encoding="utf-8")
    result = run("batch", "in.csv", "-o", "out.xlsx")
    assert "1 cell was cut to 32,767 characters" in result.stdout
    assert summary_of(run("batch", "in.csv", "-o", "b.xlsx", "--json"))["cut_cells"] == 1


def test_guarded_cells_are_said_in_one_line(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.csv").write_text("text,a,b\ngood,=1+1,-5\nbad,@x,+49 1\n", encoding="utf-8")
    lines = [
        line for line in run("batch", "in.csv", "-o", "out.csv").stdout.splitlines() if "formula" in line
    ]
    assert lines == ["3 cells begin like a formula, with a ' put before (--raw-csv: as they are)"]
    assert "formula" not in run("batch", "in.csv", "-o", "raw.csv", "--raw-csv").stdout
    assert [row["a"] for row in read_csv(Path("raw.csv").read_text())] == ["=1+1", "@x"]


# stdout


def test_rows_go_to_stdout_and_the_summary_to_stderr(model: Path, orders: Path) -> None:
    ended = call("batch", orders, "-o", "-")
    assert ended.returncode == 0
    rows = read_csv(ended.stdout.decode())
    assert [row["id"] for row in rows] == ["007", "", "8", "9"]
    assert b"2 reviews" in ended.stderr
    assert list(Path().glob("-*")) == []


@pytest.mark.parametrize("wanted", ["jsonl", "tsv", "json"])
def test_stdout_has_the_format_that_was_named(model: Path, orders: Path, wanted: str) -> None:
    ended = call("batch", orders, "-o", "-", "--output-format", wanted, "--json", "--quiet")
    text = ended.stdout.decode()
    if wanted == "tsv":
        ids = [row["id"] for row in read_csv(text, "\t")]
    else:
        ids = [
            row["id"]
            for row in (json.loads(text) if wanted == "json" else map(json.loads, text.splitlines()))
        ]
    assert ids == ["007", "", "8", "9"]
    assert json.loads(ended.stderr.splitlines()[-1])["summary"]["output"] == "-"


def test_pipe_goes_through(model: Path, workspace: Path) -> None:
    ended = call("batch", "-", "-o", "-", "--only", "--format", "csv", stdin=b"text\ngood film\nbad film\n")
    assert ended.returncode == 0, ended.stderr
    assert [list(row) for row in read_csv(ended.stdout.decode())] == [["score", "label"]] * 2


@pytest.mark.parametrize("wanted", ["parquet", "xlsx", "sqlite"])
def test_binary_formats_do_not_go_to_stdout(run: Run, model: Path, orders: Path, wanted: str) -> None:
    result = run("batch", orders, "-o", "-", "--output-format", wanted)
    assert (result.exit_code, result.stdout) == (2, "")


def test_output_into_a_closed_pipe_ends_quietly(model: Path, workspace: Path) -> None:
    (workspace / "many.txt").write_text("great film\n" * 20_000, encoding="utf-8")
    with start("batch", "many.txt", "-o", "-", "--quiet") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"text,score")
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


# json


def test_json_rows_have_the_rows_they_came_from(run: Run, model: Path, orders: Path) -> None:
    rows = [json.loads(line) for line in run("batch", orders, "--json").stdout.splitlines()[:-1]]
    assert list(rows[0]) == ["text", *OURS, "row"]
    assert rows[0]["row"] == {
        "id": "007",
        "stars": "5",
        "text": "A warm film,\nwith heart",
        "country": "FR",
    }
    assert (rows[3]["text"], rows[3]["score"], rows[3]["row"]["text"]) == ("", None, "   ")


# killed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.csv", "out.db", "out.xlsx", "out.jsonl.gz"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killed_run_leaves_the_old_output(
    model: Path, workspace: Path, name: str, how: signal.Signals
) -> None:
    (workspace / "many.txt").write_text("great film\n" * 200_000, encoding="utf-8")
    (workspace / name).write_bytes(b"old")
    with start("batch", "many.txt", "-o", name, "--force") as process:
        until = time.monotonic() + 60
        while not list(workspace.glob(f".{name}.*")):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(how)
        process.communicate(timeout=60)
    assert process.returncode == (143 if how == signal.SIGTERM else -9)
    assert (workspace / name).read_bytes() == b"old"
    if how == signal.SIGTERM:
        assert not list(workspace.glob(f".{name}.*"))


def test_texts_that_look_not_english_are_counted(run: Run, model: Path, workspace: Path) -> None:
    texts = [
        "Der Film ist sehr gut und ich habe viel gelacht.",
        "A very good film.",
        "这部电影非常好看 强烈推荐",
    ]
    (workspace / "mixed.txt").write_text("\n".join(texts), encoding="utf-8")
    result = run("batch", "mixed.txt", "-o", "out.csv")
    assert "2 look not English" in result.stdout


def test_table_with_a_header_only_has_no_rows(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "in.csv").write_text("id,text\n", encoding="utf-8")
    result = run("batch", "in.csv", "-o", "out.csv")
    assert result.exit_code == 7
    assert "Received: no rows." in result.stderr
    assert not Path("out.csv").exists()
