"""Reads a file that is one review."""

from __future__ import annotations

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.text import read_bytes
from bertsent.data.decoding import UndecodableError, marked_encoding


def read_review(path: str, settings: ReadSettings) -> str | DataError:
    """The text of a file: in its encoding by its byte order mark, else that of the settings, else UTF-8.

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
    encoding = settings.encoding or marked_encoding(raw[:4]) or "utf-8"
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        what = "UTF-8" if encoding == "utf-8" else encoding
        return UndecodableError(f"{visible(path)} is not {what} at byte {error.start}.")
    if "\0" in text:
        return DataError(f"{visible(path)} holds a NUL byte, so it is no text.")
    return text
