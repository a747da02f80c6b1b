"""A drift stays open in every run that follows, until a version, a person or a later check closes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import retrain_world as world
from support.html_page import Page
from support.listener import Listener
from typer.testing import Result

from bertsent.base.errors import Interrupted
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import NAME, DriftHistory
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.open_drift import find_open
from bertsent.retraining.records import Trigger
from bertsent.versions import registry

Run = Callable[..., Result]
ACCEPT = ["drift", "--accept", "the sale is over"]


@pytest.fixture
def home(champion: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows films."""
    shutil.copytree(champion / "model", workspace / "model")
    return workspace


@pytest.fixture
def reported(run: Run, home: Path) -> Path:
    """The same with a drift that was only reported: 40 labels that version 1 gets wrong."""
    world.label(home, world.known(40, wrong=True))
    assert run("drift", "--no-retrain").exit_code == 3
    return home


@pytest.fixture
def trained(run: Run, workspace: Path) -> Callable[[Path], Path]:
    """Copies a home whose challenger is trained, with the drift that it was trained for in its history."""

    def copied(template: Path) -> Path:
        shutil.copytree(template, workspace, dirs_exist_ok=True)
        assert run("drift", "--no-retrain").exit_code == 3
        (look,) = DriftHistory(Workspace(workspace)).looks()
        (workspace / "labels" / NAME).unlink()
        DriftHistory(Workspace(workspace)).append(replace(look, batch=world.DRIFT.batch))
        return workspace

    return copied


@pytest.fixture
def answered(run: Run, trained: Callable[[Path], Path], challenged: Path, films: Path) -> Path:
    """A workspace in which a person retrained because of a drift, and version 2 took over."""
    home = trained(challenged)
    result = retrain(run, home, films)
    assert result.exit_code == 0, result.stderr
    assert "An earlier run completed the challenger" in result.stderr
    assert "is open, so it is the reason for this retrain" in result.stderr
    assert result.stdout.startswith("Published version 2")
    assert "is answered" in result.stdout
    return home


def retrain(run: Run, home: Path, films: Path) -> Result:
    return run("retrain", "--data", films, "--config", world.write_config(home / "pace.toml"))


def line(result: Result, code: int) -> str:
    """The one line of a run that ended with this exit code."""
    assert result.exit_code == code, result.output
    (said,) = result.stdout.splitlines()
    return said


def found(result: Result) -> Any:
    """What `drift --json` says of the open drift."""
    return json.loads(result.stdout)["open"]


# it stays open


@pytest.mark.usefixtures("reported")
def test_a_reported_drift_is_said_by_every_run_until_it_is_handled(run: Run) -> None:
    for _ in range(2):
        said = line(run("drift", "--no-retrain"), 3)
        assert said.startswith("DRIFT of 20")
        assert "is open (reported only). To retrain, run bertsent drift; to leave it," in said
        assert "NOTHING NEW: no label since the check of 20" in said
    result = run("drift", "--no-retrain", "--json")
    shown = found(result)
    assert (shown["state"], shown["version"], shown["remedy"]) == ("reported only", "1", "bertsent drift")
    assert shown["date"].startswith("20")
    assert (json.loads(result.stdout)["action"], result.exit_code) == ("none", 3)


def test_the_page_of_a_run_without_news_shows_the_open_drift(run: Run, reported: Path) -> None:
    assert run("drift", "--no-retrain", "--report", "r.html").exit_code == 3
    text = " ".join(Page((reported / "r.html").read_text(encoding="utf-8")).text.split())
    assert "is open: reported only" in text
    assert "No new label since the check of" in text
    assert 'bertsent drift --accept "REASON"' in text
    assert "open: reported only" in text.partition("outcome")[2]  # the history


def test_labels_in_portions_do_not_hide_an_open_drift(run: Run, reported: Path) -> None:
    world.label(reported, world.known(52)[40:])
    said = line(run("drift", "--no-retrain"), 3)
    assert said.startswith("DRIFT of 20")
    assert "CANNOT TELL: 12 new labels; next check at 30 new labels" in said
    world.label(reported, world.known(72)[52:])
    said = line(run("drift", "--no-retrain"), 3)  # judged, and too few to tell
    assert said.startswith("DRIFT of 20")
    assert "CANNOT TELL" in said
    assert [look.verdict for look in DriftHistory(Workspace(reported)).looks()] == ["drift", "cannot_tell"]


