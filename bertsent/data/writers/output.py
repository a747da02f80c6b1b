"""Opens an output: a file in the format of its suffix, plain or compressed, or stdout.

Memory holds one row, or one row group of Parquet. A file appears when it is complete.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import atomic_path, atomic_write, is_folder, remove_stale, temporary_sibling
from bertsent.base.settings.reading import OutputFormat, WriteSettings
from bertsent.data.optional import zstd_or_error
from bertsent.data.writers import sqlite, workbook
from bertsent.data.writers.layout import Changes, Layout, Write
from bertsent.data.writers.parquet import write_parquet
from bertsent.data.writers.text_formats import write_csv, write_json_array, write_json_lines

FORMATS: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
TEXTS: tuple[OutputFormat, ...] = ("csv", "tsv", "jsonl", "json")  # may be compressed, or go to stdout
STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Output:
    """Where rows go, and in which format.

    Attributes:
        path: The file; `-` for a stream.
        format: Of the rows.
        compression: A suffix in `COMPRESSED`, or "".
        stream: stdout, if the rows go there.
    """

    path: Path
    format: OutputFormat
    compression: str = ""
    stream: IO[bytes] | None = None

    @classmethod
    def to(cls, path: Path, *, format: OutputFormat | None = None, stream: IO[bytes] | None = None) -> Output:
        """The output at `path`; `stream` is written to if that is `-`.

        Args:
            path: Its suffix gives format and compression.
            format: Instead of the suffix's; on a stream CSV if it is None.
            stream: Bytes to stdout.

        Raises:
            UsageError: if the suffix is unknown, `path` is a folder, or the format cannot be compressed or
                go to a stream.
        """
        compression = "" if stream or path.suffix.lower() not in COMPRESSED else path.suffix.lower()
        suffix = Path(path.stem).suffix if compression else path.suffix
        wanted = format or ("csv" if stream else FORMATS.get(suffix.lower()))
        if wanted is None or (is_folder(path) and not stream):
            raise UsageError(
                f"Predictions go to a file {' '.join(FORMATS)}, those of text also {' '.join(COMPRESSED)}.",
                received=visible(str(path)),
                hint="--output-format csv, for example, if the name is to stay",
            )
        if wanted not in TEXTS and (compression or stream):
            raise UsageError(
                f"Only {', '.join(TEXTS)} can be compressed or go to stdout.",
                received=f"{wanted} to {visible(str(path))}",
            )
        return cls(path, wanted, compression, stream)


def require_room(output: Output, layout: Layout, rows: int) -> None:
    """Checks before hours of work that the format holds so many rows and columns.

    Raises:
        UsageError: if it does not.
    """
    most_rows = workbook.MOST_ROWS if output.format == "xlsx" else rows
    most_columns = {"xlsx": workbook.MOST_COLUMNS, "sqlite": sqlite.MOST_COLUMNS}.get(output.format)
    for number, most, what in (
        (rows, most_rows, "rows"),
        (len(layout.columns), most_columns or len(layout.columns), "columns"),
    ):
        if number > most:
            raise UsageError(
                f"A file {visible(output.path.suffix)} holds {most} {what} at most.",
                received=number,
                hint="write .csv, .jsonl or .parquet instead",
            )


@contextmanager
def open_writer(
    output: Output,
    layout: Layout,
    *,
    changes: Changes,
    raw_csv: bool = False,
    settings: WriteSettings | None = None,
) -> Iterator[Write]:
    """Opens an output for rows with the columns of `layout`; yields a function that writes one.

    The complete file appears when the block ends; if the block fails, an older file stays. Temporary files of
    killed runs are removed after a day. Without `raw_csv`, a text in CSV or TSV that begins like a formula
    (=, +, -, @, tab, carriage return) and is no number gets a ' before it, so that no spreadsheet runs it.
    All other formats are exact, but for the length of a workbook's cells.

    Args:
        output: Where the rows go.
        layout: Their columns.
        changes: Receives the numbers of cells that were guarded or cut.
        raw_csv: Guard no cell.
        settings: Sizes of row groups, and of compression.

    Raises:
        MissingExtraError: for Parquet, workbooks or .zst without their package.
        StorageError: if the file cannot be written.
    """
    settings = settings or WriteSettings()
    if output.stream is not None:
        with _rows(output, output.stream, layout, changes, raw_csv=raw_csv) as write:
            yield write
        return
    path = output.path
    remove_stale(path.parent, pattern=f".{glob.escape(path.name)}.*.tmp")
    if output.format == "sqlite":
        with atomic_path(path) as temporary, sqlite.write_sqlite(temporary, layout) as write:
            yield write
    elif output.format == "xlsx":
        with (
            temporary_sibling(path) as folder,
            atomic_write(path) as file,
            workbook.write_workbook(file, layout, changes, folder=folder) as write,
        ):
            yield write
    elif output.format == "parquet":
        with atomic_write(path) as file, write_parquet(file, layout, settings) as write:
            yield write
    else:
        with (
            atomic_write(path) as file,
            _compressed(file, output.compression, settings) as stream,
            _rows(output, stream, layout, changes, raw_csv=raw_csv) as write,
        ):
            yield write


def _rows(
    output: Output, file: IO[bytes], layout: Layout, changes: Changes, *, raw_csv: bool
) -> AbstractContextManager[Write]:
    if output.format == "jsonl":
        return write_json_lines(file, layout)
    if output.format == "json":
        return write_json_array(file, layout)
    delimiter = "\t" if output.format == "tsv" else ","
    return write_csv(file, layout, changes, delimiter=delimiter, raw=raw_csv)


@contextmanager
def _compressed(file: IO[bytes], suffix: str, settings: WriteSettings) -> Iterator[IO[bytes]]:
    """A stream that compresses into `file`; the file itself without a suffix."""
    if not suffix:
        yield file
        return
    with _compressor(file, suffix, settings) as stream:
        yield cast("IO[bytes]", stream)


def _compressor(file: IO[bytes], suffix: str, settings: WriteSettings) -> Any:
    if suffix == ".gz":
        import gzip

        # Without a name and a time, equal rows make equal files.
        return gzip.GzipFile("", "wb", settings.gzip_level, file, mtime=0)
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File(file, "w")
    if suffix == ".xz":
        import lzma

        return lzma.LZMAFile(file, "w")
    return zstd_or_error().ZstdFile(file, "w")
