"""What a first pass over reviews counts."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bertsent.base.errors import DataError
from bertsent.base.records.reading import MISSING, Kind

_NAMED_BAD_ROWS = 10
_MOST_VALUES = 10_000  # different values of a label column that are counted one by one
_KINDS: dict[type, Kind] = {str: "text", bool: "boolean", int: "integer", float: "number"}


@dataclass(slots=True)
class Tally:
    """What one pass over a part counted."""

    rows: int = 0
    empty: int = 0
    bad: list[DataError] = field(default_factory=list)  # the first ten
    bad_rows: int = 0
    words: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Kind | None] = field(default_factory=dict)


def count_word(words: Counter[str], word: str) -> None:
    """Counts a value of the label column."""
    if word in words or len(words) < 10_000:
        words[word] += 1
    else:
        words["(other values)"] += 1


def count_bad(tally: Tally, error: DataError) -> None:
    """Counts a row that cannot be used, and remembers the first ten."""
    tally.bad_rows += 1
    if len(tally.bad) < _NAMED_BAD_ROWS:
        tally.bad.append(error)


def note_kinds(kinds: dict[str, Kind | None], items: Any) -> None:
    """Unites the kinds of columns with those of the cells of a row, given as pairs of name and cell."""
    for name, value in items:
        kind = _kind(value)
        if name not in kinds:
            kinds[name] = kind
        elif kind is not None:
            kinds[name] = _united(kinds[name], kind)


def _united(one: Kind | None, other: Kind) -> Kind:
    if one is None or one == other:
        return other
    both = {one, other}
    if both == {"date", "datetime"}:  # a workbook has midnight as a date
        return "datetime"
    return "number" if both == {"integer", "number"} else "nested"


def _kind(value: object) -> Kind | None:

    if value is None or value is MISSING:
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "nested"  # which is written as text: a column of integers has 64 bits
    kinds: dict[type, Kind] = {str: "text", bool: "boolean", int: "integer", float: "number"}
    kind = kinds.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, datetime.datetime):
        return "datetime"
    return "date" if isinstance(value, datetime.date) else "nested"


def summed(tallies: list[Tally]) -> Tally:
    """The counts of several parts together."""
    total = Tally()
    for tally in tallies:
        total.rows += tally.rows
        total.empty += tally.empty
        total.bad_rows += tally.bad_rows
        total.bad = (total.bad + tally.bad)[:_NAMED_BAD_ROWS]
        for name, kind in tally.kinds.items():
            earlier = total.kinds.get(name)
            total.kinds[name] = _united(earlier, kind) if kind is not None else earlier
    return total


def refused(total: Tally) -> DataError:
    """The error for the first bad row, which says how many there are."""
    first = total.bad[0]
    more = f" It is the first of {total.bad_rows}." if total.bad_rows > 1 else ""
    return DataError(f"{first.message}{more}", received=first.received, hint=first.hint)


def fact(error: DataError) -> str:
    """What is wrong with a row, in one sentence."""
    return error.message if error.received is None else f"{error.message} Received: {error.received}."
