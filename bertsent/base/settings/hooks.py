"""Defaults of hooks, the commands that are told what happened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """How hooks run."""

    seconds: float = 60.0  # a mail or a request takes a few; one that hangs must not stop a monitor for ever
