"""While a drift is open, no command says that all is well: checks of texts and of tables, and `models`."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import retrain_world as world
from support.html_page import Page
from typer.testing import Result

Run = Callable[..., Result]
OPEN = "is open (reported only). To retrain, run bertsent drift; to leave it, bertsent drift --accept"


@pytest.fixture
def home(champion: Path, workspace: Path, run: Run) -> Path:
    """A workspace with a drift that was only reported, and a table of reviews that version 1 knows well."""
    shutil.copytree(champion / "model", workspace / "model")
    world.label(workspace, world.known(40, wrong=True))
    assert run("drift", "--no-retrain").exit_code == 3
    with (workspace / "calm.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows(world.known(640)[40:])
    return workspace


@pytest.mark.parametrize("option", ["--texts", "--labels"])
def test_a_calm_check_of_other_reviews_does_not_hide_an_open_drift(run: Run, home: Path, option: str) -> None:
    result = run("drift", option, "calm.csv", "--threshold", 0.4, "--report", "r.html")
    assert result.exit_code == 3, result.output
    (line,) = result.stdout.splitlines()
    assert line.startswith("DRIFT of 20")
    assert OPEN in line
    assert {"--texts": "CANNOT TELL without labels", "--labels": "STABLE"}[option] in line
    page = " ".join(Page((home / "r.html").read_text(encoding="utf-8")).text.split())
    assert re.search(r"of 20\d\d-\d\d-\d\d is open.{1,3}reported only", page)
    answer = json.loads(run("drift", option, "calm.csv", "--json").stdout)
    assert answer["open"]["state"] == "reported only"


def test_too_few_texts_do_not_hide_it_either(run: Run, home: Path) -> None:
    (home / "few.txt").write_text("a fine film\n", encoding="utf-8")
    result = run("drift", "--texts", "few.txt")
    assert (result.exit_code, OPEN in result.stdout) == (3, True), result.output


def test_the_list_of_versions_says_that_a_drift_is_open(run: Run, home: Path) -> None:
    listed = run("models")
    assert listed.exit_code == 0
    assert OPEN in listed.stderr
    *others, current = json.loads(run("models", "--json").stdout)
    assert current["open_drift"]["state"] == "reported only"
    assert not [row for row in others if "open_drift" in row]


def test_nobody_speaks_of_a_drift_that_was_accepted(run: Run, home: Path) -> None:
    assert run("drift", "--accept", "a sale").exit_code == 0
    assert "is open" not in run("models").stderr
    result = run("drift", "--texts", "calm.csv")
    assert (result.exit_code, "is open" in result.stdout) == (4, False), result.output
