"""Runs bertsent in its own process: for pipes, signals, a full disk and other environments."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

COMMAND = [sys.executable, "-c", "from bertsent.cli import main; main()"]


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Starts the command line with pipes for all three streams."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*COMMAND, *map(_word, arguments)], **{**pipes, **options})


def call(*arguments: object, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Runs the command line to its end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(
        [*COMMAND, *map(_word, arguments)], input=stdin, timeout=120, check=False, **{**pipes, **options}
    )


def _word(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)
