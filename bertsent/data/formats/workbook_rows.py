"""Rows of a sheet of a workbook: .xlsx, and what else python-calamine reads (.xls, .xlsb, .ods)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.columns import Cells
from bertsent.data.compression import open_seekable
from bertsent.data.optional import calamine_or_error
from bertsent.data.table import TITLE_ROWS, Rows, Table, choose_columns, header_index


def read_rows(path: Path, *, name: str, sheet: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows of a sheet that are not empty, with their numbers in it; an empty cell is None.

    The package holds the whole sheet in memory.

    Args:
        sheet: Its name; "" for the first.

    Raises:
        DataError: if the file is not a workbook, or is damaged or protected.
        UsageError: if it has no sheet of that name.
        MissingExtraError: without python-calamine.
    """
    calamine = calamine_or_error()
    with open_seekable(path) as file:
        try:
            workbook = calamine.CalamineWorkbook.from_filelike(file)
            names = workbook.sheet_names
            if sheet and sheet not in names:
                raise UsageError(
                    f"{name} has no sheet {visible(sheet)!r}.", received=visible(", ".join(names))
                )
            rows = workbook.get_sheet_by_name(sheet or names[0])
            for number, row in enumerate(rows.iter_rows(), start=1 + (rows.start or (0, 0))[0]):
                if any(cell not in ("", None) for cell in row):
                    yield number, tuple(_value(cell) for cell in row)
        except (calamine.CalamineError, OSError, IndexError) as error:
            raise DataError(
                f"{name} is not a readable workbook ({visible(str(error))}).",
                hint="save it again as .xlsx, without a password, or as CSV",
            ) from error


def other_sheets(path: Path, sheet: str) -> list[str]:
    """The names of the sheets that are not read."""
    with open_seekable(path) as file:
        names = list(calamine_or_error().CalamineWorkbook.from_filelike(file).sheet_names)
    return [name for name in names if name != (sheet or names[0])]


def _value(cell: Any) -> Any:
    """A cell as Python's own value; whole numbers, which workbooks store as fractions, are int."""
    if cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return cell


def open_workbook(path: Path, settings: ReadSettings, name: str) -> Table:
    """Opens a sheet of a workbook, which messages call `name`; the first row that is not empty is the header,
    or one after it that `header_index` finds.

    Raises:
        DataError, UsageError, MissingExtraError: as `read_rows` and `table.choose_columns`.
    """

    def raw() -> Rows:
        return read_rows(path, name=name, sheet=settings.sheet)

    others = other_sheets(path, settings.sheet)
    first = list(itertools.islice(raw(), TITLE_ROWS))
    if not first:
        hint = f"--sheet {visible(others[0])!r}, for example" if others else ""
        raise DataError(f"{name} is empty{' in the sheet that is read' if others else ''}.", hint=hint)
    title = header_index([cells for _, cells in first], settings)
    header = ["" if cell is None else str(cell) for cell in first[title][1]]
    try:
        names, choice = choose_columns(header if settings.header else [""] * len(header), settings, name)
    except DataError as error:
        if others:
            error.hint += f"; or --sheet NAME for another sheet ({visible(', '.join(others))})"
        raise

    def read(all_columns: bool) -> Rows:
        rows = itertools.islice(raw(), title + 1 if settings.header else 0, None)
        whole = ((number, _padded(cells, len(names))) for number, cells in rows)
        return table.narrowed(whole, all_columns)

    notes = []
    if title:
        notes.append(f"columns named by row {first[title][0]}; those before it are not read")
    if others:
        notes.append(f"not read: sheets {visible(', '.join(others))} (--sheet NAME)")
    table = Table(path, name, names, choice, read, typed=True, more_notes=notes)
    return table


def _padded(cells: Cells, width: int) -> list[Any]:
    row = list(cells)[:width]
    return row + [None] * (width - len(row))
