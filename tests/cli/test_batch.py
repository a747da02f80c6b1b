"""`bertsent batch`: folders and tables through the command line."""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_versions
from typer.testing import Result

Run = Callable[..., Result]
KEYS = ["text", "score", "label", "tokens", "truncated", "version", "path", "gold"]
SUMMARY = [
    *("version", "reviews", "empty", "labelled", "positive", "unsure", "truncated", "accuracy"),
    *("confusion", "seconds", "reviews_per_second", "output"),
    *("rows", "bad_rows", "unlabelled", "not_english", "renamed", "guarded_cells", "cut_cells"),
]


def answer(result: Result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The predictions and the summary of a run with --json."""
    assert result.exit_code == 0, result.stderr
    *rows, last = [json.loads(line) for line in result.stdout.splitlines()]
    return rows, last["summary"]


def folder(parent: Path, **classes: list[str]) -> Path:
    """A folder of reviews: class -> texts."""
    for name, texts in classes.items():
        (parent / "reviews" / name).mkdir(parents=True)
        for number, text in enumerate(texts):
            (parent / "reviews" / name / f"{number}.txt").write_text(text, encoding="utf-8")
    return parent / "reviews"


def table(parent: Path, *rows: dict[str, Any]) -> Path:
    path = parent / "table.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# what is scored


def test_batch_draws_as_many_files_of_each_class(run: Run, model: Path, sample: Path) -> None:
    rows, summary = answer(run("batch", sample / "test", "--num-files", 5, "--json"))
    assert Counter(row["gold"] for row in rows) == {"positive": 5, "negative": 5}
    assert list(rows[0]) == KEYS
    assert all(Path(row["path"]).read_text(encoding="utf-8") == row["text"] for row in rows)
    assert summary["reviews"] == summary["labelled"] == 10


def test_batch_draw_follows_the_seed(run: Run, model: Path, sample: Path) -> None:
    def drawn(*options: object) -> list[str]:
        rows, _ = answer(run("batch", sample / "test", "--num-files", 8, "--json", *options))
        return [row["path"] for row in rows]

    assert drawn() == drawn() == drawn("--seed", 42)
    assert drawn("--seed", 1) != drawn()


def test_batch_scores_a_whole_folder_without_num_files(run: Run, model: Path, sample: Path) -> None:
    rows, summary = answer(run("batch", sample / "test", "--json"))
    assert {row["path"] for row in rows} == {str(path) for path in (sample / "test").glob("*/*.txt")}
    assert summary["reviews"] == 60


def test_batch_summary_is_what_counting_the_rows_gives(run: Run, model: Path, sample: Path) -> None:
    rows, summary = answer(run("batch", sample / "test", "--json", "--threshold", "0.5"))
    counts = Counter((row["gold"], row["label"]) for row in rows)
    assert summary["confusion"] == {
        "true_negative": counts["negative", "negative"],
        "false_positive": counts["negative", "positive"],
        "false_negative": counts["positive", "negative"],
        "true_positive": counts["positive", "positive"],
    }
    assert summary["accuracy"] == sum(row["gold"] == row["label"] for row in rows) / 60
    assert summary["positive"] == sum(row["label"] == "positive" for row in rows)
    assert summary["unsure"] == 0
    assert summary["truncated"] == sum(row["truncated"] for row in rows) > 0
    assert list(summary) == SUMMARY
    assert summary["reviews_per_second"] == pytest.approx(60 / summary["seconds"])


@pytest.fixture
def half_unsure(run: Run, spread: Path, workspace: Path, sample: Path) -> None:
    """A version whose scores reach from 0 to 1 and whose band holds some of the sample's on either side."""
    model = Path(shutil.copytree(spread, workspace / "model"))
    rows, _ = answer(run("batch", sample / "test", "--json"))
    scores = [row["score"] for row in rows]
    below, above = [s for s in scores if s < 0.5], [s for s in scores if s >= 0.5]
    unsure = [statistics.median(below), statistics.median(above)]
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": unsure, "rows": 20})


@pytest.mark.usefixtures("half_unsure")
def test_batch_counts_unsure_answers_by_their_side_of_the_middle(run: Run, sample: Path) -> None:
    _, decided = answer(run("batch", sample / "test", "--json", "--threshold", "0.5"))
    rows, summary = answer(run("batch", sample / "test", "--json"))
    labels = Counter(row["label"] for row in rows)
    sides = {row["score"] >= 0.5 for row in rows if row["label"] == "unsure"}
    assert sides == {True, False}
    assert labels["unsure"] == summary["unsure"]
    assert 0 < labels["positive"] == summary["positive"] < decided["positive"]
    for key in ("accuracy", "confusion", "labelled", "reviews"):
        assert summary[key] == decided[key]


@pytest.mark.slow
def test_batch_gives_the_same_scores_with_any_number_of_workers(run: Run, sample: Path) -> None:
    found = [
        [row["score"] for row in answer(run("batch", sample / "test", "--json", "--workers", count))[0]]
        for count in ("1", "3")
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    refused = run("batch", sample / "test", "--workers", "0")
    assert refused.exit_code == 2
    assert "workers must be at least 1" in refused.stderr


@pytest.mark.usefixtures("half_unsure")
def test_batch_with_a_threshold_is_never_unsure(run: Run, sample: Path) -> None:
    rows, summary = answer(run("batch", sample / "test", "--json", "--threshold", "0.5"))
    assert {row["label"] for row in rows} == {"positive", "negative"}
    assert summary["unsure"] == 0


def test_batch_marks_and_counts_unsure_answers(run: Run, model: Path, workspace: Path) -> None:
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [0.0, 1.0], "rows": 20})
    path = table(workspace, {"text": "good", "label": 1}, {"text": "bad", "label": 0}, {"text": "so so"})
    lines = run("batch", path).stdout.splitlines()
    assert [line[:9] for line in lines[:3]] == ["? unsure ", "? unsure ", "  unsure "]
    summary = next(line for line in lines if "3 reviews" in line)
    assert summary.endswith("0 positive, 0 negative, 3 unsure")


