"""What the records of settings check themselves with."""

from __future__ import annotations

from typing import Any, get_args

from bertsent.base.errors import UsageError


def require(condition: bool, message: str, received: object) -> None:
    """Raises UsageError with the message, unless the condition holds."""
    if not condition:
        if isinstance(received, str):  # from a command line: it may hold control bytes, and be long
            received = repr(received)[1:-1][:60]
        raise UsageError(message, received=received)


def names(choices: Any) -> str:
    """The choices of a Literal, for a message."""
    return ", ".join(get_args(choices))
