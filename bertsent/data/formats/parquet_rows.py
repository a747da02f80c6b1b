"""Rows of a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bertsent.base.display import shortened, visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import Kind
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.compression import open_seekable
from bertsent.data.decoding import CHUNK
from bertsent.data.optional import pyarrow_or_error
from bertsent.data.table import Rows, Table, choose_columns

_QUOTED = 60  # characters of pyarrow's message that ours quotes


def read_schema(path: Path, *, name: str) -> tuple[dict[str, Kind], dict[str, list[str]]]:
    """The columns with their kinds, and the names that Hugging Face gives the values of a class column.

    Raises:
        DataError: if it is not readable Parquet.
        MissingExtraError: without pyarrow.
    """
    pyarrow = pyarrow_or_error()
    with open_seekable(path) as file:
        try:
            schema = pyarrow.parquet.read_schema(file)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(name, 0, error) from error
    kinds = {field.name: _kind(pyarrow, field.type) for field in schema}
    if len(kinds) < len(schema.names):
        raise DataError(f"{name} has two columns of one name.", received=visible(", ".join(schema.names)))
    return kinds, _class_names(schema.metadata or {})


def read_rows(
    path: Path, columns: Sequence[str], *, name: str, batch: int
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows with these columns, numbered from 1.

    Args:
        batch: Rows that are read at a time.

    Raises:
        DataError: if the file is damaged; names the last row that was read.
    """
    pyarrow, number = pyarrow_or_error(), 0
    with open_seekable(path) as file:
        try:
            # A file may hold all its rows in one group. With pre_buffer, or without a buffer, Arrow would
            # read whole columns of that group.
            with pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=CHUNK) as table:
                for rows in table.iter_batches(batch, columns=[*columns], use_threads=False):
                    cells = [rows.column(column).to_pylist() for column in columns]
                    for row in zip(*cells, strict=True):
                        number += 1
                        yield number, row
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(name, number, error) from error


def _damaged(name: str, number: int, error: Exception) -> DataError:
    why = visible(shortened(str(error), _QUOTED))
    return DataError(
        f"{name} is not readable Parquet after row {number} ({why}).", hint="fetch or write it again"
    )


def _kind(pyarrow: Any, kind: Any) -> Kind:
    types = pyarrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    tests: tuple[tuple[Kind, Any], ...] = (
        ("text", types.is_string),
        ("text", types.is_large_string),
        ("nested", types.is_uint64),  # may be more than the 64 bits with a sign of a column of integers
        ("integer", types.is_integer),
        ("number", types.is_floating),
        ("boolean", types.is_boolean),
        ("date", types.is_date),
        ("datetime", types.is_timestamp),
        ("text", types.is_null),
    )
    return next((name for name, test in tests if test(kind)), "nested")


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column -> the names of its numbers, as the package `datasets` writes them for a ClassLabel."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def open_parquet(path: Path, settings: ReadSettings, name: str) -> Table:
    """Opens a Parquet file, which messages call `name`.

    Raises:
        DataError, UsageError, MissingExtraError: as `read_schema` and `table.choose_columns`.
    """
    kinds, class_names = read_schema(path, name=name)
    names, choice = choose_columns([*kinds], settings, name)
    stored = dict(zip(names, kinds, strict=True))

    def read(all_columns: bool) -> Rows:
        wanted = [stored[column] for column in (names if all_columns else table.used)]
        return read_rows(path, wanted, name=name, batch=settings.parquet_rows)

    named = {column: kinds[stored[column]] for column in names}
    table = Table(path, name, names, choice, read, kinds=named, class_names=class_names)
    return table
