"""The exception tree and the exit codes."""

from __future__ import annotations

import inspect

import pytest

from bertsent.base import errors
from bertsent.base.errors import EXIT_CODES, BertsentError, ExitCode, Interrupted

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, BertsentError) and kind is not BertsentError
]


def test_exit_codes_explain_every_code() -> None:
    assert list(EXIT_CODES) == list(ExitCode)
    assert all(EXIT_CODES.values())


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (ExitCode.DONE, 0),
        (ExitCode.FAILED, 1),
        (ExitCode.USAGE, 2),
        (ExitCode.DRIFT, 3),
        (ExitCode.CANNOT_TELL, 4),
        (ExitCode.NETWORK, 5),
        (ExitCode.ARTEFACT, 6),
        (ExitCode.DATA, 7),
        (ExitCode.STORAGE, 74),
        (ExitCode.BUSY, 75),
        (ExitCode.INTERRUPTED, 130),
        (ExitCode.TERMINATED, 143),
    ],
)
def test_exit_code_never_changes_its_number(code: ExitCode, number: int) -> None:
    assert code == number


@pytest.mark.parametrize("kind", TREE)
def test_error_is_drawn_in_the_tree_with_its_code(kind: type[BertsentError]) -> None:
    (line,) = [line for line in (errors.__doc__ or "").splitlines() if f"─ {kind.__name__} " in line]
    assert str(int(kind.exit_code)) in line.replace("/", " ").split()


def test_error_says_fact_received_and_hint_in_one_line() -> None:
    error = BertsentError("It is not so.", received="this", hint="do that")
    assert str(error) == "It is not so. Received: this. Hint: do that"
    assert str(BertsentError("It is not so.")) == "It is not so."
    assert "Received: 0." in str(BertsentError("It is not so.", received=0))


def test_interrupted_tells_sigterm_from_sigint() -> None:
    assert Interrupted("Stopped.").exit_code == 130
    assert Interrupted("Stopped.", terminated=True).exit_code == 143
    assert Interrupted.exit_code == 130, "one that was terminated does not change the next"
