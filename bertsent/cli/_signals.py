"""Signals as a question that long work asks between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from bertsent.base.errors import Interrupted
from bertsent.cli._render import note


@contextmanager
def noted_signals() -> Iterator[Callable[[], bool]]:
    """Yields a question: did SIGINT or SIGTERM come? They do what they did before as well.

    What a handler raises is lost where it interrupts a finalizer (`__del__`, a weak reference's callback):
    Python prints it and goes on. Who waits for a signal must not wait for ever then.
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
    """Yields a question: has SIGINT or SIGTERM asked to stop? A second signal stops at once.

    Raises:
        Interrupted: with the exit code of SIGTERM where that was the signal.
    """
    received: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        note("Stopping after this batch; once more stops at once.")

    try:
        with _handled_by(ask):
            yield lambda: bool(received)
    except Interrupted as stopped:
        terminated = received == [signal.SIGTERM]
        raise Interrupted(stopped.message, terminated=terminated, hint=stopped.hint) from stopped


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """SIGINT and SIGTERM go to a handler in the block, and to the previous one again behind it."""
    previous = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
