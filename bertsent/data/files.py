"""Reads a file that is one review."""

from __future__ import annotations

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.text import read_bytes
from bertsent.data.decoding import encoding_of, undecodable


def read_review(path: str, settings: ReadSettings) -> str | DataError:
    """The text of a file, in the encoding of the settings, else that of its byte order mark, else UTF-8.

    Returns:
        The text; or the error that says why the file cannot be used.

    Raises:
        DataError: if it cannot be read at all.
    """
    limit = settings.max_review_bytes
    try:
        raw = read_bytes(path, limit)
    except OSError as error:
        raise DataError(f"Cannot read {visible(path)} ({error.strerror}).") from error
    if len(raw) > limit:
        return DataError(f"{visible(path)} is larger than {size(limit)}, the most one review may have.")
    encoding = encoding_of(raw[:4], settings.encoding)
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return undecodable(visible(path), encoding, f"{error.start}")
    if "\0" in text:
        return DataError(f"{visible(path)} holds a NUL byte, so it is no text.")
    return text
