"""A candidate waits for a person's word: `drift --ask`, `models why`, `models approve`, `models reject`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_versions
from support import retrain_world as world
from support.html_page import Page
from typer.testing import Result

from bertsent.base.files import lock
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Outcome
from bertsent.retraining.ledger import Ledger
from bertsent.versions import store
from bertsent.versions.manifest import version_numbers

Run = Callable[..., Result]
WAITS = "Candidate 2 waits for your word: bertsent models approve, or bertsent models reject"


@pytest.fixture
def home(asked: Path, workspace: Path) -> Path:
    return Path(shutil.copytree(asked, workspace, dirs_exist_ok=True))


def answer(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def line(result: Result, code: int) -> str:
    assert result.exit_code == code, result.output
    (said,) = result.stdout.splitlines()
    return said


def events(home: Path) -> list[tuple[str, int | None]]:
    return [(each["event"], each["version"]) for each in Ledger(home / "reports").events()]


def outcomes(home: Path) -> list[str]:
    events = DriftHistory(Workspace(home)).events
    return [event.outcome for event in events if isinstance(event, Outcome)]


def refused(result: Result, code: int, *words: str) -> None:
    """It ended with this code, printed nothing, and said this in one line."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


# it waits


def test_drift_with_ask_publishes_nothing_and_says_that_a_candidate_waits(run: Run, home: Path) -> None:
    (said,) = (home / "line.txt").read_text().splitlines()
    assert said.startswith("DRIFT: headline 0.")
    assert f"check 1 of version 1. {WAITS}. New reviews kept aside: " in said
    assert version_numbers(home / "model") == [1]
    assert (events(home), outcomes(home)) == ([("waiting", None)], ["waiting"])
    assert json.loads((home / "found.json").read_text())["action"] == "training"
    assert not (home / "published").exists()
    assert not (home / ".bertsent" / "challenger").exists()
    text = " ".join(Page((home / "r.html").read_text(encoding="utf-8")).text.split())
    assert WAITS in text
    assert "bertsent models why" in text.partition("What to do next")[2]
    assert "open: waiting" in text.partition("outcome")[2]


def test_every_later_run_says_that_the_drift_is_open_and_that_a_candidate_waits(run: Run, home: Path) -> None:
    for _ in range(2):
        said = line(run("drift"), 3)
        assert said.startswith("DRIFT of 20")
        assert f'is open (waiting). {WAITS}; to leave it, bertsent drift --accept "REASON". NOTHING' in said
    found = answer(run("drift", "--json"), 3)
    assert (found["action"], found["candidate"]) == ("none", 2)
    assert (found["open"]["state"], found["open"]["candidate"]) == ("waiting", 2)
    assert found["open"]["remedy"] == "bertsent models approve"
    assert run("drift", "--report", "r.html").exit_code == 3
    assert "bertsent models reject" in Page((home / "r.html").read_text(encoding="utf-8")).text
    assert (events(home), outcomes(home)) == ([("waiting", None)], ["waiting"])


def test_why_without_a_number_tells_of_the_candidate(run: Run, home: Path) -> None:
    for words in ([], ["candidate"], ["2"]):
        said = run("models", "why", *words).stdout
        assert said.startswith("Candidate 2, ")
        for word in (
            "by drift: waits for your word",
            "Drift: drift, text 0.",
            "New reviews kept aside",
            WAITS,
        ):
            assert word in said
    found = answer(run("models", "why", "--json"))
    assert (found["version"], found["candidate"], found["state"]) == ("candidate", 2, "waiting")
    assert found["lineage"]["gate"]["passed"] is True
    assert run("predict", "tasty", "--model", found["path"]).exit_code == 0


def test_models_lists_the_candidate_with_its_size(run: Run, home: Path) -> None:
    said = run("models").stdout.splitlines()[-1]
    assert said.split()[0] == "candidate"
    assert said.endswith(" kB  waits for your word, to be version 2")
    current, candidate = answer(run("models", "--json"))
    assert (current["version"], current["current"]) == (1, True)
    assert (candidate["version"], candidate["current"], candidate["state"]) == ("candidate", False, "waiting")
    pruned = answer(run("models", "prune", "--json"))
    assert pruned["candidate"] == {"number": 2, "state": "waiting", "bytes": candidate["bytes"]}
    assert "kept: candidate 2 (" in run("models", "prune").stdout