def test_an_open_drift_in_another_folder_of_labels_is_its_own(run: Run, reported: Path) -> None:
    (reported / "labels").rename(reported / "answers")
    assert found(run("drift", "--no-retrain", "--labels", "answers", "--json"))["state"] == "reported only"
    assert run("drift", "--no-retrain").exit_code == 0
    assert run(*ACCEPT).exit_code == 2
    assert run(*ACCEPT, "--labels", "answers").exit_code == 0


def test_a_run_at_another_version_says_nothing_of_the_drift_of_the_current_one(
    run: Run, reported: Path
) -> None:
    shutil.copytree(reported / "model" / "1", reported / "old" / "1")
    assert found(run("drift", "--model", reported / "old" / "1", "--json")) is None


# a later check closes it


def test_a_stable_check_of_newer_labels_closes_the_drift(run: Run, reported: Path) -> None:
    world.label(reported, world.known(160)[40:])
    said = line(run("drift", "--no-retrain", "--threshold", "0.9"), 0)
    assert said.startswith("STABLE")
    assert said.endswith("is gone")
    assert line(run("drift"), 0).startswith("NOTHING NEW")  # and nothing is retrained for it


def test_a_stable_check_of_labels_that_are_older_leaves_it_open(run: Run, reported: Path) -> None:
    log = LabelLog(reported / "labels")
    for text, label in world.known(160)[40:]:
        row = decide(text, "positive" if label else "negative", picked_by="random")
        log.append(replace(row, time="2020-01-01T00:00:00Z"))
    result = run("drift", "--no-retrain", "--threshold", "0.9")
    said = line(result, 3)
    assert said.startswith("DRIFT of 20")
    assert "STABLE" in said


# a person closes it


def test_accept_closes_the_drift_and_records_why(run: Run, reported: Path) -> None:
    said = line(run(*ACCEPT), 0)
    assert said.startswith("Accepted: DRIFT of 20")
    assert said.endswith("at version 1. Reason: the sale is over")
    assert line(run("drift"), 0).startswith("NOTHING NEW")
    assert run("drift", "--report", "r.html").exit_code == 0
    assert "accepted: the sale is over" in (reported / "r.html").read_text(encoding="utf-8")
    lines = (reported / "labels" / NAME).read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    assert (last["event"], last["outcome"], last["reason"]) == ("outcome", "accepted", "the sale is over")
    assert "nothing to accept" in run(*ACCEPT).stderr


def test_accept_closes_all_drifts_that_are_open(run: Run, reported: Path) -> None:
    world.label(reported, world.known(80, wrong=True)[40:])
    assert run("drift", "--no-retrain").exit_code == 3
    result = run(*ACCEPT, "--json")
    assert result.exit_code == 0
    accepted = json.loads(result.stdout)["accepted"]
    assert [drift["look"] for drift in accepted] == [2, 1]
    assert run("drift").exit_code == 0


