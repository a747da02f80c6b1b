"""Values of cells as the formats have them: as JSON, as text, or of one type for a whole column.

Rows of CSV hold strings, rows of JSON, Parquet and workbooks any of Python's types. Dates are written as
ISO 8601, lists and objects as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import MISSING, Column, Kind

_LEAST, _GREATEST = -(2**63), 2**63 - 1  # an integer beyond is of kind nested
_QUOTED = 60  # characters of a value that a message quotes


def json_value(value: Any) -> Any:
    """A value as JSON has it. NaN and the infinities, which JSON lacks, become None; bytes become text."""
    if value is None or isinstance(value, str | int):  # first: most values are one of these
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return None if value is MISSING else str(value)


def cell_text(value: Any) -> str:
    """A value as text; "" for none and for NaN."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, Decimal):
        return "" if value.is_nan() else f"{value:f}"
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(json_value(value), ensure_ascii=False)
    return str(json_value(value))


def typed(value: Any, column: Column) -> Any:
    """A value in the type of its column; None for none.

    The types are str for text and nested, int, float, bool, `date` and `datetime`.

    Raises:
        DataError: if the value is not of that kind, although the first pass over the input said so.
    """
    if value is None or value is MISSING:
        return None
    try:
        return _CONVERT[column.kind](value)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise DataError(
            f"Column {visible(column.name)} held {column.kind} values at the first reading.",
            received=visible(cell_text(value)[:_QUOTED]),
            hint="run again when nothing writes to the input",
        ) from error


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and not value.strip():
        return None
    whole = int(value)
    if (not isinstance(value, str) and whole != value) or not _LEAST <= whole <= _GREATEST:
        raise ValueError
    return whole


def _number(value: Any) -> float | None:
    return None if isinstance(value, str) and not value.strip() else float(value)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"": None, "true": True, "false": False, "1": True, "0": False}[value.strip().lower()]
    return bool(value)


def _date(value: Any) -> date | None:
    if isinstance(value, str):
        return date.fromisoformat(value.strip()) if value.strip() else None
    if isinstance(value, datetime):
        return value.date()
    if not isinstance(value, date):
        raise TypeError
    return value


def _datetime(value: Any) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip()) if value.strip() else None
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time())  # TypeError unless it is a date


_CONVERT: dict[Kind, Callable[[Any], Any]] = {
    "text": cell_text,
    "nested": cell_text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}
