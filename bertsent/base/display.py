"""Text that is safe to show on a terminal, and numbers as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# Control (Cc) and format (Cf) characters, lone surrogates (Cs), private use (Co), line separators (Zl) and
# paragraph separators (Zp): any of them can forge a line, hide text or fail to encode.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(text: str, *, newlines: bool = False) -> str:
    """`text` with escapes for everything that could drive a terminal or forge a log line.

    Control, format, bidirectional and private characters become escapes such as `\\x1b` or `\\u202e`.
    Every string from outside (reviews, file names, server answers) goes through this function before display.

    Args:
        text: Any string.
        newlines: Leave `\\n` and `\\t` as they are, for text of several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    safe = "\n\t" if newlines else ""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _UNSAFE and character not in safe
        else character
        for character in text
    )


def shortened(text: str, most: int) -> str:
    """The text, or as much of it as fits into `most` characters with an ellipsis behind it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def listed(names: Sequence[str], most: int) -> str:
    """The first `most` of some names from outside, visible, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(visible, names[:most])) + more


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(count: float) -> str:
    """A number of bytes as people read it: 950 B, 4.2 kB, 84.1 MB (powers of 1000)."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
