"""The options of reading: as keys of `bertsent.toml` and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
STARS = "Words,Stars\nA joy.,5\nA mess.,1\nSo so.,3\n"


@pytest.fixture
def stars(workspace: Path) -> Path:
    (workspace / "stars.csv").write_text(STARS, encoding="utf-8")
    return Path("stars.csv")


def toml(workspace: Path, *lines: str) -> None:
    (workspace / "bertsent.toml").write_text("\n".join(lines), encoding="utf-8")


def labelled(result: Result) -> int:
    assert result.exit_code == 0, result.output
    summary: dict[str, int] = json.loads(result.stdout.splitlines()[-1])["summary"]
    return summary["labelled"]


def test_the_workspace_says_how_its_files_are_read(
    run: Run, model: Path, workspace: Path, stars: Path
) -> None:
    assert run("batch", stars).exit_code == 7
    toml(workspace, "[data]", 'text = "Words"', 'labels = "positive=4,5 negative=1,2"')
    assert labelled(run("batch", stars, "-o", "out.csv", "--json")) == 2
    assert run("evaluate", stars).exit_code == 0
    assert run("check", stars, "--sample", 0).exit_code == 0


def test_an_option_overrules_the_workspace(run: Run, model: Path, workspace: Path, stars: Path) -> None:
    toml(workspace, "[data]", 'text = "Words"', 'labels = "positive=4,5 negative=1,2"')
    given = run("batch", stars, "-o", "a.csv", "--json", "--labels", "positive=3,5 negative=1")
    assert labelled(given) == 3
    assert run("batch", stars, "--text", "Nothing").exit_code == 2


def test_keys_are_written_with_either_dash(run: Run, model: Path, workspace: Path) -> None:
    (workspace / "a.csv").write_bytes(b"good film\nbad\0film\nfine film\n")
    toml(workspace, "[data]", 'on_bad_row = "skip"', "header = false", "text = 1")
    result = run("batch", "a.csv", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    assert "1 bad row was left out" in result.stdout


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        (["[data]", 'texts = "x"'], "write text"),
        (["[data]", "header = 1"], "header must be true or false"),
        (["[data]", "label = true"], "label must be a text in quotes"),
        (["[train]", "epochs = 1"], "Received: train"),
        (["data = 1"], "[data] must be a table"),
        (["score = 1"], "[score] must be a table"),
        (["[score]", "threshold = 0"], "threshold must be a number between 0 and 1. Received: 0."),
        (["[score]", "threshold = true"], "threshold must be a number"),
        (["[score]", 'threshold = "0.5"'], "threshold must be a number"),
        (["[score]", 'goal = "f1"'], "threshold must be a number between 0 and 1. Received: none."),
        (["[score]", "threshold = 0.5", "goal = 1"], "goal must be a text in quotes"),
        (["[score]", "threshold = 0.5", "treshold = 0.5"], "Received: treshold"),
        (["[data", 'text = "x"'], "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_before_any_work(
    run: Run, workspace: Path, lines: list[str], fact: str
) -> None:
    toml(workspace, *lines)
    result = run("batch", "stars.csv")
    assert result.exit_code == 2
    assert fact in result.stderr
    assert "bertsent.toml" in result.stderr


def test_a_value_that_an_option_does_not_take_is_refused(run: Run, workspace: Path, stars: Path) -> None:
    toml(workspace, "[data]", 'on-bad-row = "ignore"')
    assert run("batch", stars).exit_code == 2


def test_help_needs_no_workspace_file(run: Run, workspace: Path) -> None:
    assert run("batch", "--help").exit_code == 0
