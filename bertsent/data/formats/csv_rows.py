"""Rows of CSV: any delimiter, with or without quotes, and what can be saved of a damaged file.

There are two ways to read it. With quotes, as RFC 4180 has it: a cell in quotes may hold delimiters and line
ends. By line, where quotes are only characters (a tab-separated text that begins with one): every line is a
row. The second is chosen only where the first fails and every line has as many cells as the header.
"""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bertsent.base.display import size
from bertsent.base.errors import DataError
from bertsent.data.columns import LABEL_NAMES, TEXT_NAMES, plain
from bertsent.data.decoding import Line
from bertsent.data.table import Rows, Table, TextFile, choose_columns, hint_for, only

Row = tuple[int, list[str] | DataError]  # the number of its first line, and its cells
DELIMITERS = (",", ";", "\t", "|")
_QUOTE_HINT = "put quotes around a text that contains a delimiter or a line end"
_NAMES = {name for names in (*TEXT_NAMES, *LABEL_NAMES) for name in names}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows of a file are written."""

    delimiter: str = ","
    quoted: bool = True  # whether quotes may hold delimiters and line ends; else every line is a row
    first_line: int = 1  # the number of the line that the rows begin with; 2 after a line `sep=;`


@dataclass(slots=True)
class Trouble:
    """What quotes did while rows were read."""

    errors: int = 0  # rows that could not be read
    long_rows: int = 0  # rows of more than one line


def find_dialect(sample: Sequence[str], *, delimiter: str, columns: Iterable[str], width: int = 0) -> Dialect:
    """The dialect of a file by its first lines.

    Args:
        sample: The first lines, with their line ends; the last one whole.
        delimiter: The one that was named; "" to find it.
        columns: Names that were given for columns; the delimiter that makes them columns is right.
        width: How many cells a row has, if that is known; 0: as many as the first row.
    """
    first = 1
    if sample and sample[0].lower().startswith("sep=") and len(sample[0].strip()) == 5:
        delimiter = delimiter or sample[0].strip()[-1]
        sample, first = sample[1:], 2
    delimiter = delimiter or _find_delimiter(sample, columns)
    dialect = Dialect(delimiter, first_line=first)
    cells = width or (len(next(csv.reader(sample[:1], delimiter=delimiter), [])) if sample else 0)
    if every_line_is_a_row(sample, delimiter, cells) and _quotes_fail(sample, delimiter):
        return Dialect(delimiter, quoted=False, first_line=first)
    return dialect


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
        yield from _QuotedRows(rest, dialect.delimiter, name=name, limit=limit, trouble=trouble or Trouble())
        return
    for number, line in rest:
        if isinstance(line, DataError):
            yield number, line
        elif row := line.rstrip("\r\n"):
            yield number, [_unquoted(cell) for cell in row.split(dialect.delimiter)]


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
        f"{name}:{number} needs {cells} fields, like the header.", received=len(row), hint=_QUOTE_HINT
    )


class _QuotedRows:
    """Iterates over the rows; after a row that cannot be read it goes on with the line after its first."""

    def __init__(
        self, numbered: Iterator[Line], delimiter: str, *, name: str, limit: int, trouble: Trouble
    ) -> None:
        self._trouble = trouble
        self._lines = numbered
        self._delimiter, self._name, self._limit = delimiter, name, limit
        self._again: deque[Line] = deque()  # lines to be read again
        self._read: list[Line] = []  # the lines of the present row
        self._wrong: DataError | None = None  # of one of these lines
        # csv's limit holds for the whole process, so it is only ever raised; `_feed` applies ours.
        csv.field_size_limit(max(csv.field_size_limit(), limit))

    def __iter__(self) -> Iterator[Row]:
        while True:
            reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
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


def _find_delimiter(sample: Sequence[str], columns: Iterable[str]) -> str:
    """The delimiter that makes names of columns in the first row; else the one that all rows share."""
    header = sample[0] if sample else ""
    wanted = {plain(name) for name in columns if name} - {""}
    for names in (wanted, _NAMES):
        counts = {
            delimiter: sum(
                plain(cell) in names for cell in next(csv.reader([header], delimiter=delimiter), [])
            )
            for delimiter in DELIMITERS
            if delimiter in header or delimiter == ","
        }
        best = max(counts, key=lambda delimiter: counts[delimiter])
        if counts[best]:
            return best
    lines = [line for line in sample[:50] if line.strip()]
    for delimiter in ("\t", ";", "|", ","):  # a comma last: texts have it too
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=delimiter, strict=True) if row}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            return delimiter
    return ","


def _quotes_fail(sample: Sequence[str], delimiter: str) -> bool:
    """Whether reading with quotes fails: an error, or rows of several lines although each line is whole.

    With commas such rows prove nothing: a text in quotes, of two lines with one comma, looks the same.
    """
    try:
        rows = sum(1 for row in csv.reader(sample, delimiter=delimiter, strict=True) if row)
    except csv.Error:
        return True
    return delimiter != "," and rows != sum(1 for line in sample if line.strip("\r\n"))


def _unquoted(cell: str) -> str:
    """The content of a cell that is in quotes as a whole; any other cell as it is."""
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1]
        if '"' not in inner.replace('""', ""):
            return inner.replace('""', '"')
    return cell


def open_csv(file: TextFile, delimiter: str, dialect: Dialect | None = None) -> Table:
    """Opens CSV.

    Args:
        file: The file.
        delimiter: The one that was named; "" to find it.
        dialect: How its rows are written; found by default.

    Raises:
        DataError, UsageError: as `table.choose_columns`; DataError too if the header cannot be read.
    """
    settings, limit = file.settings, file.settings.max_review_bytes
    if dialect is None:
        named = [settings.text, settings.label] if settings.header else []
        dialect = find_dialect(file.sample(), delimiter=delimiter, columns=named)
    trouble = Trouble()

    def raw() -> Iterator[Row]:
        return read_rows(file.lines(), dialect, name=file.name, limit=limit, trouble=trouble)

    first = next(raw(), (1, []))[1]
    if isinstance(first, DataError):
        first.hint = first.hint or hint_for(file.path, first)
        raise first
    header = first if settings.header else [""] * len(first)
    names, choice = choose_columns(header, settings, f"{file.name}:{dialect.first_line}")

    def read(all_columns: bool) -> Rows:
        rows = raw()
        if settings.header:
            next(rows, None)
        width = len(names)
        whole = (
            (number, cells)
            if isinstance(cells, DataError)
            else (
                number,
                fitted(cells, width) or wrong_width(file.name, number, cells, width),
            )
            for number, cells in rows
        )
        return only(whole, None if all_columns else [names.index(name) for name in table.used])

    def by_line() -> Table | None:
        if not dialect.quoted or not (trouble.errors or (trouble.long_rows and dialect.delimiter != ",")):
            return None
        text = (line for _, line in file.lines() if isinstance(line, str))
        rest = itertools.islice(text, dialect.first_line - 1, None)
        if not every_line_is_a_row(rest, dialect.delimiter, len(first)):
            return None
        return open_csv(file, delimiter, Dialect(dialect.delimiter, False, dialect.first_line))

    notes = [choice.note] if choice.note else []
    if not dialect.quoted:
        notes.append("every line read as a row, because its quotes are not in pairs")
    table = Table(file.path, file.name, names, choice, read, notes=notes, by_line=by_line)
    return table
