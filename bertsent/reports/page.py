"""What all pages share: the check of the target file, templates, their filters, folded reviews.

A page is self-contained: it has no script and loads nothing, so that one file can be mailed. What comes from
outside (reviews, paths, the command line) is made visible and escaped. The only markup that is not in
`templates/` is the plots, which are drawn from our own numbers.
"""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import is_folder, require_space, require_unused
from bertsent.base.text import clean
from bertsent.base.version_names import capital, spoken

SUFFIXES = (".html", ".htm")
_TEMPLATES = Path(__file__).parent / "templates"
_SHORT = 240  # characters of a longer review that show before it is opened
_LONGEST = 240  # bytes of a file's name: file systems take 255, and its temporary name is longer
_ROOM = 4 * 1024**2  # bytes; a page has 0.1 MB, and as much again for each very long review


def check_target(path: Path, *, force: bool) -> None:
    """Refuses a path to which no page can be written, before any work begins.

    Raises:
        UsageError: if `path` is a folder, has no HTML suffix or too long a name, or exists without `force`.
        StorageError: if its folder cannot be written or is full.
    """
    if path.suffix.lower() not in SUFFIXES or is_folder(path):
        raise UsageError("A report goes to a file that ends in .html.", received=visible(str(path)))
    if len(os.fsencode(path.name)) > _LONGEST:
        raise UsageError(
            f"The name of a report has at most {_LONGEST} bytes.", received=visible(path.name)[:60]
        )
    require_unused(path, force=force)
    require_space(path.parent, _ROOM)


def folded(text: str) -> dict[str, str]:
    """A review made visible: `text` is all of it, `short` is the part that shows before it is opened."""
    text = visible(clean(text))
    short = text if len(text) <= 2 * _SHORT else textwrap.shorten(text, _SHORT, placeholder=" …")
    return {"text": text, "short": short}


def render(template: str, pictures: Mapping[str, str], *, command: str, made: str, **values: Any) -> str:
    """Fills a template. Everything but the pictures is escaped.

    Args:
        template: Its file name.
        pictures: Name -> SVG element.
        command: The command line to name on the page.
        made: When the page is made.
        values: The other variables of the template.
    """
    import jinja2
    from markupsafe import Markup  # comes with Jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    for function in (count, number, p_value, percent, interval, moment, spoken, capital):
        environment.filters[function.__name__] = function
    return environment.get_template(template).render(
        pictures={name: Markup(svg) for name, svg in pictures.items()},
        command=visible(command),
        made=made,
        bertsent=__version__,
        **values,
    )


def count(n: int) -> str:
    """A count with commas: 12,500"""
    return f"{n:,}"


def percent(share: float) -> str:
    """A share in [0, 1] as percent, without the sign: 94.0"""
    return f"{100 * share:.1f}"


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` decimals; a dash for NaN or None."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def p_value(value: float | None) -> str:
    """A p-value: three decimals, or "< 0.001"."""
    return "< 0.001" if value is not None and value < 0.001 else number(value, 3)


def interval(ends: tuple[float, float]) -> str:
    """Both ends of an interval; a dash where it does not exist."""
    return "-" if math.isnan(ends[0]) else f"{number(ends[0])} to {number(ends[1])}"


def moment(time: str, zone: str = " UTC") -> str:
    """A time in ISO 8601 to the minute: 2026-01-02 03:04 UTC"""
    return visible(time[:16].replace("T", " ")) + zone
