"""The checks that records of settings use."""

from __future__ import annotations

from typing import Any, get_args

from bertsent.base.errors import UsageError


def require(condition: bool, message: str, received: object) -> None:
    """Raises UsageError with `message` and `received` unless the condition holds."""
    if not condition:
        if isinstance(received, str):  # from a command line: it may hold control bytes or be long
            received = repr(received)[1:-1][:60]
        raise UsageError(message, received=received)


def require_choice(name: str, value: str, choices: Any) -> None:
    """Raises UsageError unless the value is one of the choices of a `Literal`."""
    require(value in get_args(choices), f"{name} is one of {', '.join(get_args(choices))}.", value)
