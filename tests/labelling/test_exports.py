"""`label --export`: the labels as a table or for an annotation tool, and back again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bertsent.labelling.decisions import decide, undo
from bertsent.labelling.log import LabelLog

Run = Callable[..., Result]
COLUMNS = ["text", "label", "picked_by", "score", "version", "path", "time", "annotator", "digest"]
FORMULA = "=1+1 lamps, all bright"


@pytest.fixture
def log(workspace: Path) -> LabelLog:
    """Three labels, one of them changed, a skip, and a label that was undone."""
    log = LabelLog(workspace / "labels")
    gone = decide("Gone.", "positive")
    log.extend(
        [
            decide("A bright lamp.", "negative"),
            decide('It "broke",\ton day one.', "negative", picked_by="random", score=0.25, version="3"),
            decide(FORMULA, "positive", picked_by="uncertain", path="a.csv:2", annotator="ann, bo"),
            decide("Perhaps.", "skip"),
            gone,
            undo(gone),
            decide("A bright lamp.", "positive"),
        ]
    )
    return log


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet

        listed: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return listed
    if path.suffix == ".xlsx":
        import openpyxl

        header, *cells = openpyxl.load_workbook(path).active.values
        return [dict(zip(header, row, strict=True)) for row in cells]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def test_label_export_writes_a_table_of_the_valid_labels(run: Run, log: LabelLog) -> None:
    result = run("label", "--export", "labels.jsonl")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "labels.jsonl: 2 positive, 1 negative\n"
    table = rows(Path("labels.jsonl"))
    assert [list(row) for row in table] == [COLUMNS] * 3
    assert [(row["text"], row["label"]) for row in table] == [
        ('It "broke", on day one.', "negative"),
        (FORMULA, "positive"),
        ("A bright lamp.", "positive"),
    ]
    assert (table[0]["score"], table[0]["version"], table[0]["picked_by"]) == (0.25, "3", "random")
    assert (table[1]["path"], table[1]["annotator"], table[2]["annotator"]) == ("a.csv:2", "ann, bo", None)
    assert table[2]["digest"] == log.labelled()[-1].digest
    assert table[2]["time"].endswith("Z")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.xlsx", "a.jsonl"])
def test_label_export_writes_the_format_of_the_suffix(run: Run, log: LabelLog, name: str) -> None:
    assert run("label", "--export", name).exit_code == 0
    assert [row["label"] for row in rows(Path(name))] == ["negative", "positive", "positive"]


def test_label_export_adds_skipped_reviews_when_asked(run: Run, log: LabelLog) -> None:
    result = run("label", "--export", "a.csv", "--skipped")
    assert result.stdout == "a.csv: 2 positive, 1 negative, 1 skipped\n"
    assert [row["label"] for row in rows(Path("a.csv"))] == ["negative", "positive", "positive", "skip"]


def test_label_export_prints_json(run: Run, log: LabelLog) -> None:
    summary = json.loads(run("label", "--export", "a.csv", "--json").stdout)
    assert summary == {
        **{"path": "a.csv", "format": "table", "positive": 2, "negative": 1, "skipped": 0},
        **{"guarded": 1, "cut": 0},
    }


@pytest.mark.parametrize("format", ["table", "prodigy"])
def test_label_export_replaces_no_file_unless_forced(run: Run, log: LabelLog, format: str) -> None:
    Path("a.csv").write_text("mine")
    refused = run("label", "--export", "a.csv", "--export-format", format)
    assert refused.exit_code == 2
    assert "--force replaces it" in refused.stderr
    assert Path("a.csv").read_text() == "mine"
    assert run("label", "--export", "a.csv", "--export-format", format, "--force").exit_code == 0
    assert Path("a.csv").read_text() != "mine"


@pytest.mark.parametrize(("name", "format"), [("a.db", "table"), ("a.pdf", "table"), (".", "prodigy")])
def test_label_export_refuses_other_files(run: Run, log: LabelLog, name: str, format: str) -> None:
    result = run("label", "--export", name, "--export-format", format)
    assert result.exit_code == 2
    assert not Path("a.db").exists()


TABLES = [("a.csv", "table"), ("a.tsv", "table"), ("a.jsonl", "table"), ("a.parquet", "table"),
          ("a.xlsx", "table"), ("a.csv.gz", "table")]  # fmt: skip
TOOLS = [("a.jsonl", "prodigy"), ("a.jsonl", "doccano"), ("a.json", "label-studio"), ("a.txt", "fasttext")]


@pytest.mark.parametrize(("name", "format"), TABLES + TOOLS)
def test_label_import_reads_what_label_export_wrote(
    run: Run, log: LabelLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, format: str
) -> None:
    path = tmp_path / name
    result = run("label", "--export", path, "--export-format", format, "--skipped")
    assert result.exit_code == 0, result.stderr
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("BERTSENT_HOME", str(tmp_path / "other"))
    imported = run("label", "--import", path, "--json")
    assert imported.exit_code == 0, imported.stderr
    summary = json.loads(imported.stdout)
    assert summary["import"]["tools"] == [format]
    there = LabelLog(tmp_path / "other" / "labels")
    assert {row.digest: row.label for row in there.labelled()} == {
        row.digest: row.label for row in log.labelled()
    }
    # doccano has no skips, and fastText neither skips nor people
    skips = [one.text for one in there.decisions() if one.label == "skip"]
    assert skips == ([] if format in {"doccano", "fasttext"} else ["Perhaps."])
    by_text = {one.text: one for one in there.decisions()}
    if format in {"table", "prodigy"}:
        assert by_text[FORMULA].annotator == "ann, bo"
    if format == "table":
        assert by_text[FORMULA].picked_by == "uncertain"


def test_label_export_says_that_cells_are_guarded(run: Run, log: LabelLog) -> None:
    assert "1 cells begin like a formula" in run("label", "--export", "a.csv").stderr
    assert rows(Path("a.csv"))[1]["text"] == "'" + FORMULA


def test_label_export_of_no_labels(run: Run, workspace: Path) -> None:
    result = run("label", "--export", "a.csv")
    assert result.stdout == "a.csv: 0 positive, 0 negative\n"
    assert rows(Path("a.csv")) == []
    assert not (workspace / "labels").exists()
