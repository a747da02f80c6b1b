"""A person knows better than the gate: `models approve --rejected`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import retrain_world as world
from support.pty_terminal import Person
from typer.testing import Result

from bertsent.retraining.ledger import Ledger
from bertsent.versions.manifest import version_numbers

Run = Callable[..., Result]
WORDS = ["models", "approve", "--rejected", "the shop turned its stars round"]


@pytest.fixture(scope="session")
def sent_back(once: Callable[..., Path], poisoned: Path, films: Path) -> Path:
    """A workspace whose challenger learnt flipped labels, so that the gate rejected it."""

    def make(home: Path) -> None:
        shutil.copytree(poisoned, home, dirs_exist_ok=True)
        assert world.retrain(home, films).outcome == "rejected"

    return once("sent-back", make)


@pytest.fixture
def home(sent_back: Path, workspace: Path) -> Path:
    return Path(shutil.copytree(sent_back, workspace, dirs_exist_ok=True))


def gate_of(home: Path) -> Any:
    return Ledger(home / "reports").events()[0]["gate"]


def events(home: Path) -> list[tuple[str, int | None]]:
    return [(each["event"], each["version"]) for each in Ledger(home / "reports").events()]


def test_a_rejected_candidate_is_kept_and_says_how_it_can_be_published(run: Run, home: Path) -> None:
    said = run("models", "why").stdout
    assert "rejected by the gate" in said
    assert gate_of(home)["reason"] in said
    assert 'bertsent models approve --rejected "REASON"' in said
    assert run("models").stdout.endswith("rejected by the gate\n")
    refused = run("models", "approve", "I like it")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"the gate rejected the last one. Received: {gate_of(home)['reason']}" in refused.stderr
    assert "bertsent models approve --rejected" in refused.stderr
    refused = run("models", "reject")
    assert (refused.exit_code, "nothing to reject" in refused.stderr) == (2, True)
    assert version_numbers(home / "model") == [1]


def test_a_rejected_candidate_is_no_open_question(run: Run, home: Path) -> None:
    found = json.loads(run("drift", "--no-retrain", "--json").stdout)
    assert (found["candidate"], found["open"]["state"]) == (None, "rejected")


@pytest.mark.parametrize("reason", ["", "  "])
def test_against_the_gate_a_reason_is_needed(run: Run, home: Path, reason: str) -> None:
    refused = run("models", "approve", "--rejected", reason, "--yes")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "Against the gate a reason is needed" in refused.stderr
    assert version_numbers(home / "model") == [1]


def test_from_a_pipe_it_is_published_with_yes_only(run: Run, home: Path) -> None:
    refused = run(*WORDS)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"needs a yes, and nobody can be asked here. Received: {gate_of(home)['reason']}" in refused.stderr
    assert "--yes" in refused.stderr
    assert (version_numbers(home / "model"), events(home)) == ([1], [("rejected", None)])
    result = run(*WORDS, "--yes")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(
        "Published version 2 by your word against the gate; it replaces version 1"
    )
    assert f"The gate: {gate_of(home)['reason']}" in result.stdout
    assert json.loads(run("predict", "awful awful", "--json").stdout)["version"] == "2"


def test_the_word_against_the_gate_is_recorded_beside_the_gates_reason(run: Run, home: Path) -> None:
    assert run("drift", "--no-retrain").exit_code == 3
    assert run(*WORDS, "--yes").exit_code == 0
    assert events(home) == [("rejected", None), ("published", 2)]
    last = Ledger(home / "reports").events()[-1]
    assert last["by_person"] == {"said": "approved", "reason": WORDS[-1], "against_gate": True}
    assert (last["gate"]["passed"], last["reason"]) == (False, gate_of(home)["reason"])
    said = run("models", "why", "2").stdout
    assert f"Approved by a person, against the gate: {WORDS[-1]}." in said
    assert gate_of(home)["reason"] in said
    card = (home / "model" / "2" / "README.md").read_text(encoding="utf-8")
    assert "A person published it although the gate had rejected it." in card
    (point,) = json.loads(run("models", "curve", "--json").stdout)["retrains"]
    assert point["version"] == 2
    assert run("drift").exit_code == 0, "the drift is answered"
    assert run("models", "rollback").exit_code == 0
    assert world.current(home).name == "3"


@pytest.mark.parametrize(("keys", "left"), [("y\r", [1, 2]), ("n\r", [1]), ("\r", [1])])
def test_on_a_terminal_it_asks_and_says_why_the_gate_rejected_it(
    home: Path, keys: str, left: list[int]
) -> None:
    with Person(*WORDS) as person:
        person.see("New reviews kept aside: ", "The gate rejected it: ", "Publish it all the same?")
        person.press(keys, "Published version 2" if left == [1, 2] else "Nothing was published.")
        assert person.end() == 0
    assert version_numbers(home / "model") == left


def test_the_next_retrain_takes_the_place_of_a_rejected_candidate(
    run: Run, home: Path, challenged: Path, films: Path
) -> None:
    shutil.rmtree(home / "labels")
    shutil.copytree(challenged / "labels", home / "labels")
    shutil.copytree(challenged / ".bertsent" / "challenger", home / ".bertsent" / "challenger")
    result = run("retrain", "--data", films, "--config", world.write_config(home / "pace.toml"), "--force")
    assert result.stdout.startswith("Published version 2"), result.output
    refused = run(*WORDS, "--yes")
    assert (refused.exit_code, "No rejected candidate is kept" in refused.stderr) == (2, True)
