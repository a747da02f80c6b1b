"""Commands of the user that are told what happened."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from bertsent.base.display import visible
from bertsent.base.records.core import to_json
from bertsent.base.settings.hooks import HookSettings

_SETTINGS = HookSettings()


def run_hook(
    command: str,
    event: Mapping[str, Any],
    *,
    option: str,
    note: Callable[[str], None],
    settings: HookSettings = _SETTINGS,
) -> None:
    """Runs a command with an event on its stdin, as one line of JSON, and waits for its end.

    What it prints goes to stderr, because stdout carries the answer. If it fails, `note` says so, and nothing
    else changes.

    Args:
        command: A line for the shell.
        event: What happened.
        option: Which option named the command, for the note.
    """
    line = json.dumps(to_json(event), allow_nan=False).encode() + b"\n"
    with subprocess.Popen(
        command, shell=True, stdin=subprocess.PIPE, stdout=2, stderr=2, start_new_session=True
    ) as process:
        try:
            process.communicate(line, timeout=settings.seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            note(f"{option} was ended after {settings.seconds:g} s: {visible(command)}")
            return
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        note(f"{option} ended with {process.returncode}: {visible(command)}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a command and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
