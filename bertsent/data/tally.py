"""What a first pass over reviews counts."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bertsent.base.errors import DataError
from bertsent.base.records.reading import Kind, Missing

_NAMED_BAD_ROWS = 10  # in messages; the others are counted
_KINDS: dict[type, Kind] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    float: "number",
    datetime.datetime: "datetime",
    datetime.date: "date",
}


@dataclass(slots=True)
class Tally:
    """What one pass over a part counted."""

    rows: int = 0
    empty: int = 0
    numbers: int = 0  # rows whose text is only a number
    bad: list[DataError] = field(default_factory=list)  # the first ten
    bad_rows: int = 0
    words: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Kind | None] = field(default_factory=dict)


def count_bad(tally: Tally, error: DataError) -> None:
    """Counts a row that cannot be used, and remembers the first ten."""
    tally.bad_rows += 1
    if len(tally.bad) < _NAMED_BAD_ROWS:
        tally.bad.append(error)


def note_types(types: dict[str, set[type]], items: Iterable[tuple[str, Any]]) -> None:
    """Adds the types of the cells of a row, given as pairs of column and cell, to those of the columns."""
    for name, value in items:
        kind = type(value)
        if kind is int and not -(2**63) <= value < 2**63:
            kind = tuple  # a column of integers has 64 bits, so it is written as text
        try:
            types[name].add(kind)
        except KeyError:
            types[name] = {kind}


def kind_of(types: set[type]) -> Kind | None:
    """The kind of a column whose cells have these types; None if no cell has a value."""
    kind: Kind | None = None
    for seen in types - {type(None), Missing}:
        kind = _united(kind, _KINDS.get(seen, "nested"))
    return kind


def _united(one: Kind | None, other: Kind) -> Kind:
    if one is None or one == other:
        return other
    both = {one, other}
    if both == {"date", "datetime"}:  # a workbook has midnight as a date
        return "datetime"
    return "number" if both == {"integer", "number"} else "nested"


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
