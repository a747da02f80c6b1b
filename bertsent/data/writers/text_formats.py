"""Writes CSV, TSV, JSON lines and JSON arrays, a row at a time."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from bertsent.base.records.reading import MISSING
from bertsent.base.text import encodable
from bertsent.data.writers.cells import cell_text, json_value
from bertsent.data.writers.layout import Changes, Layout, Write

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection: a spreadsheet runs such cells
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|[.,]\d+)(e[+-]?\d+)?%?", re.IGNORECASE)


@contextmanager
def write_csv(
    file: IO[bytes], layout: Layout, changes: Changes, *, delimiter: str, raw: bool
) -> Iterator[Write]:
    """Yields a function that writes a row as RFC 4180 has it, for TSV with another delimiter.

    Args:
        file: Where the rows go.
        layout: Its columns.
        changes: Receives the number of cells that got a ' before them.
        delimiter: A comma or a tab.
        raw: Leave cells as they are that a spreadsheet would run as a formula.
    """
    # Lines end in CRLF (RFC 4180): with LF, Python 3.11 does not quote a bare CR, and no reader accepts that.
    sheet = csv.writer(codecs.getwriter("utf-8")(file), delimiter=delimiter)

    def cell(value: Any) -> str:
        text = cell_text(value)
        if not raw and text.startswith(_FORMULA) and not _is_number(value, text):
            changes.guarded += 1
            text = "'" + text
        return encodable(text)

    sheet.writerow([cell(column.name) for column in layout.columns])
    yield lambda row: sheet.writerow([cell(value) for value in row])


@contextmanager
def write_json_lines(file: IO[bytes], layout: Layout) -> Iterator[Write]:
    """Yields a function that writes a row as an object on a line; a key that the input lacks is left out."""
    encode = _encoder(layout)

    def write(row: Sequence[Any]) -> None:
        file.write(encode(row) + b"\n")

    yield write


@contextmanager
def write_json_array(file: IO[bytes], layout: Layout) -> Iterator[Write]:
    """Yields a function that writes the rows as the objects of one array, each on a line of its own."""
    encode = _encoder(layout)
    before = b"[\n"

    def write(row: Sequence[Any]) -> None:
        nonlocal before
        file.write(before + encode(row))
        before = b",\n"

    yield write
    file.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _is_number(value: Any, text: str) -> bool:
    return isinstance(value, int | float) or _NUMBER.fullmatch(text) is not None


def _encoder(layout: Layout) -> Callable[[Sequence[Any]], bytes]:
    names = [column.name for column in layout.columns]

    def encode(row: Sequence[Any]) -> bytes:
        cells = {
            name: json_value(value) for name, value in zip(names, row, strict=True) if value is not MISSING
        }
        return encodable(json.dumps(cells, ensure_ascii=False, allow_nan=False)).encode()

    return encode
