"""A workspace that 0.4.0 wrote goes on working: fixtures/workspace_0_4_0/README.md says what is in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bertsent.labelling.decisions import agreement
from bertsent.labelling.log import LabelLog
from bertsent.versions.manifest import read_version

Run = Callable[..., Result]
FIXTURE = Path(__file__).parents[1] / "fixtures" / "workspace_0_4_0"
NEW = 40  # labels that 0.4.0 had not judged


@pytest.fixture
def home(workspace: Path) -> Path:
    shutil.copytree(FIXTURE, workspace, dirs_exist_ok=True)
    return workspace


def answer(result: Result) -> Any:
    assert result.exit_code in {0, 3}, result.stderr
    return json.loads(result.stdout)


def events(home: Path) -> list[str]:
    lines = (home / "labels" / "drift.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_versions_verify_and_are_listed(run: Run, home: Path) -> None:
    for number in ("1", "2"):
        read_version(home / "model" / number).verify()
    listed = answer(run("models", "--json"))
    assert [(row["version"], row["current"], row["damaged"]) for row in listed] == [
        (1, False, False),
        (2, True, False),
    ]
    assert [(row["reason"], row["parent"], row["labels"]) for row in listed] == [
        ("train", None, 0),
        ("drift", 1, 246),
    ]


def test_version_scores_as_it_did(run: Run, home: Path) -> None:
    row = answer(run("predict", "wonderful film wonderful", "--json"))
    assert (row["label"], row["version"]) == ("positive", "2")
    assert row["score"] == pytest.approx(0.99995, abs=1e-4)
    assert run("predict", "awful thing", "--model", "1").exit_code == 0


def test_labels_are_read_and_go_on(run: Run, home: Path) -> None:
    log = LabelLog(home / "labels")
    assert (len(log.decisions()), len(log.valid_decisions()), len(log.labelled())) == (363, 361, 340)
    assert (agreement(log.decisions()).n, agreement(log.decisions()).same) == (20, 16)
    before = (home / "labels" / "log.jsonl").read_bytes()
    assert run("predict", "a new film", "--sentiment", "positive").exit_code == 0
    assert (home / "labels" / "log.jsonl").read_bytes().startswith(before)
    assert len(log.labelled()) == 341
    assert len([*home.glob("labels/pos/*.txt"), *home.glob("labels/neg/*.txt")]) == 341


def test_ledger_is_read(run: Run, home: Path) -> None:
    retrains = answer(run("models", "curve", "--json"))["retrains"]
    assert [(row["version"], row["labels"]) for row in retrains] == [(None, 85), (2, 246)]
    why = run("models", "why", "2")
    assert why.exit_code == 0
    assert "Drift: drift, text 0.394" in why.stdout


@pytest.mark.slow
def test_drift_history_is_migrated_and_nothing_is_judged_twice(run: Run, home: Path) -> None:
    page = home / "page.html"
    result = run("drift", "--no-retrain", "--json", "--report", page)
    judged = answer(result)
    assert (judged["new_rows"], judged["looks"], judged["version"]) == (NEW, 1, "2")
    assert result.stderr.count("lost") == 0
    assert events(home) == ["look", "outcome", "look"]
    assert "2 checks" in page.read_text(encoding="utf-8")
    again = run("drift", "--no-retrain").stdout  # the drift is open, and said first
    assert re.match(r"DRIFT of .* is open .*NOTHING NEW", again)


def test_drift_history_is_migrated_though_nothing_is_new(run: Run, home: Path) -> None:
    log = home / "labels" / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:-NEW]), encoding="utf-8")
    assert run("drift").stdout.startswith("NOTHING NEW")
    assert events(home) == ["look", "outcome"]


def test_drift_history_is_kept_beside_labels_that_lie_elsewhere(run: Run, home: Path) -> None:
    (home / "labels").rename(home / "mine")
    judged = answer(run("drift", "--no-retrain", "--json", "--labels", "mine"))
    assert judged["new_rows"] == NEW
    assert (home / "mine" / "drift.jsonl").is_file()
    assert not (home / "labels").exists()


def test_drift_history_that_was_lost_starts_no_retraining(run: Run, home: Path) -> None:
    shutil.rmtree(home / ".bertsent")
    (home / "reports" / "drift.jsonl").unlink()
    result = run("drift")
    assert result.exit_code == 3
    assert "lost" in result.stderr
    assert "only reported" in result.stdout
    assert run("drift").stdout.startswith("NOTHING NEW")
