"""What a text is to bertsent: its one clean form, and whether there is anything to read in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError

# None of these goes over a stretch of text twice: a hostile review must not take quadratic time. A run of
# openings is taken as one, or `<br <br>>` would leave another `<br >`.
_BREAK = re.compile(r"(?:<br\s*)+(/?>)?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>=]*=[^<>]*|\s*/?)>", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The one form of a text that is tokenized, in training and in scoring.

    Line ends, `<br />` in its spellings and every run of white space become one space; byte order marks
    go; lone surrogates, which no UTF-8 holds, become U+FFFD. HTML entities stay as they are. Cleaning a
    clean text changes nothing.
    """
    text = text.replace("\ufeff", "")
    if "<" in text:
        text = _BREAK.sub(lambda found: " " if found[1] else found[0], text)
    return " ".join(encodable(text).split())


def is_empty(text: str) -> bool:
    """Whether a text has nothing to read: no characters, only blanks, or only HTML tags."""
    return not (_TAG.sub("", text) if "<" in text else text).replace("\ufeff", "").strip()


def encodable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, which no UTF-8 holds."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


_MORE = 1 << 12  # bytes asked for where a file has more than it said


def read_utf8(path: Path | str, *, limit: int, what: str = "one review") -> str:
    """A file's text: UTF-8, with or without a byte order mark, line ends as they are.

    Args:
        path: The file.
        limit: Bytes it may have.
        what: What the file holds, for the message that it is larger.

    Raises:
        DataError: naming the file if it is unreadable, larger than `limit` bytes, not UTF-8 (with the
            byte where it stops being so) or holds a NUL.
    """
    try:
        raw = _read_bytes(path, limit)
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


def _read_bytes(path: Path | str, limit: int) -> bytes:
    """What a file holds, at most one byte more than `limit`.

    Asking for `limit` bytes at once would make room for them, which takes longer than to read a review.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path is made slower than a review is read
        raw, wanted = b"", os.fstat(file.fileno()).st_size + 1
        while more := file.read(min(wanted, limit + 1 - len(raw))):
            raw, wanted = raw + more, _MORE
        return raw
