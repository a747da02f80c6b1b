"""Writes a workbook (.xlsx) with one sheet; memory holds one row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from bertsent.base.errors import DataError
from bertsent.base.text import encodable
from bertsent.data.optional import xlsxwriter_or_error
from bertsent.data.writers.cells import typed
from bertsent.data.writers.layout import Changes, Layout, Write

# Excel specifications and limits, Microsoft
MOST_ROWS = 1_048_575  # below the header
MOST_COLUMNS = 16_384
_LONGEST = 32_767  # characters of a cell, as UTF-16 has them
_EXACT = 2**53  # a greater integer would lose digits: Excel knows only floating-point numbers
_EARLIEST = 1900  # a year before this is no date for Excel

SHEET = "scored"


@contextmanager
def write_workbook(file: IO[bytes], layout: Layout, changes: Changes, *, folder: Path) -> Iterator[Write]:
    """Yields a function that writes a row.

    Texts are never formulas or links. What Excel cannot hold as a number or a date is written as text.

    Args:
        file: Where the workbook goes, when the block ends.
        layout: Its columns.
        changes: Receives the number of texts that were cut.
        folder: For temporary files; about as large as the rows are as text.

    Raises:
        MissingExtraError: without xlsxwriter.
    """
    package = xlsxwriter_or_error()
    book = package.Workbook(file, {"constant_memory": True, "tmpdir": str(folder), "use_zip64": True})
    sheet = _Sheet(book, layout, changes)
    try:
        yield sheet.add
    except BaseException:
        sheet.discard()
        raise
    try:
        book.close()
    except package.exceptions.FileCreateError as error:
        raise error.args[0] from error  # the OSError, which says what is wrong with the disk


class _Sheet:
    """Writes rows into the only sheet of a workbook."""

    def __init__(self, book: Any, layout: Layout, changes: Changes) -> None:
        self._sheet = book.add_worksheet(SHEET)
        self._columns, self._changes = layout.columns, changes
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._plain = book.add_format()
        self._row = 0
        for column, cell in enumerate(self._columns):
            self._write_text(column, cell.name)
        self._sheet.freeze_panes(1, 0)

    def add(self, row: Sequence[Any]) -> None:
        self._row += 1
        if self._row > MOST_ROWS:  # xlsxwriter would drop it without a word
            raise DataError("The input has more rows than a workbook holds.", hint="write .csv instead")
        for column, (value, described) in enumerate(zip(row, self._columns, strict=True)):
            cell = typed(value, described)
            if cell is not None and cell != "":
                self._write(column, cell)

    def discard(self) -> None:
        """Closes the temporary file of a workbook that will not be written."""
        self._sheet._opt_close()

    def _write(self, column: int, cell: Any) -> None:
        if isinstance(cell, str):
            self._write_text(column, cell)
        elif isinstance(cell, bool):
            self._sheet.write_boolean(self._row, column, cell)
        elif isinstance(cell, float) and not math.isfinite(cell):
            if not math.isnan(cell):
                self._write_text(column, str(cell))
        elif isinstance(cell, int | float):
            if abs(cell) > _EXACT and isinstance(cell, int):
                self._write_text(column, str(cell))
            else:
                self._sheet.write_number(self._row, column, cell)
        elif cell.year < _EARLIEST or getattr(cell, "tzinfo", None) is not None:
            self._write_text(column, cell.isoformat())
        else:
            form = self._moment if isinstance(cell, datetime) else self._day
            self._sheet.write_datetime(self._row, column, cell, form)

    def _write_text(self, column: int, text: str) -> None:
        text = encodable(text)
        short = _shortened(text)
        self._changes.cut += len(short) < len(text)
        if short.startswith("<r>") and short.endswith("</r>"):
            # xlsxwriter would take this for its own XML; in two parts it is text again.
            self._sheet.write_rich_string(self._row, column, "<", self._plain, short[1:])
        else:
            self._sheet.write_string(self._row, column, short)


def _shortened(text: str) -> str:
    """As much of a text as a cell of a workbook holds."""
    if 2 * len(text) <= _LONGEST or text.isascii():
        return text[:_LONGEST]
    units = text.encode("utf-16-le")[: 2 * _LONGEST]
    return units.decode("utf-16-le", "ignore")  # without half a pair at the end
