"""Times between two looks, as options take them: 30s, 1m, 2h, 1d."""

from __future__ import annotations

import re

from bertsent.base.display import visible
from bertsent.base.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 366 * _UNITS["d"]
_INTERVAL = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", re.IGNORECASE)


def parse_interval(text: str) -> float:
    """The seconds of a value of `--watch`, such as 30m.

    Raises:
        UsageError: if it is not a time from a second to 366 days.
    """
    match = _INTERVAL.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2].lower()] if match else 0.0
    if not 1 <= seconds <= _LONGEST:
        raise UsageError(
            "--watch takes a time from 1s to 366d: a number and one of s, m, h, d, such as 1h.",
            received=visible(repr(text))[:60],
        )
    return seconds
