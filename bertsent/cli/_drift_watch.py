"""`drift --watch`: checks again and again."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable

import typer

from bertsent.base.errors import BertsentError, ExitCode, Interrupted, UsageError
from bertsent.cli._render import note
from bertsent.cli._signals import noted_signals


def watch_drift(look: Callable[[], ExitCode], pause: float | None) -> None:
    """Checks, waits and checks again. A failed check is reported and does not end the watch, unless it is
    the first and an option is wrong. A signal during the wait ends the watch; one during a check
    interrupts the check.

    Args:
        look: Does one check, says what it found, and returns how it ended.
        pause: Seconds to wait; None to check once.

    Raises:
        typer.Exit: after one check, with how it ended.
    """
    if pause is None:
        raise typer.Exit(look())
    with noted_signals() as signal_came:
        for round_ in itertools.count():
            try:
                look()
            except BertsentError as error:
                if isinstance(error, Interrupted) or (isinstance(error, UsageError) and not round_):
                    raise
                note(f"Error: {error}")
            sys.stdout.flush()
            try:
                if not signal_came():
                    time.sleep(pause)
            except (Interrupted, KeyboardInterrupt):
                pass
            if signal_came():
                note("No longer watching.")
                return
