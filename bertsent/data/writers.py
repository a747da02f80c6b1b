"""Writes predictions to CSV, JSONL and Parquet files.

Memory holds one row, or one row group of Parquet. A file appears when it is complete.
"""

from __future__ import annotations

import codecs
import csv
import glob
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_write, is_folder, remove_stale
from bertsent.base.records.core import Prediction
from bertsent.base.settings.reading import LABEL_NAMES, WriteSettings
from bertsent.data.optional import pyarrow_or_error

WRITABLE = (".csv", ".jsonl", ".parquet")
COLUMNS = ("text", "score", "label", "tokens", "truncated", "version", "path", "gold")
Write = Callable[[Prediction], None]

_FREE = ("text", "version", "path")  # columns with text from outside
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection: a spreadsheet runs such cells
_FEW = ("label", "version", "gold")  # columns with few distinct values: a dictionary makes them small
_MEASURED = ("score", "tokens")  # columns stored with minimum and maximum, which speed up queries


@contextmanager
def open_writer(
    path: Path, *, raw_csv: bool = False, settings: WriteSettings | None = None
) -> Iterator[Write]:
    """Opens `path` for predictions, in the format of its suffix; yields a function that writes one.

    The complete file appears when the block ends; if the block fails, an older file stays. Temporary files of
    killed runs are removed after a day. Without `raw_csv`, a text, version or path in CSV that begins like a
    formula (=, +, -, @, tab, carriage return) gets a ' before it, so that no spreadsheet runs it; JSONL and
    Parquet are always exact.

    Raises:
        UsageError: if `path` has a suffix that is not in `WRITABLE`, or is a folder.
        MissingExtraError: for Parquet without pyarrow.
        StorageError: if the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE or is_folder(path):
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
    for name in _FREE:  # a file name that is not UTF-8 must not end a long run
        row[name] = row[name].encode("utf-8", "backslashreplace").decode()
    return row


def _csv_writer(file: IO[bytes], *, raw: bool) -> Write:
    # Lines end in CRLF (RFC 4180): with LF, Python 3.11 does not quote a bare CR, and no reader accepts that.
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
        table.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
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
