"""Predictions -> files: CSV, JSONL, Parquet.

Writing streams: no more is held than one row, or one row group of Parquet. A file appears whole at the end.
"""

from __future__ import annotations

import array
import codecs
import csv
import glob
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_write, remove_stale
from bertsent.base.records.core import Prediction
from bertsent.base.settings.reading import LABEL_NAMES, WriteSettings
from bertsent.data.tables import pyarrow_or_error

WRITABLE = (".csv", ".jsonl", ".parquet")
COLUMNS = ("text", "score", "label", "tokens", "truncated", "version", "path", "gold")
Write = Callable[[Prediction], None]

_FREE = ("text", "version", "path")  # columns whose content comes from outside
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection: a cell so begun is run
_FEW = ("label", "version", "gold")  # columns of few values, which a dictionary makes small
_MEASURED = ("score", "tokens")  # columns whose least and largest value help who queries the file


@contextmanager
def open_writer(
    path: Path, *, raw_csv: bool = False, settings: WriteSettings | None = None
) -> Iterator[Write]:
    """Opens `path` for predictions, in the form its suffix names; yields the function that adds one.

    The file appears, whole, when the block ends well; until then, and if it fails, what stood there stays.
    What a run that was killed left beside it goes, a day later.
    In CSV a text, version or path that begins like a formula (=, +, -, @, tab, carriage return) gets a '
    before it, lest a spreadsheet runs it, unless `raw_csv`; JSONL and Parquet are always exact.

    Raises:
        UsageError: if `path` ends in none of `WRITABLE`, or is a folder.
        MissingExtraError: for Parquet without pyarrow.
        StorageError: if the disk does not take the file.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE or os.path.isdir(path):  # noqa: PTH112 - Path.is_dir may raise
        raise UsageError(f"Predictions go to a file {', '.join(WRITABLE)}.", received=visible(str(path)))
    remove_stale(path.parent, pattern=f".{glob.escape(path.name)}.*.tmp")
    with atomic_write(path) as file:
        if suffix == ".parquet":
            yield from _parquet_writer(pyarrow_or_error(), file, settings or WriteSettings())
        else:
            yield _csv_writer(file, raw=raw_csv) if suffix == ".csv" else _jsonl_writer(file)


def _row(prediction: Prediction) -> dict[str, Any]:
    gold = None if prediction.gold is None else LABEL_NAMES[prediction.gold]
    row = {**prediction.as_json(), "path": prediction.path, "gold": gold}
    for name in _FREE:  # the name of a file need not be UTF-8, and one such must not end a long run
        row[name] = row[name].encode("utf-8", "backslashreplace").decode()
    return row


def _csv_writer(file: IO[bytes], *, raw: bool) -> Write:
    # CRLF ends (RFC 4180): with LF, Python 3.11 leaves a bare CR in a text unquoted, and no reader takes it.
    sheet = csv.writer(codecs.getwriter("utf-8")(file))
    sheet.writerow(COLUMNS)

    def write(prediction: Prediction) -> None:
        row = _row(prediction)
        for name in () if raw else _FREE:
            if row[name].startswith(_FORMULA):
                row[name] = "'" + row[name]
        row["truncated"] = str(row["truncated"]).lower()
        sheet.writerow(row[name] for name in COLUMNS)

    return write


def _jsonl_writer(file: IO[bytes]) -> Write:
    def write(prediction: Prediction) -> None:
        line = json.dumps(_row(prediction), ensure_ascii=False, allow_nan=False)
        file.write(line.encode() + b"\n")

    return write


def _parquet_writer(pyarrow: Any, file: IO[bytes], settings: WriteSettings) -> Iterator[Write]:
    types = {"score": pyarrow.float64(), "tokens": pyarrow.int32(), "truncated": pyarrow.bool_()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS])
    rows: list[dict[str, Any]] = []
    characters = 0

    def flush() -> None:
        nonlocal characters
        columns = [_column(pyarrow, field.type, [row[field.name] for row in rows]) for field in schema]
        table.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
        rows.clear()
        characters = 0

    def write(prediction: Prediction) -> None:
        nonlocal characters
        rows.append(_row(prediction))
        characters += len(prediction.text)
        if len(rows) >= settings.group_rows or characters >= settings.group_characters:
            flush()

    options = {"use_dictionary": [*_FEW], "write_statistics": [*_MEASURED]}
    with pyarrow.parquet.ParquetWriter(file, schema, **options) as table:
        yield write
        if rows:
            flush()


def _column(pyarrow: Any, kind: Any, cells: Sequence[Any]) -> Any:
    """An Arrow array, put together in Arrow's layout: pyarrow.array() would import pandas where there is one,
    50 MB and a quarter of a second (pyarrow/pandas-shim.pxi)."""
    parts: list[Any] = [None]  # whether there is a cell, in bits: None says that all are there
    if kind == pyarrow.bool_():
        parts += [_bits(cells)]
    elif kind == pyarrow.string():
        texts = [b"" if cell is None else cell.encode() for cell in cells]
        ends = array.array("i", itertools.accumulate(map(len, texts), initial=0))
        parts = [_bits([cell is not None for cell in cells]), ends, b"".join(texts)]
    else:
        parts += [array.array("d" if kind == pyarrow.float64() else "i", cells)]
    buffers = [part if part is None else pyarrow.py_buffer(part) for part in parts]
    return pyarrow.Array.from_buffers(kind, len(cells), buffers)


def _bits(flags: Sequence[bool]) -> bytes:
    """One bit a flag, the first the lowest of the first byte."""
    number = int("".join("1" if flag else "0" for flag in reversed(flags)), 2)
    return number.to_bytes(-(-len(flags) // 8), "little")
