"""What all pages share: where they are written, and how a template is filled."""

from __future__ import annotations

import math
import os
import textwrap
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import is_folder, require_space
from bertsent.base.text import clean

SUFFIXES = (".html", ".htm")
_PAGES = Path(__file__).parent / "templates"
_SHORT = 240  # characters of a longer review that show before it is opened
_LONGEST = 240  # bytes of a file's name: file systems take 255, and it is longer while it is written
_ROOM = 4 * 1024**2  # bytes; a page has 0.1 MB, and as much again for each very long review


def check_target(path: Path, *, force: bool) -> None:
    """Refuses a place where no page can go, before the work for it begins.

    Raises:
        UsageError: if the name is not that of an HTML file, or `path` exists and not `force`.
        StorageError: if its folder cannot be written or is full.
    """
    if path.suffix.lower() not in SUFFIXES or is_folder(path):
        raise UsageError("A report goes to a file that ends in .html.", received=visible(str(path)))
    if len(os.fsencode(path.name)) > _LONGEST:
        raise UsageError(
            f"The name of a report has at most {_LONGEST} bytes.", received=visible(path.name)[:60]
        )
    if os.path.exists(path) and not force:  # noqa: PTH110 - Path.exists may raise
        raise UsageError(f"{visible(str(path))} exists.", hint="--force replaces it")
    require_space(path.parent, _ROOM)


def folded(text: str) -> dict[str, str]:
    """A review made visible, as `text`, and as `short` what shows of it before it is opened."""
    text = visible(clean(text))
    short = text if len(text) <= 2 * _SHORT else textwrap.shorten(text, _SHORT, placeholder=" …")
    return {"text": text, "short": short}


def environment() -> Any:
    """What renders the pages: escapes all but the pictures, and knows how figures are written."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {"count": count, "figure": figure, "percent": percent, "interval": interval}
    return made


def count(number: int) -> str:
    """12,500"""
    return f"{number:,}"


def percent(share: float) -> str:
    """A share in [0, 1] as percent, without the sign: 94.0"""
    return f"{100 * share:.1f}"


def figure(value: float) -> str:
    """Four decimals; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def interval(ends: tuple[float, float]) -> str:
    """Both ends of an interval; a dash where it does not exist."""
    return "-" if math.isnan(ends[0]) else f"{figure(ends[0])} to {figure(ends[1])}"
