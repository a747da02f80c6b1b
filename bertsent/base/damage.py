"""Damage that texts take on the way: wrong decoding, lost characters, control characters, markup."""

from __future__ import annotations

import re

from bertsent.base.text import clean, unescape

# The characters that Windows-1252 has for the bytes 80 to BF, which continue a character of UTF-8; the five
# bytes that it leaves undefined are kept as they are by most programs.
_UNDEFINED = {byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
_OF_BYTE = {byte: _UNDEFINED.get(byte) or bytes([byte]).decode("cp1252") for byte in range(0x80, 0x100)}
_BYTE_OF = {ord(character): chr(byte) for byte, character in _OF_BYTE.items()}
_NEXT = "[" + "".join(re.escape(_OF_BYTE[byte]) for byte in range(0x80, 0xC0)) + "\x80-\x9f]"
# First bytes of the characters that reviews hold: Latin letters with marks, Cyrillic, punctuation, emoji. Two
# such characters in a row mean something only by mistake.
_MOJIBAKE = re.compile(rf"[ÂÃÄÅÐÑ]{_NEXT}|[âã]{_NEXT}{{2}}|ð{_NEXT}{{3}}")

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_MARKUP = re.compile(
    r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});|</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>"
)


def mojibake(text: str) -> str:
    """The first characters that are UTF-8 read as Windows-1252 or Latin-1, as `Ã©` for `é`; "" if none."""
    match = None if text.isascii() else _MOJIBAKE.search(text)
    return match[0] if match and _decoded(match[0]) else ""


def mended(text: str) -> str:
    """The text with the right characters for its mojibake."""
    return _MOJIBAKE.sub(lambda match: _decoded(match[0]) or match[0], text)


def control(text: str) -> str:
    """The first control character other than white space; "" if there is none."""
    match = None if text.isprintable() else _CONTROL.search(text)
    return match[0] if match else ""


def markup(text: str) -> str:
    """The first HTML entity or tag; "" if there is none."""
    match = _MARKUP.search(text) if "<" in text or "&" in text else None
    return match[0] if match else ""


def markup_left(text: str) -> str:
    """The first HTML entity or tag that stays when the text is read and cleaned; "" if there is none."""
    return markup(clean(unescape(text))) if "<" in text or "&" in text else ""


def _decoded(characters: str) -> str:
    """The one character whose bytes of UTF-8 these are; "" if they are not."""
    try:
        return characters.translate(_BYTE_OF).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return ""
