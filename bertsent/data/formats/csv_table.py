"""Opens CSV: finds how its rows are written, and which of them names the columns."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bertsent.base.errors import DataError
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.columns import LABEL_NAMES, TEXT_NAMES, plain
from bertsent.data.formats.csv_rows import (
    Dialect,
    Row,
    Trouble,
    allow_cells,
    every_line_is_a_row,
    fitted,
    read_rows,
    reads_whole,
    wrong_width,
)
from bertsent.data.table import (
    TITLE_ROWS,
    Rows,
    Table,
    TextFile,
    choose_columns,
    header_index,
    hint_for,
)

_BLANK = ' ,;|\t\r\n"\ufeff'
DELIMITERS = (",", ";", "\t", "|")
_RARE = ("^", "~", "\x01", "\x1f", "\xa7", "\xac")  # only where they make names of columns
_NAMES = {name for names in (*TEXT_NAMES, *LABEL_NAMES) for name in names}


def open_csv(file: TextFile, delimiter: str, dialect: Dialect | None = None) -> Table:
    """Opens CSV.

    Args:
        file: The file.
        delimiter: The one that was named; "" to find it.
        dialect: How its rows are written; found by default.

    Raises:
        DataError, UsageError: as `table.choose_columns`; DataError too if the header cannot be read.
    """
    settings, limit = file.settings, file.settings.max_row_bytes
    allow_cells(limit)
    dialect = dialect or _dialect_of(file, delimiter)
    trouble = Trouble()

    def raw() -> Iterator[Row]:
        return read_rows(file.lines(), dialect, name=file.name, limit=limit, trouble=trouble)

    first = next(raw(), (1, []))[1]
    if isinstance(first, DataError):
        first.hint = first.hint or hint_for(file.path, first)
        raise first
    if not any(map(str.strip, first)) and not any(line.strip(_BLANK) for line in file.sample()):
        raise DataError(f"{file.name} is empty.")
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
            else (number, fitted(cells, width) or wrong_width(file.name, number, cells, width))
            for number, cells in rows
        )
        return table.narrowed(whole, all_columns)

    def by_line() -> Table | None:
        if dialect.quoted and trouble.errors and not dialect.escaped:
            other = replace(dialect, escaped=True)
            if reads_whole(itertools.islice(file.lines(), dialect.first_line - 1, None), other):
                return open_csv(file, delimiter, other)
        if not dialect.quoted or not (trouble.errors or (trouble.long_rows and dialect.delimiter != ",")):
            return None
        text = (line for _, line in file.lines() if isinstance(line, str))
        rest = itertools.islice(text, dialect.first_line - 1, None)
        if not every_line_is_a_row(rest, dialect.delimiter, len(first)):
            return None
        return open_csv(file, delimiter, replace(dialect, quoted=False))

    table = Table(file.path, file.name, names, choice, read, more_notes=_notes(dialect), by_line=by_line)
    return table


def _notes(dialect: Dialect) -> list[str]:
    """What a user should know of how the rows are read."""
    notes = []
    if dialect.titled:
        notes.append(f"columns named by line {dialect.first_line}; those before it are not read")
    if dialect.escaped:
        notes.append(r"\" read as a quote inside of quotes")
    if not dialect.quoted:
        notes.append("every line read as a row, because its quotes are not in pairs")
    return notes


def _dialect_of(file: TextFile, delimiter: str) -> Dialect:
    """How the rows of a file are written, and where they begin."""
    settings, sample = file.settings, file.sample()
    title = _title_lines(sample, delimiter, settings)
    named = [settings.text, settings.label] if settings.header else []
    dialect = find_dialect(sample[title:], delimiter=delimiter, columns=named)
    titled = any(line.strip(_BLANK) for line in sample[:title])
    return replace(dialect, first_line=dialect.first_line + title, titled=titled)


def find_dialect(sample: Sequence[str], *, delimiter: str, columns: Iterable[str]) -> Dialect:
    """The dialect of a file by its first lines.

    Args:
        sample: The first lines, with their line ends; the last one whole.
        delimiter: The one that was named; "" to find it.
        columns: Names that were given for columns; the delimiter that makes them columns is right.
    """
    first = 1
    told = sample[0].strip('\r\n"') if sample else ""
    if told.lower().startswith("sep=") and len(told) == 5:
        delimiter = delimiter or told[-1]
        sample, first = sample[1:], 2
    delimiter = delimiter or _find_delimiter(sample, columns)
    header = sample[0] if sample else ""
    blanks = header.count(f"{delimiter} ") == header.count(delimiter) > 0 and any(
        f'{delimiter} "' in line for line in sample
    )
    dialect = Dialect(delimiter, first_line=first, blanks=blanks)
    if not _quotes_fail(sample, delimiter):
        return dialect
    if reads_whole(enumerate(sample, 1), replace(dialect, escaped=True)):
        return replace(dialect, escaped=True)
    cells = len(next(csv.reader(sample[:1], delimiter=delimiter), []))
    if every_line_is_a_row(sample, delimiter, cells):
        return Dialect(delimiter, quoted=False, first_line=first)
    return dialect


def _find_delimiter(sample: Sequence[str], columns: Iterable[str]) -> str:
    """The delimiter that makes names of columns in the first row; else the one that all rows share."""
    header = sample[0] if sample else ""
    wanted = {plain(name) for name in columns if name} - {""}
    for names, likely in ((wanted, DELIMITERS + _RARE), (_NAMES, DELIMITERS), (_NAMES, DELIMITERS + _RARE)):
        counts = {
            delimiter: sum(
                plain(cell) in names for cell in next(csv.reader([header], delimiter=delimiter), [])
            )
            for delimiter in likely
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


def _title_lines(sample: Sequence[str], delimiter: str, settings: ReadSettings) -> int:
    """How many lines stand before the header."""
    first = sample[:TITLE_ROWS]
    for candidate in (delimiter,) if delimiter else DELIMITERS:
        reader = csv.reader(first, delimiter=candidate)
        rows: list[list[str]] = []
        begins: list[int] = []  # the line of each row
        try:
            for row in reader:
                begins.append(reader.line_num - 1)
                rows.append(row)
        except csv.Error:  # an open quote before a long text
            continue
        if index := header_index(rows, settings):
            return begins[index - 1] + 1
    return 0