def test_accept_without_an_open_drift_is_refused(run: Run, home: Path) -> None:
    refused = run(*ACCEPT)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Error: No drift is open, so there is nothing to accept.")
    assert not (home / "labels").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--accept", ""],
        ["--accept", " "],
        [*ACCEPT[1:], "--no-retrain"],
        [*ACCEPT[1:], "--threshold", "0.2"],
        [*ACCEPT[1:], "--report", "r.html"],
        [*ACCEPT[1:], "--watch", "1h"],
        [*ACCEPT[1:], "--labels", "table.csv"],
    ],
)
def test_accept_refuses_an_empty_reason_and_what_says_how_to_judge(
    run: Run, reported: Path, words: list[str]
) -> None:
    (reported / "table.csv").write_text("text,label\ngood,1\n", encoding="utf-8")
    refused = run("drift", *words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert run("drift", "--no-retrain").exit_code == 3


# a new version closes it, and a rollback opens it again


def test_a_retrain_by_hand_answers_the_drift_and_a_rollback_opens_it_again(
    run: Run, answered: Path, films: Path
) -> None:
    (event,) = Ledger(answered / "reports").events()
    assert (event["kind"], event["batch"]) == ("drift", world.DRIFT.batch)
    assert run("drift").exit_code == 0
    assert found(run("drift", "--json")) is None
    back = run("models", "rollback")
    assert back.exit_code == 0
    assert back.stderr.startswith("The drift of 20")
    assert "is open again, as version 2 had answered it. To answer it again, run" in back.stderr
    shown = found(run("drift", "--json"))
    assert (shown["state"], shown["answered_by"]) == ("rolled back", 2)
    assert "(rolled back). To answer it again, run bertsent models rollback 2;" in line(run("drift"), 3)
    refused = retrain(run, answered, films)
    assert refused.exit_code == 3
    assert "version 2 was trained on these labels and rolled back" in refused.stdout
    assert "stays open" in refused.stdout
    assert run("models", "rollback", "2").stderr == ""
    assert found(run("drift", "--json")) is None


def test_a_rollback_before_drift_has_seen_the_new_version_opens_it_again(run: Run, answered: Path) -> None:
    assert "is open again" in run("models", "rollback").stderr
    assert "(rolled back)" in line(run("drift"), 3)
    assert "(rolled back)" in line(run("drift"), 3)


def test_a_pruned_answer_is_trained_again_with_drift_as_the_reason(
    run: Run, answered: Path, films: Path
) -> None:
    run("models", "rollback")
    assert "so kept: 2" in run("models", "prune", "--keep", "1").stdout
    shutil.rmtree(answered / "model" / "2")  # somebody removed the answer by hand
    shown = found(run("drift", "--no-retrain", "--json"))
    assert (shown["state"], shown["remedy"]) == ("rolled back", "bertsent retrain")

    class AtTraining(Listener):
        def tell(self, message: str) -> None:
            if message.startswith("Training on"):
                raise Interrupted("At training.")

    trigger = Trigger.by_person(find_open(Workspace(answered)))
    assert trigger.kind == "drift"
    with pytest.raises(Interrupted, match="At training"):
        world.retrain(answered, films, trigger=trigger, progress=AtTraining())
    assert found(run("drift", "--no-retrain", "--json"))["state"] == "rolled back"


def test_a_version_made_from_the_answer_keeps_the_drift_closed(run: Run, answered: Path) -> None:
    answer = world.current(answered)
    champion = {"version": 2, "digest": answer.classifier_digest, "packaged": False}
    lineage = {
        **answer.manifest.lineage,
        "because": {"kind": "asked", "batch": "", "report": None},
        "keys": [],
        "champion": champion,
    }
    registry.adopt(answer, folder=answered / "model", after=2, reason="retrain", lineage=lineage)
    assert find_open(Workspace(answered)) is None
    shutil.copytree(answered / "model" / "3", answered / "3")
    assert "is open again, as version 3 had answered it" in run("models", "rollback", "1").stderr
    shutil.rmtree(answered / "model")
    (answered / "model").mkdir()
    (answered / "3").rename(answered / "model" / "3")  # all others are gone; the ledger still knows version 2
    assert find_open(Workspace(answered)) is None


def test_a_rejected_challenger_leaves_the_drift_open(
    run: Run, trained: Callable[[Path], Path], poisoned: Path, films: Path
) -> None:
    home = trained(poisoned)
    refused = retrain(run, home, films)
    assert refused.exit_code == 3
    assert "stays open" in refused.stdout
    assert found(run("drift", "--no-retrain", "--json"))["state"] == "rejected"
    world.label(home, world.known(52)[40:])
    said = line(
        run("drift", "--yes", "--data", films), 3
    )  # the outcome of the person's retrain is that of the drift
    assert "rejected" in said
    assert [event["event"] for event in Ledger(home / "reports").events()] == ["rejected"]
    said = line(run("drift"), 3)
    assert "is open (rejected). To add labels or correct them, run bertsent label;" in said
    assert "CANNOT TELL: 12 new labels" in said
