"""The records of reading: the columns of a table, and what a first pass over the input found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

# integer: of 64 bits. nested: lists, objects, longer integers, or values of several kinds; written as text,
# lists and objects as JSON, where a column must have one kind
Kind = Literal["text", "integer", "number", "boolean", "date", "datetime", "nested"]


class Missing(Enum):
    """A cell that its row does not have, such as an absent key of a JSON object."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the input; names are unique in a table, whatever their case."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How many rows have each label, and the values that are no label."""

    positive: int = 0
    negative: int = 0
    none: int = 0  # without a value
    # neutral and the like, or what the map does not name -> its rows
    neither: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)  # a value that nothing explains -> its rows
    proposal: str = ""  # for --labels, if the unknown values suggest one: 'positive=4,5 negative=1,2'


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass over the whole input found."""

    columns: tuple[Column, ...]  # of the input, for the output; one column `text` for folders and text lines
    text_column: str  # the name of one of them
    label_column: str | None
    rows: int  # that can be used, empty ones among them
    empty: int  # rows without anything to read
    labels: LabelCounts
    label_hint: str = ""  # how to name the label column, if none was found
    bad_rows: int = 0  # left out, with `on_bad_row` "skip"
    first_bad_rows: tuple[str, ...] = ()  # what is wrong with the first ten, with file and line
    bad_row_hint: str = ""  # how to mend the first; reading ends with it if `on_bad_row` is "refuse"
    passed_over: tuple[str, ...] = ()  # files and columns that were not read, counted, in words
    notes: tuple[str, ...] = ()  # which columns, delimiter and encoding were found, in words
