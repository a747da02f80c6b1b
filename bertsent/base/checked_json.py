"""JSON objects that carry their own digest, so that one that was changed or cut short is known for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from bertsent.base.digests import sha256_text

_KEY = "digest"


def digest(values: Mapping[str, Any]) -> str:
    """The SHA-256 over everything an object says, in any order of its keys, but for the digest itself."""
    stated = {name: value for name, value in values.items() if name != _KEY}
    return sha256_text(json.dumps(stated, sort_keys=True))


def line(values: Mapping[str, Any]) -> str:
    """One line of JSON Lines with its digest, in ASCII and without the line break.

    Raises:
        ValueError: if a number is not finite: JSON knows none such.
    """
    plain = json.loads(json.dumps(values, allow_nan=False))  # as a reader will find it
    return json.dumps(plain | {_KEY: digest(plain)})


def parse(text: str | bytes) -> dict[str, Any] | None:
    """What such a line says, less the digest; None if it is damaged."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        values = json.loads(text)
        if isinstance(values, dict) and values.pop(_KEY, None) == digest(values):
            return values
    return None
