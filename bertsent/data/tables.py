"""Reads tables of reviews: CSV, TSV, JSONL, Parquet, and text files with one review per line.

Rows are read as a stream: memory holds one row, or for Parquet some rows and a page of each column. A table
has a column or key `text` and perhaps `label`; a text file has no labels. At a row that cannot be used,
reading ends with an error that names file and line: skipping it would silently change the results.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import is_file
from bertsent.base.records.core import Review
from bertsent.base.settings.reading import FOLDERS, LABELS, NEGATIVE, POSITIVE, ReadSettings
from bertsent.data.optional import pyarrow_or_error

READABLE = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")

_ACCEPTED = {**LABELS, **FOLDERS, "1": POSITIVE, "true": POSITIVE, "0": NEGATIVE, "false": NEGATIVE}
_CHUNK = 1 << 16  # bytes read at a time; more would hold too many short lines in memory
_QUOTED = 60  # characters of a foreign string that a message quotes
_TO_UTF8 = "convert it, for example: iconv -f latin1 -t utf-8 OLD > NEW"


def read_table(path: Path, *, settings: ReadSettings) -> Iterator[Review]:
    """Yields the rows of a table in order; `Review.path` is "file:line", or "file:row" for Parquet.

    A row may have `settings.max_review_bytes` bytes. Texts are not changed, and empty ones are included.

    Raises:
        UsageError: at once, if the suffix is not in `READABLE`.
        DataError: at once if there is no such file; while reading, at the first row that cannot be used.
        MissingExtraError: for Parquet without pyarrow.
    """
    suffix, limit = path.suffix.lower(), settings.max_review_bytes
    if not is_file(path):  # opening a FIFO would block
        raise _bad(path, "is neither a folder nor a regular file.")
    if suffix not in READABLE:
        raise UsageError(f"Reviews come from a folder or {', '.join(READABLE)}.", received=visible(str(path)))
    if suffix == ".parquet":
        return _read_parquet(pyarrow_or_error(), path, settings)
    lines = _lines(path, limit)
    if suffix in {".csv", ".tsv"}:
        return _read_csv(path, limit, lines)
    if suffix == ".txt":
        return (_review(line.rstrip("\r\n"), None, f"{path}:{number}") for number, line in lines)
    return _read_json(path, lines)


def read_stream(stream: IO[bytes], *, name: str, settings: ReadSettings) -> Iterator[str]:
    """Yields the lines of a pipe as they arrive, without their line ends.

    Raises:
        DataError: at a line that is not UTF-8 or is too long; names `name` and the line.
    """
    limit = settings.max_review_bytes
    number = 0
    while line := stream.readline(limit + 3):  # room for the line end and one byte too many
        number += 1
        yield _decode(line.rstrip(b"\r\n"), name, number, limit)


def read_labelled_stream(stream: IO[bytes], *, name: str, settings: ReadSettings) -> Iterator[Review]:
    """Yields the labelled texts of a pipe as they arrive, as lines `label<TAB>text`, CSV, or JSONL.

    The first line shows the format: a header with `text` and `label` in CSV, a { at its beginning in JSONL.

    Raises:
        DataError: at a row that cannot be used or has no label; names `name` and the line.
    """
    lines = read_stream(stream, name=name, settings=settings)
    first = next(lines, "").removeprefix("\ufeff")
    numbered = enumerate(itertools.chain([first], lines), start=1)
    if any({"text", "label"} <= _names_of(first, delimiter) for delimiter in ",;\t"):
        ended = ((number, f"{line}\n") for number, line in numbered)
        rows = _read_csv(Path(name), settings.max_review_bytes, ended)
    elif first.lstrip().startswith("{"):
        rows = _read_json(name, numbered)
    else:
        rows = (_tabbed(line, f"{name}:{number}") for number, line in numbered if line.strip())
    for review in rows:
        if review.label is None:
            raise _bad(review.path, "needs a label.", hint="lines have positive or negative, a tab, the text")
        yield review


def parse_label(value: object, *, where: str) -> int | None:
    """1 for positive, pos, 1, true; 0 for negative, neg, 0, false; None for None, "" or blanks.

    Case does not matter, nor do blanks around the word.

    Raises:
        DataError: for anything else; names `where` (file:line).
    """
    word = "" if value is None else str(value).strip()
    if word and word.lower() not in _ACCEPTED:
        raise _bad(where, f"needs a label of {', '.join(_ACCEPTED)}, or none.", received=_quoted([word]))
    return _ACCEPTED.get(word.lower())


def _bad(where: object, fact: str, **more: Any) -> DataError:
    return DataError(f"{visible(str(where))} {fact}", **more)


def _quoted(names: Iterable[str]) -> str:
    """The beginnings of the first ten names, for a message."""
    quoted = (name if len(name) <= _QUOTED else f"{name[:_QUOTED]}..." for name in names)
    return ", ".join(visible(name) for name in itertools.islice(quoted, 10))


def _review(text: object, label: object, where: str) -> Review:
    text = "" if text is None else text  # JSON and Parquet write an empty cell as null
    if not isinstance(text, str):
        raise _bad(where, "must have a string as `text`.", received=type(text).__name__)
    if "\0" in text:
        raise _bad(where, "holds a NUL character, so it is not text.")
    return Review(text, parse_label(label, where=where), where)


def _lines(path: Path, limit: int) -> Iterator[tuple[int, str]]:
    """The lines of a file, numbered from 1, with their line end (LF, CRLF or CR) and without a BOM."""
    number, rest = 1, b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                *lines, rest = (rest + chunk).splitlines(keepends=True)
                for line in lines:
                    yield number, _decode(line, path, number, limit)
                    number += 1
                if len(rest) > limit:
                    break
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror}).") from error
    if rest:
        yield number, _decode(rest, path, number, limit)


def _decode(line: bytes, path: object, number: int, limit: int) -> str:
    where = f"{path}:{number}"
    if len(line) > limit:
        raise _bad(where, f"is longer than {size(limit)}, the most one review may have.")
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise _bad(where, f"is not UTF-8 at byte {error.start} of the line.", hint=_TO_UTF8) from error


def _read_json(path: object, numbered: Iterable[tuple[int, str]]) -> Iterator[Review]:
    for number, line in numbered:
        line, where = line.strip(), f"{path}:{number}"
        if not line:
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad(where, f"is not valid JSON ({error}).") from error
        if not isinstance(row, dict) or "text" not in row:
            raise _bad(where, "must be a JSON object with `text`.", received=_quoted([line]))
        yield _review(row["text"], row.get("label"), where)


def _tabbed(line: str, where: str) -> Review:
    label, tab, text = line.partition("\t")
    return _review(text, label if tab else None, where)


def _names_of(header: str, delimiter: str) -> set[str]:
    return {name.strip(' "\r\n').lower() for name in header.split(delimiter)}


def _read_csv(path: Path, limit: int, numbered: Iterable[tuple[int, str]]) -> Iterator[Review]:
    rows = _csv_rows(path, limit, numbered)
    number, header = next(rows, (1, []))
    text, label = _find_columns(header, f"{path}:{number}")
    for number, row in rows:
        where = f"{path}:{number}"
        if len(row) != len(header):
            hint = "put quotes around a text that contains a delimiter or a line end"
            raise _bad(where, f"needs {len(header)} fields, like the header.", received=len(row), hint=hint)
        yield _review(row[text], None if label is None else row[label], where)


def _csv_rows(path: Path, limit: int, numbered: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty, with the number of the first line of each."""
    start, length = 1, 0  # of the row that is being read

    def feed() -> Iterator[str]:
        nonlocal length
        for _, line in numbered:
            length += len(line)
            if length > limit:
                raise _bad(f"{path}:{start}", f"begins a row longer than {size(limit)} (an open quote?).")
            yield line

    # csv's limit holds for the whole process, so it is only ever raised; `feed` applies ours.
    csv.field_size_limit(max(csv.field_size_limit(), limit))
    lines = feed()
    first = next(lines, "")
    rows = csv.reader(itertools.chain([first], lines), delimiter=_delimiter(path, first), strict=True)
    try:
        for row in rows:
            if row:
                yield start, row
            start, length = rows.line_num + 1, 0
    except csv.Error as error:
        raise _bad(f"{path}:{start}", f"is not valid CSV ({error}).") from error


def _delimiter(path: Path, header: str) -> str:
    """A comma, unless the header has none and another delimiter yields a column `text`."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    if "," not in header:
        for other in ";\t":
            if other in header and "text" in _names_of(header, other):
                return other
    return ","


def _find_columns(header: list[str], where: object) -> tuple[int, int | None]:
    """The indices of `text` and, if there is one, `label` in a header."""
    names = [name.strip().lower() for name in header]
    if "text" not in names:
        raise _bad(where, "must have a column `text`.", received=_quoted(header) or "no columns")
    for name in ("text", "label"):
        if names.count(name) > 1:
            raise _bad(where, f"must have one column `{name}` only.", received=_quoted(header))
    return names.index("text"), names.index("label") if "label" in names else None


def _read_parquet(pyarrow: Any, path: Path, settings: ReadSettings) -> Iterator[Review]:
    limit, number = settings.max_review_bytes, 0
    try:
        # A file may hold all its rows in one group. With pre_buffer, or without a buffer, Arrow would read
        # whole columns of that group.
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_CHUNK) as file:
            header = file.schema_arrow.names
            columns = [header[index] for index in _find_columns(header, path) if index is not None]
            for batch in file.iter_batches(settings.parquet_rows, columns=columns, use_threads=False):
                cells = [batch.column(name).to_pylist() for name in columns]
                for text, *label in zip(*cells, strict=True):
                    number += 1
                    if isinstance(text, str) and len(text.encode()) > limit:
                        raise _bad(f"{path}:{number}", f"is longer than {size(limit)}.")
                    yield _review(text, label[0] if label else None, f"{path}:{number}")
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"is not readable Parquet after row {number} ({_quoted([str(error)])}).") from error