def test_a_retrain_while_a_candidate_waits_trains_nothing(run: Run, home: Path) -> None:
    result = run("retrain")
    assert result.exit_code == 3
    assert result.stdout.startswith(f"{WAITS}. Nothing was trained; bertsent retrain --force replaces it")
    found = answer(run("retrain", "--ask", "--json"), 3)
    assert (found["outcome"], found["version"], found["candidate"]) == ("waiting", None, 2)
    assert found["earlier"] is True


def test_new_labels_are_judged_and_train_no_other_candidate(run: Run, home: Path) -> None:
    world.label(home, world.known(190, wrong=True)[150:])
    said = line(run("drift", "--yes"), 3)
    assert said.startswith("DRIFT: headline ")
    assert "40 new labels, check 2 of version 1; candidate 2 waits for your word: " in said
    assert said.endswith(
        ". Until then no other is trained; bertsent retrain --force trains one with all labels"
    )
    said = line(run("drift", "--yes"), 3)
    assert f"is open (waiting). {WAITS}" in said
    assert not (home / ".bertsent" / "challenger").exists()
    assert run("models", "approve").exit_code == 0  # it answers the labels that it has learnt, not the others
    found = answer(run("drift", "--json"), 3)
    assert (found["open"]["look"], found["open"]["state"]) == (2, "reported only")
    assert found["open"]["remedy"] == "bertsent retrain"


def test_a_retrain_with_force_replaces_the_candidate(run: Run, home: Path) -> None:
    result = run("retrain", "--force", "--ask", "--config", world.write_config(home / "pace.toml"))
    assert result.exit_code == 3, result.stderr
    assert result.stdout.startswith("Candidate 3 waits for your word"), "a number is not given twice"
    assert [event for event, _ in events(home)] == ["waiting", "dropped", "waiting"]
    assert answer(run("models", "curve", "--json"))["retrains"] == [], "neither has an outcome"
    assert "Candidate 2, " in run("models", "why", "2").stdout
    assert run("models", "approve", "--json").exit_code == 0
    assert version_numbers(home / "model") == [1, 3]


# approved


def test_approve_publishes_the_candidate_and_closes_the_drift(run: Run, home: Path) -> None:
    result = run("models", "approve", "I read them.", "--on-published", "cat > made.json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Published version 2 by your word; it replaces version 1\nNew reviews ")
    assert "The drift of 20" in result.stdout
    assert result.stderr == ""
    made, found = (json.loads((home / name).read_text()) for name in ("made.json", "found.json"))
    assert (made["event"], made["action"], made["published"]) == ("published", "published", 2)
    assert made["measures"] == found["measures"]
    assert made["by_person"] == {"said": "approved", "reason": "I read them.", "against_gate": False}
    assert world.current(home).name == "2"
    assert events(home) == [("waiting", None), ("published", 2)]
    assert outcomes(home) == ["waiting", "published"]
    assert not (home / ".bertsent" / "candidate").exists()
    assert line(run("drift"), 0).startswith("NOTHING NEW")
    assert "Approved by a person: I read them." in run("models", "why", "2").stdout
    assert "A person published it." in (home / "model" / "2" / "README.md").read_text(encoding="utf-8")
    assert len(answer(run("models", "curve", "--json"))["retrains"]) == 1
    assert run("models", "rollback").exit_code == 0
    assert answer(run("drift", "--json"), 3)["open"]["state"] == "rolled back"


def test_approve_twice_is_refused_the_second_time(run: Run, home: Path) -> None:
    assert answer(run("models", "approve", "--json"))["published"] == 2
    refused(run("models", "approve"), 2, "No candidate waits for a word", "bertsent drift --ask")
    refused(run("models", "reject"), 2, "No candidate waits for a word", "bertsent retrain --ask")
    refused(run("models", "why"), 2, "No candidate waits for a word")
    assert version_numbers(home / "model") == [1, 2]


