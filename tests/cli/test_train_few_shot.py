"""`bertsent train --warm-start` on a handful of labels: all rows train, and folds measure."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
ROWS = [
    (f"{opening} {word} {thing}", label)
    for label, word in ((1, "wonderful"), (0, "awful"))
    for opening in ("a", "what a", "the most", "such a")
    for thing in ("coat", "lamp", "kettle")
]
USAGE, BAD_DATA = 2, 7


def table(path: Path, rows: list[tuple[str, int]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return path


@pytest.fixture
def few(run: Run, model: Path, workspace: Path, tiny_encoder: tuple[Path, Path]) -> Callable[..., Result]:
    """Trains on some of the rows from version 1."""
    encoder, preprocessor = tiny_encoder
    same = ("--encoder", encoder, "--preprocessor", preprocessor, "--seq-length", 32, "--warm-start", 1)

    def train(rows: list[tuple[str, int]], *options: object) -> Result:
        return run("train", "--data", table(workspace / "few.csv", rows), *same, *options)

    return train


def manifest(workspace: Path, number: int = 2) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (workspace / "model" / str(number) / "manifest.json").read_text(encoding="utf-8"),
        parse_constant=pytest.fail,
    )
    return content


def test_train_on_few_rows_measures_all_of_them_in_folds(few: Run, run: Run, workspace: Path) -> None:
    trained = few(ROWS, "--epochs", 2)
    assert trained.exit_code == 0, trained.stderr
    assert "Recipe few-shot, as 24 labelled rows cannot be split well" in trained.stderr
    made, before = manifest(workspace), manifest(workspace, 1)
    judged = made["metrics"]["cross_validation"]
    assert judged["n"] == len(ROWS)
    assert judged["confusion"]["true_positive"] + judged["confusion"]["false_negative"] == len(ROWS) // 2
    low, high = judged["intervals"]["accuracy"]
    assert low <= judged["accuracy"] <= high
    assert high - low > 0.1  # of 24 rows nobody knows more
    line = next(row for row in trained.stdout.splitlines() if "had not seen it" in row)
    assert f"accuracy {judged['accuracy']:.4f} ({low:.4f} to {high:.4f})" in line
    assert "(24 reviews, each scored by a classifier that had not seen it)" in line
    assert "nan" not in trained.stdout
    assert "nan" not in trained.stderr
    # All rows train.
    assert made["data"]["train"]["n"] == len(ROWS)
    assert made["data"]["validation"]["n"] == made["data"]["test"]["n"] == 0
    assert made["metrics"]["warm_start"]["n"] == len(ROWS)
    # The calibration stays as it was, because none can be fitted.
    calibration = made["calibration"]
    assert calibration.pop("kept") is True
    assert calibration == before["calibration"]
    history = (workspace / "model" / "2" / "history.json").read_text(encoding="utf-8")
    epochs = json.loads(history, parse_constant=pytest.fail)["epochs"]
    assert [epoch["validation_loss"] for epoch in epochs] == [None, None]
    card = (workspace / "model" / "2" / "README.md").read_text(encoding="utf-8")
    assert "in 5 folds. Each was scored by a classifier that had not seen it" in card
    assert "of the version that training started from" in card
    assert "nan" not in card
    # What comes after goes on.
    assert run("predict", "a wonderful lamp").exit_code == 0
    assert run("models", "show", 2).exit_code == 0
    assert run("evaluate", "few.csv").exit_code == 0
    assert run("drift").exit_code == 0


def test_train_on_few_rows_gives_json_with_the_keys_of_a_split_too(few: Run) -> None:
    trained = few(ROWS, "--epochs", 1, "--folds", 2, "--json", "--quiet")
    assert trained.exit_code == 0, trained.stderr
    metrics = json.loads(trained.stdout)["metrics"]
    assert metrics["test"]["n"] == metrics["validation"]["n"] == 0
    assert metrics["cross_validation"]["n"] == len(ROWS)


@pytest.mark.parametrize("options", [("--recipe", "default"), ("--validation-share", "0.3")])
def test_train_splits_few_rows_where_that_is_asked_for(few: Run, workspace: Path, options: Any) -> None:
    trained = few(ROWS, "--epochs", 1, *options)
    assert trained.exit_code == 0, trained.stderr
    assert "few-shot" not in trained.stderr
    made = manifest(workspace)
    assert made["data"]["validation"]["n"] > 0
    assert made["calibration"]["kept"] is True  # fewer validation rows than can fit one


def test_train_without_a_warm_start_leaves_scores_as_they_are_if_few_rows_validate(
    run: Run, workspace: Path, tiny_encoder: tuple[Path, Path]
) -> None:
    encoder, preprocessor = tiny_encoder
    options = ("--encoder", encoder, "--preprocessor", preprocessor, "--seq-length", 32, "--epochs", 1)
    trained = run("train", "--data", table(workspace / "few.csv", ROWS), *options)
    assert trained.exit_code == 0, trained.stderr
    made = manifest(workspace, 1)
    assert made["calibration"]["temperature"] == 1
    assert made["calibration"]["rows"] == 0
    card = (workspace / "model" / "1" / "README.md").read_text(encoding="utf-8")
    assert "Scores are not calibrated" in card


def test_train_refuses_fewer_than_eight_rows_of_a_label(few: Run) -> None:
    refused = few(ROWS[:12] + ROWS[12:19])
    assert refused.exit_code == BAD_DATA
    assert "needs at least 8 reviews of each label" in refused.stderr
    assert "12 positive, 7 negative" in refused.stderr
    copies = few(ROWS[:12] + ROWS[12:19] + ROWS[12:19])
    assert copies.exit_code == BAD_DATA
    assert "needs at least 8 different reviews of each label" in copies.stderr


def test_train_refuses_folds_beside_rows_to_measure_on(few: Run, run: Run, workspace: Path) -> None:
    table(workspace / "train.csv", ROWS)
    table(workspace / "test.csv", [(f"{text} again", label) for text, label in ROWS])
    refused = run("train", "--data", "train.csv", "--data", "test.csv", "--warm-start", 1, "--folds", 5)
    assert refused.exit_code == BAD_DATA
    assert "brings validation or test rows of its own" in refused.stderr
    assert "--folds 0" in refused.stderr


@pytest.mark.parametrize(
    "options", [("--folds", 1), ("--folds", 5, "--patience", 2), ("--folds", 21), ("--recipe", "few-shot")]
)
def test_train_refuses_folds_that_cannot_be(
    run: Run, workspace: Path, tensorflow: None, options: Any
) -> None:
    refused = run("train", "--data", table(workspace / "few.csv", ROWS), *options)
    assert refused.exit_code == USAGE
