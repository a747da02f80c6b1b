"""What a cell says as the text of a review."""

from __future__ import annotations

from bertsent.base.display import size
from bertsent.base.errors import DataError
from bertsent.base.records.reading import MISSING
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.text import encodable, is_empty, unescape

_LONGEST_NUMBER = 20  # characters


def as_text(value: object, name: str, number: int, settings: ReadSettings) -> str | DataError:
    """The text of a cell: digits of a number, "" for no value; an error for what is no text."""
    if isinstance(value, bytes):  # as Hive and Impala write texts to Parquet
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            return DataError(f"{name}:{number} is not UTF-8 at byte {error.start} of its text.")
    if not isinstance(value, str):
        if value is None or value is MISSING or value != value:  # NaN is no value
            return ""
        if not isinstance(value, int | float):
            return DataError(f"{name}:{number} must have a string as text.", received=type(value).__name__)
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if "\0" in value:
        return DataError(f"{name}:{number} holds a NUL character, so it is not text.")
    limit = settings.max_review_bytes
    if len(value) > limit // 4 and len(value.encode("utf-8", "surrogatepass")) > limit:
        return DataError(f"{name}:{number} is longer than {size(limit)}, the most one review may have.")
    return readable(value)


def readable(text: str) -> str:
    """A text as it is scored: entities unescaped, without lone surrogates; "" with nothing to read."""
    text = unescape(text)
    return "" if is_empty(text) else encodable(text)


def is_number(text: str) -> bool:
    """Whether a text is only a number."""
    return len(text) < _LONGEST_NUMBER and text.replace(".", "", 1).strip().isdecimal()
