"""`bertsent label --disputed`: the labels that the model contradicts are asked again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.pty_terminal import Person
from typer.testing import Result

from bertsent.labelling.log import LabelLog

Run = Callable[..., Result]

THINGS = ("film", "play", "story", "series")
GOOD = [f"A wonderful {thing}, moving and beautifully acted." for thing in THINGS]
BAD = [f"An awful {thing}, dull and badly acted; a waste of time." for thing in THINGS[:3]]
PLAIN = "Great."
FIRST, SECOND = (
    "A wonderful evening, I loved every minute of it.",
    "It was fun, but rather long.",
)  # the surer first


@pytest.fixture
def labelled(run: Run, workspace: Path) -> Path:
    """Labels that agree with the packaged version, but for two."""
    rows = [(1, text) for text in (*GOOD, PLAIN)] + [(0, text) for text in (*BAD, SECOND, FIRST)]
    lines = "".join(f"{label}\t{text}\n" for label, text in rows)
    assert run("label", "--yes", input=lines).exit_code == 0
    return workspace


def labels(workspace: Path) -> dict[str, int]:
    return {row.text: row.label for row in LabelLog(workspace / "labels").labelled()}


def test_disputed_labels_are_asked_again_the_surest_contradiction_first(labelled: Path) -> None:
    with Person("label", "--disputed") as person:
        person.see("2 labels that the model contradicts", FIRST, "2 left")
        person.press("p", SECOND, "1 answered, 1 left")
        person.press("n", "Nothing is left to ask")
        person.press("q")
        assert person.end() == 0
        assert "The model contradicts 2 of 10 labels; asked again: 2, changed: 1" in str(person.screen)
    assert (labels(labelled)[FIRST], labels(labelled)[SECOND]) == (1, 0)
    with Person("label", "--disputed") as person:  # one was changed, and one given twice
        person.see("contradicts 1 of 10 labels, 1 of them given twice; asked again: 0, changed: 0")
        assert person.end() == 0


def test_a_skip_keeps_the_label_and_an_undo_asks_again(labelled: Path) -> None:
    before = labels(labelled)
    with Person("label", "--disputed", "--show-score") as person:
        person.see(FIRST, "labelled negative before", "score 0.9")
        person.press("s", SECOND)
        person.press("p", "Nothing is left")
        person.press("u", SECOND, "1 left")
        person.press("q")
        assert person.end() == 0
        assert "asked again: 1, changed: 0" in str(person.screen)
    assert labels(labelled) == before


def test_disputed_without_a_contradiction_says_so_and_needs_no_terminal(run: Run, workspace: Path) -> None:
    run("label", input="".join(f"1\t{text}\n" for text in GOOD))
    done = run("label", "--disputed")
    assert (done.exit_code, "The model contradicts none of 4 labels" in done.stdout) == (0, True)
    summary = json.loads(run("label", "--disputed", "--json").stdout)
    assert summary["disputed"] == {
        "labels": 4,
        "contradicted": 0,
        "confirmed": 0,
        "asked": 0,
        "changed": 0,
    }


@pytest.mark.usefixtures("labelled")
def test_disputed_needs_a_terminal_and_nothing_else_to_label(run: Run) -> None:
    assert run("label", "--disputed").exit_code == 2
    refused = run("label", "pool.csv", "--disputed")
    assert (refused.exit_code, "POOL and --disputed exclude each other" in refused.stderr) == (2, True)
    refused = run("label", "--disputed", "--import", "x.csv")
    assert (refused.exit_code, "--import and --disputed exclude each other" in refused.stderr) == (2, True)


def test_disputed_says_that_labels_are_probably_swapped(run: Run, workspace: Path) -> None:
    things = [f"{kind} {number}" for kind in ("film", "story") for number in range(1, 11)]
    lines = "".join(f"0\tA wonderful {thing}, moving and beautifully acted.\n" for thing in things)
    assert run("label", "--yes", input=lines).exit_code == 0
    with Person("label", "--disputed") as person:
        person.see("20 left")
        assert b"20 of 20 labels say the opposite of the model" in person.raw
        person.press("q")
        assert person.end() == 0