def test_batch_without_unsure_answers_does_not_speak_of_them(run: Run, model: Path, workspace: Path) -> None:
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [0.5, 0.5], "rows": 20})
    path = table(workspace, {"text": "good"}, {"text": "bad"})
    assert "unsure" not in run("batch", path).stdout


def test_batch_scores_as_predict_does(run: Run, model: Path, sample: Path) -> None:
    rows, _ = answer(run("batch", sample / "test", "--num-files", 10, "--json"))
    for row in rows[::4]:
        single = json.loads(run("predict", row["text"], "--json").stdout)
        assert single["score"] == pytest.approx(row["score"], abs=1e-6)
        assert single["label"] == row["label"]


def test_batch_reads_a_table_with_labels(run: Run, model: Path, workspace: Path) -> None:
    path = table(workspace, {"text": "good", "label": 1}, {"text": "bad", "label": "neg"}, {"text": "so so"})
    rows, summary = answer(run("batch", path, "--json"))
    assert [row["gold"] for row in rows] == ["positive", "negative", None]
    assert [row["path"] for row in rows] == [f"{path}:1", f"{path}:2", f"{path}:3"]
    assert (summary["reviews"], summary["labelled"]) == (3, 2)


def test_batch_reads_csv(run: Run, model: Path, workspace: Path) -> None:
    path = workspace / "table.csv"
    path.write_text('label,text\npos,"good, very\ngood"\nneg,bad\n', encoding="utf-8")
    rows, _ = answer(run("batch", path, "--json"))
    assert [(row["text"], row["gold"]) for row in rows] == [
        ("good, very\ngood", "positive"),
        ("bad", "negative"),
    ]


def test_batch_of_a_folder_without_classes_has_no_accuracy(run: Run, model: Path, workspace: Path) -> None:
    for name in "ab":
        (workspace / f"{name}.txt").write_text(f"film {name}", encoding="utf-8")
    rows, summary = answer(run("batch", workspace, "--json"))
    assert [row["gold"] for row in rows] == [None, None]
    assert (summary["labelled"], summary["accuracy"]) == (0, None)
    assert "accuracy" not in run("batch", workspace).stdout


def test_batch_of_one_class_only_measures_that(run: Run, model: Path, workspace: Path) -> None:
    reviews = folder(workspace, pos=["good", "great film", "fine"])
    _, summary = answer(run("batch", reviews, "--json", "--threshold", "0.000001"))
    assert summary["accuracy"] == 1.0
    assert summary["confusion"] == {
        "true_negative": 0,
        "false_positive": 0,
        "false_negative": 0,
        "true_positive": 3,
    }


def test_batch_ignores_folders_beside_the_classes(run: Run, model: Path, workspace: Path) -> None:
    reviews = folder(workspace, pos=["good"], neg=["bad"], unsup=["what"])
    rows, _ = answer(run("batch", reviews, "--json"))
    assert sorted(row["text"] for row in rows) == ["bad", "good"]


