"""Writes scores by group: a row for each group, in any of the formats of an output."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from bertsent.base.records.groups import Extreme, Group, Overview
from bertsent.base.records.reading import Column
from bertsent.base.settings.grouping import GroupSettings
from bertsent.data.writers.layout import Changes, Layout
from bertsent.data.writers.output import Output, open_writer

_SETTINGS = GroupSettings()
_COLUMNS = (
    Column("by"),
    Column("value"),
    Column("n", "integer"),
    Column("positive", "integer"),
    Column("negative", "integer"),
    Column("unsure", "integer"),
    Column("empty", "integer"),
    Column("share_positive", "number"),
    Column("low", "number"),
    Column("high", "number"),
    Column("share_unsure", "number"),
    Column("mean_score", "number"),
    Column("few", "boolean"),
)
_ENDS = ("most_negative", "most_positive")


def write_groups(
    overview: Overview, output: Output, *, raw_csv: bool = False, settings: GroupSettings = _SETTINGS
) -> int:
    """Writes every group of every `--by` as a row, in their order. The file appears when it is complete.

    A share or a review that does not exist is empty. The reviews at the ends have the columns
    `most_negative_1`, `most_negative_1_score` and so on.

    Returns:
        The number of groups.

    Raises:
        MissingExtraError: for Parquet, workbooks or .zst without their package.
        StorageError: if the file cannot be written.
    """
    columns = (*_COLUMNS, *_end_columns(settings.extremes))
    number = 0
    with open_writer(output, Layout(columns, (), {}), changes=Changes(), raw_csv=raw_csv) as write:
        for grouping in overview.groupings:
            groups = grouping.groups if grouping.pooled is None else (*grouping.groups, grouping.pooled)
            for group in groups:
                write(_row(grouping.by, group, settings.extremes))
                number += 1
    return number


def _end_columns(most: int) -> Iterator[Column]:
    for end in _ENDS:
        for number in range(1, most + 1):
            yield Column(f"{end}_{number}")
            yield Column(f"{end}_{number}_score", "number")


def _row(by: str, group: Group, most: int) -> list[Any]:
    values = group.as_json()
    row = [by, *(_finite(values[column.name]) for column in _COLUMNS[1:])]
    for extremes in (group.most_negative, group.most_positive):
        row += _end_cells(extremes, most)
    return row


def _end_cells(extremes: Sequence[Extreme], most: int) -> Iterator[Any]:
    for extreme in extremes:
        yield from (extreme.text, extreme.score)
    yield from (None,) * (2 * (most - len(extremes)))


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
