"""Signals that come at bad moments."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from bertsent.cli._signals import noted_signals


class Interrupted:
    """Ctrl-C at the very moment when this is collected."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # the handler runs between two steps of Python
            pass


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in the foreground, wherever the tests run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_noted_signals_know_one_whose_exception_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: lost.append(told.exc_type))
    with noted_signals() as told:
        thing = Interrupted()
        assert not told()
        del thing
        assert lost == [KeyboardInterrupt]
        assert told()


def test_noted_signals_do_what_they_did_and_leave_the_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    with noted_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
