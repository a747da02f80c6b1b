"""Text that is safe to show on a terminal, and numbers as people read them."""

from __future__ import annotations

import unicodedata

# Besides the control (Cc) and format (Cf) characters: lone surrogates, private use, line and paragraph
# separators, any of which can forge a line, hide text or fail to encode.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(text: str, *, newlines: bool = False) -> str:
    """`text` with everything that could drive a terminal or forge a log line made visible.

    Control, format, bidirectional and private characters become escapes such as `\\x1b` or `\\u202e`.
    Every string from outside (reviews, file names, server answers) passes here before it is shown.

    Args:
        text: Any string.
        newlines: Keep `\\n` and `\\t` as they are (for text shown on several lines).
    """
    if text.isascii() and text.isprintable():
        return text
    kept = {"\n", "\t"} if newlines else set()
    return "".join(
        character
        if character in kept or unicodedata.category(character) not in _UNSAFE
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if named:
        return named
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def size(count: float) -> str:
    """A number of bytes as people read it: 950 B, 4.2 kB, 84.1 MB (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