def test_approve_is_refused_after_another_version_became_current(run: Run, home: Path) -> None:
    fake_versions.publish(home / "model")
    assert version_numbers(home / "model") == [1, 3], "2 is the candidate's"
    refused(run("models", "approve"), 2, "compared with version 1, and now version 3", "bertsent retrain ")
    assert "compared with a version that is no longer current" in run("models").stdout
    assert run("models", "rollback", "1").exit_code == 0  # the same model again, so the comparison holds
    assert answer(run("models", "approve", "--json"))["published"] == 5
    assert world.current(home).name == "5"


def test_an_outdated_candidate_can_be_rejected(run: Run, home: Path) -> None:
    fake_versions.publish(home / "model")
    assert run("models", "reject").exit_code == 0
    assert not (home / ".bertsent" / "candidate").exists()


@pytest.mark.parametrize("name", ["classifier.tflite", "weights.safetensors", "manifest.json"])
def test_a_damaged_candidate_is_not_published(run: Run, home: Path, name: str) -> None:
    (home / ".bertsent" / "candidate" / "2" / name).write_bytes(b"damaged")
    refused(run("models", "approve"), 6, "Candidate 2 is damaged", "retrain --force", "models reject")
    assert version_numbers(home / "model") == [1]
    if name == "manifest.json":
        assert "candidate  damaged" in run("models").stdout
        refused(run("models", "why"), 6, "damaged")
    assert run("models", "reject", "it is damaged").exit_code == 0
    assert events(home) == [("waiting", None), ("rejected", None)]


def test_a_candidate_that_was_deleted_leaves_the_drift_open(run: Run, home: Path) -> None:
    shutil.rmtree(home / ".bertsent")
    found = answer(run("drift", "--no-retrain", "--json"), 3)
    assert (found["candidate"], found["open"]["state"]) == (None, "reported only")
    assert found["open"]["remedy"] == "bertsent drift"  # which trains another one
    refused(run("models", "approve"), 2, "No candidate waits")


def test_approve_beside_a_run_of_drift_is_refused(run: Run, home: Path) -> None:
    with lock(home / ".bertsent" / "drift.lock", "drift"):
        refused(run("models", "approve"), 75, "drift, process")
    assert version_numbers(home / "model") == [1]


# rejected


def test_reject_ends_the_candidate_and_leaves_the_drift_open(run: Run, home: Path) -> None:
    result = run("models", "reject", "too many\nslips")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Rejected candidate 2; version 1 stays current. Reason: too many")
    assert "is open (rejected). To add labels or correct them, run bertsent label;" in result.stderr
    assert (events(home), outcomes(home)) == (
        [("waiting", None), ("rejected", None)],
        ["waiting", "rejected"],
    )
    assert not (home / ".bertsent" / "candidate").exists()
    assert "is open (rejected)" in line(run("drift"), 3)
    again = run("retrain")
    assert again.exit_code == 3
    assert again.stdout.startswith("Rejected: rejected on 20")
    assert "by a person: too many" in again.stdout
    assert "it is tried again with 60 more labels, or with --force" in again.stdout
    said = run("models", "why", "2").stdout
    assert "It never became a version (rejected)" in said
    assert "Rejected by a person: too many" in said
    assert store.next_number(home / "model") == 3, "a number is not given twice"
    assert len(answer(run("models", "curve", "--json"))["retrains"]) == 1


def test_reject_as_json_has_the_keys_of_approve(run: Run, home: Path) -> None:
    found = answer(run("models", "reject", "--json"))
    assert (found["action"], found["published"], found["candidate"]) == ("rejected", None, 2)
    assert found["by_person"] == {"said": "rejected", "reason": "", "against_gate": False}
    assert found["open"]["state"] == "rejected"


# without a drift


def test_retrain_with_ask_and_no_open_drift_is_done(
    run: Run, challenged: Path, workspace: Path, films: Path
) -> None:
    shutil.copytree(challenged, workspace, dirs_exist_ok=True)
    pace = world.write_config(workspace / "pace.toml")
    result = run("retrain", "--data", films, "--config", pace, "--ask")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{WAITS}. The gate: ")
    said = line(run("drift", "--no-retrain"), 3)
    assert said.startswith("DRIFT: ")
    assert said.endswith(WAITS)
    assert run("models", "approve").exit_code == 0
