"""Texts: their clean form, their words, whether they are empty, and reading them from a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError

# None of these reads a part of a text twice, so that no hostile review takes quadratic time. `_BREAK` matches
# several openings at once, because `<br <br>>` would otherwise leave another `<br >`.
_BREAK = re.compile(r"(?:<br\s*)+(/?>)?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>=]*=[^<>]*|\s*/?)>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
# Also escaped more than once.
_AMPERSAND = re.compile(r"&(?:(?:amp|#0{0,4}38|#[xX]0{0,4}26);)+", re.IGNORECASE)
# Pictographs. No vocabulary of BERT has them: each would be [UNK], whether it smiles or weeps.
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
# Words of a name that only say how the character is printed
_FORM_WORDS = frozenset({"black", "heavy", "medium", "sign", "symbol", "white"})
_NOT_NAMED = ("EMOJI MODIFIER", "REGIONAL INDICATOR")  # skin tones, halves of flags
_SURROGATE = re.compile("[\ud800-\udfff]")
_MORE = 1 << 12  # bytes to read at a time from a file that is longer than its stated size


def clean(text: str) -> str:
    """The form in which a text is tokenized, in training and in scoring.

    Line ends, `<br />` in any spelling and every run of white space become one space; byte order marks are
    removed; lone surrogates, which UTF-8 cannot encode, become U+FFFD. HTML entities stay: `unescape` is for
    those. Cleaning a clean text changes nothing.
    """
    text = text.replace("\ufeff", "")
    if "<" in text:
        text = _BREAK.sub(lambda match: " " if match[1] else match[0], text)
    return " ".join(encodable(text).split())


CLEANING = 2  # how texts are cleaned for the versions that are trained now


def tokenizable(text: str, cleaning: int) -> str:
    """The text as versions with this number of cleaning tokenize it: 1: `clean`; 2: with emoji spelt."""
    return clean(text if cleaning == 1 else spell_emoji(text))


def spell_emoji(text: str) -> str:
    """The text with the Unicode names of its emoji: `thumbs up`, `face with tears of joy`.

    Words that only say how a character is printed are left out: U+2764 is `heart`, not `heavy black heart`.
    Skin tones and flags are left out. An emoji that is younger than this Python's Unicode stays.
    """
    return text if text.isascii() else _EMOJI.sub(lambda match: spelt(match[0]), text)


def spelt(character: str) -> str:
    """What `spell_emoji` writes for one character, with a space on both sides."""
    import unicodedata  # few texts have emoji

    name = unicodedata.name(character, "")
    if not name or unicodedata.category(character) not in {"So", "Sk"}:
        return character
    if name.startswith(_NOT_NAMED):
        return " "
    words = name.lower().split()
    return f" {' '.join([word for word in words if word not in _FORM_WORDS] or words)} "


def unescape(text: str) -> str:
    """The text with the characters that its HTML entities stand for (`&#39;`, `&amp;quot;`).

    Every text that comes in, to train or to score, passes here once, because dumps of web pages have them.
    Unescaping the result again changes nothing. Only entities with their semicolon count. An entity for a
    letter, a digit, # or ; stays, because it could make another entity with what is around it.
    """
    return _ENTITY.sub(_character, _AMPERSAND.sub("&", text)) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        from html.entities import html5  # takes a millisecond, and few texts need it

        character = html5.get(f"{name};", match[0])
    else:
        number = int(decimal) if decimal else int(hexadecimal, 16)
        character = chr(number) if 0 < number <= 0x10FFFF else match[0]
    if character == "\ufeff":
        return " "
    harmful = character.isascii() and (character.isalnum() or character in "#;&\0")
    return match[0] if harmful else character


def is_empty(text: str) -> bool:
    """Whether a text has nothing to read: no characters, only blanks, or only HTML tags."""
    return not (_TAG.sub("", text) if "<" in text else text).replace("\ufeff", "").strip()


def encodable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, which UTF-8 cannot encode."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def words(text: str) -> list[str]:
    """The words of a text, case-folded, without punctuation."""
    return re.findall(r"\w+", text.casefold())


def read_utf8(path: Path | str, *, limit: int, what: str = "one review") -> str:
    """The text of a UTF-8 file, with or without a byte order mark; line ends stay.

    Args:
        path: The file.
        limit: The most bytes it may have.
        what: What the file holds, for the message about a file that is too large.

    Raises:
        DataError: naming the file, if it cannot be read, is larger than `limit`, is not UTF-8 (with the first
            wrong byte) or holds a NUL.
    """
    try:
        raw = read_bytes(path, limit)
    except OSError as error:
        raise DataError(f"Cannot read {visible(str(path))} ({error.strerror}).") from error
    if len(raw) > limit:
        raise DataError(f"{visible(str(path))} is larger than {size(limit)}, the most {what} may have.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{visible(str(path))} is not UTF-8 at byte {error.start}.",
            hint="convert it, for example: iconv -f latin1 -t utf-8 OLD > NEW",
        ) from error
    if "\0" in text:
        raise DataError(f"{visible(str(path))} holds a NUL byte, so it is no text.")
    return text


def read_bytes(path: Path | str, limit: int) -> bytes:
    """The bytes of a file, at most one more than `limit`.

    Asking for `limit` bytes at once would allocate them, which takes longer than reading a review.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path(path) costs more than the read
        raw, wanted = b"", os.fstat(file.fileno()).st_size + 1
        while more := file.read(min(wanted, limit + 1 - len(raw))):
            raw, wanted = raw + more, _MORE
        return raw
