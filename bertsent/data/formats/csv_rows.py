"""Rows of CSV: any delimiter, with or without quotes, and what can be saved of a damaged file.

There are two ways to read it. With quotes, as RFC 4180 has it: a cell in quotes may hold delimiters and line
ends. By line, where quotes are only characters (a tab-separated text that begins with one): every line is a
row. The second is chosen only where the first fails and every line has as many cells as the header.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bertsent.base.display import size
from bertsent.base.errors import DataError
from bertsent.data.decoding import Line

Row = tuple[int, list[str] | DataError]  # the number of its first line, and its cells
_ESCAPED = re.compile(r'(?<!\\)\\"')  # a quote as Spark and MySQL write it inside of quotes
_ROW = 1 << 20  # characters of a row in a sample
_QUOTE_HINT = "put quotes around a text that contains a delimiter or a line end"
_ONE_HINT = "--delimiter '|', or another that no text contains, reads each line as one text"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows of a file are written."""

    delimiter: str = ","
    quoted: bool = True  # whether quotes may hold delimiters and line ends; else every line is a row
    first_line: int = 1  # the number of the line that the rows begin with; 2 after a line `sep=;`
    escaped: bool = False  # whether a quote inside of quotes is written \\" instead of twice
    titled: bool = False  # whether lines that are no rows stand before the first one
    blanks: bool = False  # whether a blank follows each delimiter, also before a quote


@dataclass(slots=True)
class Trouble:
    """What quotes did while rows were read."""

    errors: int = 0  # rows that could not be read
    long_rows: int = 0  # rows of more than one line


def reads_whole(numbered: Iterable[Line], dialect: Dialect) -> bool:
    """Whether lines have a quote with a backslash, and all are rows of one width if it is read as a quote."""
    escapes, widths = 0, set()

    def counted() -> Iterator[Line]:
        nonlocal escapes
        for number, line in numbered:
            escapes += isinstance(line, str) and _ESCAPED.search(line) is not None
            yield number, line

    for _, row in read_rows(counted(), replace(dialect, first_line=1), name="", limit=_ROW):
        if isinstance(row, DataError):
            return False
        widths.add(len(row))
    return escapes > 0 and len(widths) == 1


def every_line_is_a_row(lines: Iterable[str], delimiter: str, cells: int) -> bool:
    """Whether every line that is not empty has as many cells, whatever its quotes."""
    return all(line.count(delimiter) == cells - 1 for line in lines if line.strip("\r\n"))


def read_rows(
    numbered: Iterable[Line], dialect: Dialect, *, name: str, limit: int, trouble: Trouble | None = None
) -> Iterator[Row]:
    """The rows that are not empty; a row that cannot be read is yielded as its error.

    Args:
        numbered: The lines of the file, from its first.
        dialect: As `find_dialect` gives it.
        name: Of the file, for messages.
        limit: The most characters of a row.
        trouble: Receives what quotes did.
    """
    rest = itertools.islice(iter(numbered), dialect.first_line - 1, None)
    if dialect.quoted:
        yield from _QuotedRows(rest, dialect, name=name, limit=limit, trouble=trouble or Trouble())
        return
    for number, line in rest:
        if isinstance(line, DataError):
            yield number, line
        elif row := line.rstrip("\r\n"):
            yield number, [_unquoted(cell) for cell in row.split(dialect.delimiter)]


def allow_cells(limit: int) -> None:
    """Lets cells have so many characters; csv's limit holds for the whole process, so it is only raised."""
    csv.field_size_limit(max(csv.field_size_limit(), limit))


def fitted(row: list[str], cells: int) -> list[str] | None:
    """A row with as many cells as the header; None if it has too many.

    Excel drops empty cells at the end of a row, and writes others beyond the header.
    """
    if len(row) == cells:
        return row
    if len(row) < cells:
        return row + [""] * (cells - len(row))
    return None if any(row[cells:]) else row[:cells]


def wrong_width(name: str, number: int, row: Sequence[str], cells: int) -> DataError:
    """The error for a row with more cells than the header."""
    return DataError(
        f"{name}:{number} needs {cells} field{'' if cells == 1 else 's'}, like the header.",
        received=len(row),
        hint=_ONE_HINT if cells == 1 else _QUOTE_HINT,
    )


class _QuotedRows:
    """Iterates over the rows; after a row that cannot be read it goes on with the line after its first."""

    def __init__(
        self, numbered: Iterator[Line], dialect: Dialect, *, name: str, limit: int, trouble: Trouble
    ) -> None:
        self._trouble = trouble
        self._lines = numbered
        self._dialect, self._name, self._limit = dialect, name, limit
        self._again: deque[Line] = deque()  # lines to be read again
        self._read: list[Line] = []  # the lines of the present row
        self._wrong: DataError | None = None  # of one of these lines
        allow_cells(limit)  # `_feed` applies ours

    def __iter__(self) -> Iterator[Row]:
        while True:
            lines, dialect = self._feed(), self._dialect
            if dialect.escaped:
                lines = (_ESCAPED.sub('""', line) for line in lines)
            reader = csv.reader(
                lines, delimiter=dialect.delimiter, skipinitialspace=dialect.blanks, strict=True
            )
            try:
                for row in reader:
                    start, wrong = self._read[0][0], self._wrong
                    self._trouble.long_rows += len(self._read) > 1
                    self._read.clear()
                    self._wrong = None
                    if wrong is not None:
                        yield start, wrong
                    elif row:
                        yield start, row
                return
            except (csv.Error, _TooLong) as error:
                self._trouble.errors += 1
                start = self._read[0][0]
                where = f"{self._name}:{start}"
                if isinstance(error, _TooLong):
                    fact = f"{where} begins a row longer than {size(self._limit)} (an open quote?)."
                else:
                    fact = f"{where} is not valid CSV ({error})."
                self._again.extendleft(reversed(self._read[1:]))
                self._read.clear()
                self._wrong = None
                yield start, DataError(fact, hint="mend its quotes, or leave it out: --on-bad-row skip")

    def _feed(self) -> Iterator[str]:
        length = 0
        read, again = self._read, self._again
        while True:
            if again:
                number, line = again.popleft()
            else:
                item = next(self._lines, None)
                if item is None:
                    return
                number, line = item
            if not read:
                length = 0
            read.append((number, line))
            if isinstance(line, DataError):
                self._wrong = self._wrong or line
                line = "\n"  # the row is reported as this error
            length += len(line)
            if length > self._limit:
                raise _TooLong
            yield line


class _TooLong(Exception):
    pass


def _unquoted(cell: str) -> str:
    """The content of a cell that is in quotes as a whole; any other cell as it is."""
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1]
        if '"' not in inner.replace('""', ""):
            return inner.replace('""', '"')
    return cell
