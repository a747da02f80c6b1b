"""Signals as a question that long work asks between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from bertsent.base.errors import Interrupted
from bertsent.cli._render import note


@contextmanager
def noted_signals() -> Iterator[Callable[[], bool]]:
    """Yields a question: did SIGINT or SIGTERM come? They do what they did before as well.

    What a handler raises is lost where it interrupts a finalizer (`__del__`, a weak reference's callback):
    Python prints it and goes on. Who waits for a signal must not wait for ever then.
    """
    received: list[int] = []
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def take(number: int, frame: FrameType | None) -> None:
        received.append(number)
        handler = before[number]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, take)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    except Interrupted as stopped:
        raise Interrupted(
            stopped.message, terminated=received == [signal.SIGTERM], hint=stopped.hint
        ) from stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
