"""Opens one table of reviews in any format: its columns, and its rows as a stream.

Memory holds one row, or for Parquet some rows and a page of each column. A row that cannot be used is yielded
as the error that names its file and line, so that the caller decides whether it ends the reading.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO

from bertsent.base.display import size, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import is_file
from bertsent.base.settings.reading import Format, ReadSettings
from bertsent.data import columns as choosing
from bertsent.data.compression import inner_name, open_unpacked
from bertsent.data.decoding import check_encoding, decoded_head, unmarked_utf16
from bertsent.data.foreign import refuse_foreign
from bertsent.data.formats import csv_table, json_rows, text_lines
from bertsent.data.source import STDIN
from bertsent.data.table import Table, TextFile

_FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "lines", ".text": "lines",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".jl": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xlsx", ".xlsb": "xlsx", ".ods": "xlsx",
}  # fmt: skip
READABLE = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet", ".xlsx")
_HEAD = 1 << 16  # bytes that show what a file is
_OBJECT = re.compile(r'\s*(\{\s*["}]|\[\s*[{"\]])')
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def open_table(path: Path, settings: ReadSettings, *, name: str = "", labelled: bool = False) -> Table:
    """Opens a table in the format that the settings name, else in that of its content and suffix.

    Args:
        path: The file; it may be compressed.
        settings: Format, columns, delimiter, encoding and more.
        name: What messages call it; its path by default.
        labelled: Lines without a header are label, tab, text unless they look otherwise.

    Raises:
        DataError: if there is no such file, it is empty or damaged, or no column is obviously the text.
        UsageError: if the format cannot be told, or the settings name a column or sheet that is not there.
        MissingExtraError: for a format whose package is not installed.
    """
    name = name or visible(str(path))
    if not is_file(path):  # opening a FIFO would block
        wrong = "is neither a folder nor a regular file" if os.path.lexists(path) else "does not exist"
        raise DataError(f"{name} {wrong}.")
    check_encoding(settings.encoding)
    with open_unpacked(path) as (stream, inner):
        head = stream.read(_HEAD)
    format = settings.format
    if format == "auto":
        refuse_foreign(head, name, packed=inner != path.name)
        format = _format(head, name if name == STDIN else inner, settings, labelled=labelled)
    if not head and format != "lines":
        raise DataError(f"{name} is empty.")
    if format == "parquet":
        from bertsent.data.formats.parquet_rows import open_parquet

        return open_parquet(path, settings, name)
    if format == "xlsx":
        from bertsent.data.formats.workbook_rows import open_workbook

        return open_workbook(path, settings, name)
    if not settings.encoding and (encoding := unmarked_utf16(head)):
        raise DataError(f"{name} is not UTF-8.", hint=f"--encoding {encoding}")
    file = TextFile(path, name, settings)
    if format in {"jsonl", "json"}:
        return json_rows.open_json(file, head)
    if format == "lines":
        return text_lines.open_lines(file, labelled=labelled)
    return csv_table.open_csv(
        file, "\t" if format == "tsv" and not settings.delimiter else settings.delimiter
    )


def read_stream(stream: IO[bytes], *, name: str, settings: ReadSettings) -> Iterator[str]:
    """Yields the lines of a pipe as they arrive, without their line ends.

    Raises:
        DataError: at a line that is not UTF-8 or is too long; names `name` and the line.
    """
    limit = settings.max_review_bytes
    number = 0
    while line := stream.readline(limit + 3):  # room for the line end and one byte too many
        number += 1
        line = line.rstrip(b"\r\n")
        if len(line) > limit:
            raise DataError(f"{name}:{number} is longer than {size(limit)}, the most one review may have.")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}:{number} is not UTF-8 at byte {error.start} of the line.",
                hint="convert it, for example: iconv -f cp1252 -t utf-8",
            ) from error


def is_table_name(name: str) -> bool:
    """Whether a file of this name is taken for a table when a folder is read."""
    return _FORMATS.get(PurePath(inner_name(PurePath(name))).suffix.lower(), "lines") != "lines"


def _format(head: bytes, inner: str, settings: ReadSettings, *, labelled: bool) -> Format:
    """The format of a file by its first bytes, else by its name without a suffix of compression."""
    by_name = _FORMATS.get(PurePath(inner).suffix.lower())
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", _OLD_WORKBOOK)):
        return "xlsx"
    if by_name == "parquet":
        return by_name
    text = decoded_head(head, settings.encoding)
    if by_name == "xlsx":
        if "\0" in text or not text:
            return by_name
        by_name = "csv"  # what many sites call an Excel file
    if by_name == "jsonl" or _OBJECT.match(text):
        return "jsonl"
    if by_name in {"csv", "tsv"}:
        return by_name
    if settings.delimiter or not settings.header or _has_header(text):
        return "csv"
    if by_name == "lines" or labelled or _is_labelled(text):
        return "lines"
    raise UsageError(
        f"What {visible(inner)} holds cannot be told: reviews come from a folder or {', '.join(READABLE)}.",
        hint="--format names it; --format lines if each line is a review",
    )


def _has_header(text: str) -> bool:
    """Whether the first line names columns, one of which may be the text."""
    first = text.splitlines()[0] if text.strip() else ""
    if first.lower().startswith("sep="):
        return True
    for delimiter in csv_table.DELIMITERS:
        cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
        if (
            len(cells) > 1
            and all(len(cell) < 40 for cell in cells)
            and any(map(choosing.is_text_name, cells))
        ):
            return True
    return first.strip().strip('"').lower() == "text"


def _is_labelled(text: str) -> bool:
    return text_lines.find_layout(text.splitlines()[:50], labelled=False) != "plain"
