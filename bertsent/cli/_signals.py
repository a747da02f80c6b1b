"""Lets long work ask, between two steps, whether a signal has come."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from bertsent.base.errors import Interrupted
from bertsent.cli._render import note


@contextmanager
def noted_signals() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGINT or SIGTERM has come. Their handlers run as before.

    Python prints and drops what a handler raises during a finalizer (`__del__`, a weak reference's callback).
    The function still reports that signal, so that no caller waits for it for ever.
    """
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note_and_pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    with _handled_by(note_and_pass_on):
        yield lambda: bool(received)


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGINT or SIGTERM has come. A second signal stops at once.

    Raises:
        Interrupted: with the exit code of SIGTERM if that was the signal.
    """
    received: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        note("Stopping after this batch; a second signal stops at once.")

    try:
        with _handled_by(ask):
            yield lambda: bool(received)
    except Interrupted as stopped:
        terminated = received == [signal.SIGTERM]
        raise Interrupted(stopped.message, terminated=terminated, hint=stopped.hint) from stopped


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles SIGINT and SIGTERM with `handler` in the block, and with the previous handlers after it."""
    previous = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
