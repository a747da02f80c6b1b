"""Writes Parquet; memory holds one row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any

from bertsent.base.records.reading import Column
from bertsent.base.settings.reading import WriteSettings
from bertsent.base.text import encodable
from bertsent.data.optional import pyarrow_or_error
from bertsent.data.writers.cells import typed
from bertsent.data.writers.layout import Layout, Write

_MEASURED = {"integer", "number", "date", "datetime"}  # stored with minimum and maximum: queries skip groups


@contextmanager
def write_parquet(file: IO[bytes], layout: Layout, settings: WriteSettings) -> Iterator[Write]:
    """Yields a function that writes a row, in the types that the kinds of the columns say.

    Raises:
        MissingExtraError: without pyarrow.
        DataError: at a cell that is not of its column's kind.
    """
    groups = _RowGroups(pyarrow_or_error(), file, layout, settings)
    try:
        yield groups.add
        groups.flush()
    finally:
        groups.close()


class _RowGroups:
    """Collects rows and writes them in groups. The first group says which columns of times have zones."""

    def __init__(self, pyarrow: Any, file: IO[bytes], layout: Layout, settings: WriteSettings) -> None:
        self._pyarrow, self._file, self._layout, self._settings = pyarrow, file, layout, settings
        self._cells: list[list[Any]] = [[] for _ in layout.columns]
        self._characters = 0
        self._writer: Any = None
        self._schema: Any = None

    def add(self, row: Sequence[Any]) -> None:
        for cells, value, column in zip(self._cells, row, self._layout.columns, strict=True):
            cell = typed(value, column)
            if isinstance(cell, str):
                cell = encodable(cell)
                self._characters += len(cell)
            cells.append(cell)
        full = len(self._cells[0]) >= self._settings.group_rows
        if full or self._characters >= self._settings.group_characters:
            self.flush()

    def flush(self) -> None:
        """Writes the rows that were added since the last group; the first time, the file's schema too."""
        if self._writer is None:
            self._open()
        if self._cells[0]:
            arrays = [self._array(*column) for column in zip(self._schema, self._cells, strict=True)]
            self._writer.write_table(self._pyarrow.Table.from_arrays(arrays, schema=self._schema))
        for cells in self._cells:
            cells.clear()
        self._characters = 0

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.close()

    def _open(self) -> None:
        columns, text = self._layout.columns, encodable(self._layout.text_column)
        self._schema = self._pyarrow.schema(
            (encodable(column.name), self._type(column, cells))
            for column, cells in zip(columns, self._cells, strict=True)
        )
        # A dictionary makes columns with few distinct values small; path and text differ in each row.
        alike = [name for name in self._schema.names if name not in {text, self._layout.names["path"]}]
        measured = [encodable(column.name) for column in columns if column.kind in _MEASURED]
        self._writer = self._pyarrow.parquet.ParquetWriter(
            self._file, self._schema, use_dictionary=alike, write_statistics=measured
        )

    def _type(self, column: Column, cells: Sequence[Any]) -> Any:
        arrow = self._pyarrow
        if column.kind == "datetime":
            zones = any(cell is not None and cell.tzinfo is not None for cell in cells)
            return arrow.timestamp("us", tz="UTC" if zones else None)
        if column.name == self._layout.names["tokens"]:
            return arrow.int32()
        return {
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "date": arrow.date32(),
        }.get(column.kind, arrow.string())

    def _array(self, field: Any, cells: list[Any]) -> Any:
        if self._pyarrow.types.is_timestamp(field.type):
            cells = [None if cell is None else _in_zone(cell, field.type.tz) for cell in cells]
        return self._pyarrow.array(cells, field.type)


def _in_zone(moment: datetime, zone: str | None) -> datetime:
    """A time in a column with a time zone or without one; without one, it counts as UTC."""
    if zone is None:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