def test_batch_counts_empty_reviews_and_does_not_score_them(run: Run, model: Path, workspace: Path) -> None:
    texts = ["good", "", "  ", "<br /><br />", "bad"]
    path = table(workspace, *({"text": text, "label": 1} for text in texts))
    rows, summary = answer(run("batch", path, "--json"))
    assert [row["text"] for row in rows] == ["good", "", "", "", "bad"]
    assert [row["row"]["text"] for row in rows] == texts
    assert [row["score"] is None for row in rows] == [False, True, True, True, False]
    assert [row["gold"] for row in rows] == ["positive"] * 5
    assert (summary["reviews"], summary["empty"], summary["labelled"]) == (2, 3, 2)
    assert (summary["rows"], summary["unlabelled"]) == (5, 0)
    shown = run("batch", path).stdout
    assert "3 had nothing to read" in shown
    assert [line.split()[0] for line in shown.splitlines()[1:4]] == ["-", "-", "-"]


# what is shown


def test_batch_shows_a_line_a_review_and_a_summary(run: Run, model: Path, workspace: Path) -> None:
    reviews = folder(workspace, pos=["good [bold]\x1b[2J film"], neg=["bad film"])
    result = run("batch", reviews, "--threshold", "0.000001")
    assert result.exit_code == 0
    wrong, right, blank, *summary = result.stdout.splitlines()
    assert wrong.startswith("x positive")
    assert right.startswith("  positive")
    assert right.endswith(r"good [bold]\x1b[2J film")
    assert blank == ""
    assert "2 reviews" in summary[0]
    assert "2 positive, 0 negative" in summary[0]
    assert "accuracy 0.5000 on 2 labelled reviews" in summary[1]
    assert [line.split()[-2:] for line in summary[-2:]] == [["0", "1"], ["0", "1"]]


def test_batch_reports_progress_on_stderr_unless_quiet(run: Run, model: Path, sample: Path) -> None:
    assert "Scoring" in run("batch", sample / "test").stderr
    assert run("batch", sample / "test", "--quiet").stderr == ""


# --output


