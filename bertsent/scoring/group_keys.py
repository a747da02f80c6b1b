"""What `--by` names: columns, the values in their cells, and whether they are dates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple, get_args

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.records.core import Review
from bertsent.base.records.groups import UNITS, Unit
from bertsent.base.records.reading import MISSING, Column
from bertsent.base.settings.grouping import GroupSettings
from bertsent.data.writers.cells import cell_text
from bertsent.scoring.dates import read_date

QUOTED = 3  # values from outside in a message
_WIDEST = 40  # characters of each
_LONGEST = 200  # characters of the name of a group; values that agree so far are one group


class Key(NamedTuple):
    """What one `--by` asks for."""

    by: str
    column: str
    position: int  # of the column in `Review.cells`
    unit: Unit | None


def parse_keys(given: Sequence[str], columns: Sequence[Column]) -> tuple[Key, ...]:
    """Understands `--by COLUMN` and `--by UNIT:COLUMN`; the same one given twice counts once.

    A name that differs from a column's only in upper and lower case will do, if one column has it.

    Raises:
        UsageError: if there is no such column; it lists the columns.
    """
    return tuple(dict.fromkeys(_key(by, [column.name for column in columns]) for by in given))


def _key(by: str, names: Sequence[str]) -> Key:
    if (index := _index(by, names)) is not None:  # first: a column may be called month:date
        return Key(by, names[index], index, None)
    prefix, colon, name = by.partition(":")
    unit = next((unit for unit in UNITS if unit == prefix.lower()), None)
    if colon and unit and (index := _index(name, names)) is not None:
        return Key(by, names[index], index, unit)
    listed = ", ".join(visible(name) for name in names)
    raise UsageError(
        "--by needs a column of the input.",
        received=f"{visible(by)[:_WIDEST]}; the columns are {listed}",
        hint=f"--by COLUMN, or for dates --by {{{','.join(get_args(Unit))}}}:COLUMN",
    )


def _index(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    alike = [index for index, other in enumerate(names) if other.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def check_dates(
    keys: Sequence[Key], reviews: Iterable[Review], columns: Sequence[Column], settings: GroupSettings
) -> None:
    """Looks at the first rows, so that a column without dates is refused before any scoring.

    Raises:
        UsageError: if the first `settings.probe` rows have values in a column for dates, and none is a date;
            it names the columns that have dates.
    """
    dated = [key for key in keys if key.unit]
    if not dated:
        return
    rows = [review.cells or () for review in islice(reviews, settings.probe)]
    for key in dated:
        values = [row[key.position] for row in rows if not is_empty(row[key.position])]
        if values and not any(map(read_date, values)):
            others = [
                column.name
                for index, column in enumerate(columns)
                if sum(read_date(row[index]) is not None for row in rows) > len(rows) / 2
            ]
            raise UsageError(
                f"--by {visible(key.by)}: the column holds no dates.",
                received=quote(dict.fromkeys(map(name_of, values))),
                hint=f"--by {key.unit}:{visible(others[0])}" if others else f"--by {visible(key.column)}",
            )


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing: absent, null, NaN, or only blanks."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value is MISSING or (isinstance(value, float) and math.isnan(value))


def name_of(value: Any) -> str:
    """A cell as the name of a group: the same for 5 and 5.0; cut if it is longer than any name."""
    name = str(int(value)) if isinstance(value, float) and value.is_integer() else cell_text(value)
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def quote(values: Iterable[str]) -> str:
    """The first of some values from outside, for a message."""
    return ", ".join(repr(visible(value)[:_WIDEST]) for value in islice(values, QUOTED))
