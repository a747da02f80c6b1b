"""Writes a table of a SQLite database."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertsent.base.records.reading import Column
from bertsent.base.text import encodable
from bertsent.data.writers.cells import cell_text, typed
from bertsent.data.writers.layout import Layout, Write

TABLE = "scored"
MOST_COLUMNS = 2000  # SQLITE_MAX_COLUMN, unless SQLite was built with another one
_TYPES = {"integer": "INTEGER", "number": "REAL", "boolean": "INTEGER"}  # all others are TEXT


@contextmanager
def write_sqlite(path: Path, layout: Layout) -> Iterator[Write]:
    """Yields a function that writes a row into the table `scored` of a new database; `rowid` counts from 1.

    Truth values are 1 and 0, and dates are text as ISO 8601 has them.

    Args:
        path: An empty file that no one else reads yet.
        layout: The columns of the table.

    Raises:
        OSError: if the disk is full or fails.
        DataError: at a cell that is not of its column's kind.
    """
    import sqlite3

    columns = layout.columns
    declared = [
        f"{name} {_TYPES.get(column.kind, 'TEXT')}"
        for name, column in zip(_names(columns), columns, strict=True)
    ]
    insert = f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(columns))})"
    with _disk_errors(sqlite3):
        database = sqlite3.connect(path, isolation_level=None)
        try:
            # Nobody sees the file before it is complete, so nothing has to be undone after a crash.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("BEGIN")
            database.execute(f"CREATE TABLE {TABLE} ({', '.join(declared)})")

            def write(row: Sequence[Any]) -> None:
                cells = (_stored(value, column) for value, column in zip(row, columns, strict=True))
                database.execute(insert, tuple(cells))

            yield write
            database.execute("COMMIT")
        finally:
            database.close()


def _names(columns: Sequence[Column]) -> Iterator[str]:
    """The names in quotes. SQLite takes `Text` and `text` for one name, so the second becomes `text_2`."""
    taken: set[str] = set()
    for column in columns:
        base = name = encodable(column.name).replace("\0", "\ufffd")
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.lower())
        yield '"' + name.replace('"', '""') + '"'


def _stored(value: Any, column: Column) -> Any:
    cell = typed(value, column)
    if isinstance(cell, str):
        return encodable(cell)
    return cell if cell is None or isinstance(cell, int | float) else cell_text(cell)


@contextmanager
def _disk_errors(module: Any) -> Iterator[None]:
    """Turns what SQLite says of the disk into the OSError that other writers raise."""
    try:
        yield
    except module.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF  # without the details
        number = {module.SQLITE_FULL: errno.ENOSPC, module.SQLITE_IOERR: errno.EIO}.get(code)
        if number is None:
            raise
        raise OSError(number, str(error)) from error