def test_batch_output_holds_what_json_would_print(
    run: Run, model: Path, sample: Path, workspace: Path
) -> None:
    rows, _ = answer(run("batch", sample / "test", "--json"))
    printed, summary = answer(run("batch", sample / "test", "--json", "--output", "out.jsonl"))
    written = (workspace / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == rows
    assert printed == []
    assert summary["output"] == "out.jsonl"


def test_batch_output_as_csv_round_trips(run: Run, model: Path, sample: Path, workspace: Path) -> None:
    rows, _ = answer(run("batch", sample / "test", "--json"))
    assert run("batch", sample / "test", "-o", "out.csv", "--raw-csv").exit_code == 0
    with (workspace / "out.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["text"] for row in written] == [row["text"] for row in rows]
    assert [float(row["score"]) for row in written] == [row["score"] for row in rows]
    assert [row["gold"] for row in written] == [row["gold"] for row in rows]


def test_batch_output_as_parquet_round_trips(run: Run, model: Path, sample: Path, workspace: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs bertsent[parquet]")
    rows, _ = answer(run("batch", sample / "test", "--json"))
    assert run("batch", sample / "test", "-o", "out.parquet").exit_code == 0
    assert parquet.read_table(workspace / "out.parquet").to_pylist() == rows


@pytest.mark.parametrize(("options", "text"), [([], "'=1+1"), (["--raw-csv"], "=1+1")])
def test_batch_csv_defuses_formulas_unless_raw(
    run: Run, model: Path, workspace: Path, options: list[str], text: str
) -> None:
    path = table(workspace, {"text": "=1+1"})
    assert run("batch", path, "-o", "out.csv", *options).exit_code == 0
    with (workspace / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [text]


def test_batch_replaces_an_output_by_force_only(run: Run, model: Path, workspace: Path) -> None:
    path = table(workspace, {"text": "good"})
    (workspace / "out.csv").write_text("mine", encoding="utf-8")
    refused = run("batch", path, "-o", "out.csv")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (workspace / "out.csv").read_text(encoding="utf-8") == "mine"
    assert run("batch", path, "-o", "out.csv", "--force").exit_code == 0
    assert (workspace / "out.csv").read_text(encoding="utf-8").startswith("text,")


@pytest.mark.parametrize("how", ["itself", "link", "hard link"])
def test_batch_never_replaces_its_input(run: Run, model: Path, workspace: Path, how: str) -> None:
    path = table(workspace, {"text": "good"})
    before = path.read_bytes()
    output = {"itself": path, "link": workspace / "a.jsonl", "hard link": workspace / "b.jsonl"}[how]
    if how == "link":
        output.symlink_to(path)
    if how == "hard link":
        output.hardlink_to(path)
    assert run("batch", path, "-o", output, "--force").exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("output", ["out.txt", "out", "model", "out.parquet.gz"])
def test_batch_refuses_an_output_of_no_known_form(
    run: Run, model: Path, workspace: Path, output: str
) -> None:
    path = table(workspace, {"text": "good"})
    assert run("batch", path, "-o", output).exit_code == 2
    assert sorted(path.name for path in workspace.iterdir()) == ["model", "table.jsonl"]


@pytest.mark.parametrize("old", [None, "mine"])
def test_batch_that_fails_leaves_the_output_as_it_was(
    run: Run, model: Path, workspace: Path, old: str | None
) -> None:
    path = table(workspace, *({"text": f"good {number}"} for number in range(50)), {"text": [7]})
    if old:
        (workspace / "out.csv").write_text(old, encoding="utf-8")
    result = run("batch", path, "-o", "out.csv", "--force")
    assert result.exit_code == 7
    assert f"{path.name}:51" in result.stderr
    assert [file.name for file in workspace.glob("*out*")] == (["out.csv"] if old else [])
    if old:
        assert (workspace / "out.csv").read_text(encoding="utf-8") == old


def test_batch_takes_away_what_a_killed_run_left(run: Run, model: Path, workspace: Path) -> None:
    """A day later: what is younger may be the output of a run that is still at it."""
    path = table(workspace, {"text": "good"})
    for name in (".out[1].csv.old.tmp", ".out[1].csv.young.tmp", ".another.csv.old.tmp"):
        (workspace / name).write_text("text,", encoding="utf-8")
        if "old" in name:
            os.utime(workspace / name, (0, 0))
    assert run("batch", path, "-o", "out[1].csv").exit_code == 0
    left = sorted(file.name for file in workspace.glob(".*.tmp"))
    assert left == [".another.csv.old.tmp", ".out[1].csv.young.tmp"]


def test_batch_into_a_folder_that_cannot_be_is_a_storage_error(
    run: Run, model: Path, workspace: Path
) -> None:
    path = table(workspace, {"text": "good"})
    assert run("batch", path, "-o", path / "out.csv").exit_code == 74


# refusals


@pytest.mark.parametrize("number", [0, -3])
def test_batch_refuses_to_draw_less_than_one_file(run: Run, model: Path, sample: Path, number: int) -> None:
    assert run("batch", sample / "test", "--num-files", number).exit_code == 2


def test_batch_refuses_to_draw_from_a_table(run: Run, model: Path, workspace: Path) -> None:
    assert run("batch", table(workspace, {"text": "good"}), "--num-files", 1).exit_code == 2


@pytest.mark.parametrize(("name", "code"), [("missing", 7), ("empty", 7), ("notes.md", 2)])
def test_batch_of_nothing_to_read_is_refused(
    run: Run, model: Path, workspace: Path, name: str, code: int
) -> None:
    (workspace / "empty").mkdir()
    (workspace / "notes.md").write_text("x", encoding="utf-8")
    result = run("batch", name)
    assert result.exit_code == code
    assert name in result.stderr
    assert result.stdout == ""


def test_batch_of_a_whole_data_set_names_its_halves(run: Run, model: Path, sample: Path) -> None:
    result = run("batch", sample)
    assert result.exit_code == 7
    assert str(sample / "test") in result.stderr


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]], ids=" ".join)
@pytest.mark.parametrize("command", ["batch", "evaluate"])
def test_what_is_not_read_of_a_folder_is_said(
    run: Run, tmp_path: Path, command: str, options: list[str]
) -> None:
    reviews = folder(tmp_path, pos=["A warm film."], neg=["A dull film."])
    for inside in reviews.iterdir():
        (inside / "sub").mkdir()
        (inside / "2.text").write_text("A film.", encoding="utf-8")
        (inside / "3.txt").symlink_to("0.txt")
    result = run(command, reviews, "--model", "packaged", *options)
    assert result.exit_code == 0, result.stderr
    said = "Not read: 2 links (3.txt, 3.txt), 2 folders (sub, sub), 2 other files (2.text, 2.text)."
    assert said in result.stderr.splitlines()
