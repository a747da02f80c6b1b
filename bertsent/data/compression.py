"""Opens files as they are, or unpacked as they are read: .gz, .bz2, .xz, .zst, and a .zip with one table.

What a file is, its first bytes say, not its name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from bertsent.base.display import visible
from bertsent.base.errors import DataError

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_GZIP, _BZIP2, _XZ, _ZSTD, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
_WORKBOOK = "xl/workbook.xml"  # in every .xlsx, which is a zip
_NO_TABLES = {".md", ".pdf", ".html", ".htm", ".png", ".jpg", ".py", ".license", ".lock"}
_NO_TABLE_NAMES = ("readme", "license", "licence", "copying", "changelog", "notice")


def inner_name(path: PurePath) -> str:
    """The name of a file without the suffix of its compression: `reviews.csv` for reviews.csv.gz."""
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


@contextmanager
def open_unpacked(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """Opens a file to be read from its beginning to its end; yields it with its name without compression.

    Raises:
        DataError: if it cannot be read, is damaged, or is a zip that does not hold one table.
        MissingExtraError: for .zst without a package that reads it.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            if start.startswith((_ZIP, _EMPTY_ZIP)):
                yield from _member(path, file)
            else:
                yield _unpacker(start, file), inner_name(path)
    except damage() as error:
        raise damaged(path, error) from error


@contextmanager
def open_seekable(path: Path) -> Iterator[IO[bytes]]:
    """Like `open_unpacked`, for formats that are not read from their beginning to their end.

    What is compressed is unpacked into a temporary file first.
    """
    with open_unpacked(path) as (stream, _):
        if stream.seekable() and getattr(stream, "name", None) == str(path):
            yield stream
            return
        with tempfile.TemporaryFile() as unpacked:
            shutil.copyfileobj(stream, unpacked)
            unpacked.seek(0)
            yield cast("IO[bytes]", unpacked)


def damage() -> tuple[type[Exception], ...]:
    """What reading raises for a file that cannot be read or unpacked."""
    import lzma
    import zipfile
    import zlib

    errors: list[type[Exception]] = [OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile]
    zstd = _zstd_module()
    if zstd is not None:
        errors.append(zstd.ZstdError)
    return tuple(errors)


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be read or unpacked."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"{visible(str(path))} cannot be read ({why}).")
    return DataError(
        f"{visible(str(path))} is damaged or cut short ({visible(why)}).", hint="fetch or pack it again"
    )


def _unpacker(start: bytes, file: IO[bytes]) -> IO[bytes]:
    if start.startswith(_GZIP):
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if start.startswith(_BZIP2):
        import bz2

        return bz2.BZ2File(file)
    if start.startswith(_XZ):
        import lzma

        return lzma.LZMAFile(file)
    if start.startswith(_ZSTD):
        from bertsent.data.optional import zstd_or_error

        return cast("IO[bytes]", zstd_or_error().ZstdFile(file))
    return file


def _zstd_module() -> Any:
    """The module that reads .zst, if it is loaded: only then its errors can occur."""
    import sys

    return sys.modules.get("compression.zstd") or sys.modules.get("backports.zstd")


def _member(path: Path, file: IO[bytes]) -> Iterator[tuple[IO[bytes], str]]:
    """Opens the one table of a zip; or the file itself if it is a workbook, which is a zip too."""
    from zipfile import ZipFile

    with ZipFile(file) as archive:
        names = archive.namelist()
        if _WORKBOOK not in names and not any(name.endswith("content.xml") for name in names):
            member = _table_of(path, archive)
            if member.flag_bits & 1:
                raise DataError(f"{visible(str(path))} is encrypted.", hint="unzip it first")
            if member.filename.lower().endswith(".zip"):
                raise DataError(f"{visible(str(path))} holds another zip.", hint="unzip it and name that one")
            with archive.open(member) as stream:
                yield stream, PurePosixPath(member.filename.replace("\\", "/")).name
            return
    file.seek(0)
    yield file, path.name


def _table_of(path: Path, archive: ZipFile) -> ZipInfo:
    members = [member for member in archive.infolist() if _may_be_a_table(member)]
    if len(members) == 1:
        return members[0]
    if not members:
        raise DataError(f"{visible(str(path))} holds no table.", hint="name a file that does")
    names = ", ".join(visible(member.filename) for member in members[:5])
    raise DataError(
        f"{visible(str(path))} must hold one table.",
        received=f"{len(members)} files ({names}{', ...' if len(members) > 5 else ''})",
        hint=f"unzip it, or as a data set: bertsent download --url {visible(str(path))}",
    )


def _may_be_a_table(member: ZipInfo) -> bool:
    parts = member.filename.replace("\\", "/").split("/")
    name = parts[-1].lower()
    return not (
        not name
        or any(part.startswith((".", "__MACOSX")) for part in parts)
        or name.startswith(_NO_TABLE_NAMES)
        or Path(name).suffix in _NO_TABLES
    )
