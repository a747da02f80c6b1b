"""Times as `--watch` takes them."""

from __future__ import annotations

import pytest

from bertsent.base.errors import UsageError
from bertsent.base.interval import parse_interval


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m", 60), ("2H", 7200), ("1.5m", 90), ("7d", 7 * 86_400)]
)
def test_interval_is_read(text: str, seconds: float) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "60", "0s", "-1m", "367d", "nanm", "infs", "1e9s", "one m"])
def test_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="1s to 366d"):
        parse_interval(text)
