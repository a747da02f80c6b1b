"""Unpacks archives from outside: regular files and folders only, within limits.

Links have bypassed Python's own filters again and again (CVE-2007-4559, CVE-2025-4517), so `extractall` is
not used: every member is checked and copied into a new file here.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from bertsent.base import files
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.download import DownloadSettings
from bertsent.data.download.limits import Guard, Names

_CHUNK = 1 << 20  # also the longest header of a tar that is accepted
_EVERY = 200  # members between two reports of progress; a report costs as much as a file
_BLOCK = 512  # bytes of a tar block

_Reader = Callable[[Path, str], IO[bytes]]
_READERS: dict[bytes, _Reader] = {
    b"\x1f\x8b": cast(_Reader, gzip.open),
    b"BZh": cast(_Reader, bz2.open),
    b"\xfd7zXZ\0": cast(_Reader, lzma.open),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # a first member, or the end of an empty archive


class _Member(NamedTuple):
    name: str
    stream: IO[bytes] | None  # None: a folder


def extract(archive: Path, folder: Path, settings: DownloadSettings, *, progress: Progress = silent) -> None:
    """Unpacks a tar (plain, gzip, bzip2, xz) or zip archive into a folder.

    Sizes are counted while reading, because headers may lie. Files that macOS adds to archives are left out.
    After an error `folder` is incomplete and must not be used.

    Args:
        archive: The archive; its kind is known by its first bytes, not by its name.
        folder: An empty folder that no other process writes to.
        settings: The limits on members, bytes and their ratio.
        progress: Receives the number of files written so far.

    Raises:
        ArtefactError: if it is not an archive, is damaged, holds a link, a device or a name that points
            outside or occurs twice, or exceeds a limit.
        StorageError: if the disk fails or is full.
    """
    guard = Guard(archive, settings)
    names = Names(guard)
    members = _zip_members if sniff(archive) == "zip" else _tar_members
    count = 0
    progress.start(f"Unpacking {visible(archive.name)}", None, "files")
    with contextlib.closing(members(archive, guard)) as stream:
        for member in stream:
            guard.member()
            parts = names.admit(member.name, is_folder=member.stream is None)
            if _is_junk(parts):
                continue
            if member.stream is None:
                _make_folder(folder.joinpath(*parts))
                continue
            _write(_chunks(member, guard), folder.joinpath(*parts))
            count += 1
            if count % _EVERY == 0:
                progress.advance(count)
    progress.advance(count)
    progress.finish()


def sniff(archive: Path) -> str:
    """The kind of an archive by its first bytes: "zip", or "tar" (compressed or not).

    Raises:
        ArtefactError: if it is neither.
    """
    try:
        with archive.open("rb") as file:
            start = file.read(_BLOCK)
    except OSError as error:
        raise ArtefactError(f"Cannot read {visible(str(archive))} ({error.strerror}).") from error
    if start.startswith(_ZIP):
        return "zip"
    if start.startswith(tuple(_READERS)):
        return "tar"
    with contextlib.suppress(tarfile.HeaderError):
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")  # verifies its checksum
        return "tar"
    raise ArtefactError(
        f"{visible(archive.name)} is not an archive (tar, tar.gz, tar.bz2, tar.xz or zip).",
        received=repr(visible(start[:40].decode("ascii", "replace"))) if start else "an empty file",
    )


def _is_junk(parts: tuple[str, ...]) -> bool:
    """Whether a member is the archive's root, or metadata of macOS."""
    return not parts or parts[0] == "__MACOSX" or parts[-1] == ".DS_Store" or parts[-1].startswith("._")


def _tar_members(archive: Path, guard: Guard) -> Generator[_Member]:
    with archive.open("rb") as file:
        start = file.read(8)
    reader = next((use for magic, use in _READERS.items() if start.startswith(magic)), cast(_Reader, open))
    with guard.damage(), reader(archive, "rb") as unpacked:
        stream = _Forward(unpacked, guard)
        with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8") as tar:
            for info in tar:
                if info.isdir():
                    yield _Member(info.name, None)
                    continue
                # isreg() also accepts sparse files, whose holes escape the limits on the stream
                if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or info.issparse():
                    raise guard.refuse("it holds a link or a device", repr(visible(info.name)))
                if info.size < 0:
                    raise guard.refuse("a header in it has an impossible length", f"{info.size} bytes")
                yield _Member(info.name, tar.extractfile(info))
        stream.finish()


class _Forward(io.RawIOBase):
    """A tar stream that counts its bytes and can only be read forwards.

    tarfile seeks over padding. It would seek backwards if a header had a negative size (CVE-2025-8194), and
    it would read a header of any length into memory.
    """

    def __init__(self, stream: IO[bytes], guard: Guard) -> None:
        self._stream = stream
        self._guard = guard
        self._at = 0
        self._last = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _CHUNK:
            raise self._guard.refuse("a header in it has an impossible length", f"{size} bytes")
        self._last = self._stream.read(size)
        self._at += len(self._last)
        self._guard.count(len(self._last))
        return self._last

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        if position < self._at or whence != os.SEEK_SET:
            raise self._guard.refuse("a header in it points backwards")
        while self._at < position and self.read(min(position - self._at, _CHUNK)):
            pass
        return self._at

    def finish(self) -> None:
        """Reads to the end, where gzip, bzip2 and xz keep their checksum.

        Raises:
            EOFError: if tarfile stopped before the end mark of a tar, as it does at some damaged headers.
        """
        if self._last != bytes(_BLOCK):
            raise EOFError("the archive has no end mark")
        while self.read(_CHUNK):
            pass


def _zip_members(archive: Path, guard: Guard) -> Generator[_Member]:
    with guard.damage(), zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 if the packer stored no Unix modes
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise guard.refuse("it holds a link or a device", repr(visible(info.filename)))
            # zipfile cuts `filename` at a NUL. Old .NET packers wrote \\ for / (SharpZipLib issue 617).
            name = info.orig_filename.replace("\\", "/")
            if name.endswith("/"):
                yield _Member(name, None)
                continue
            with file.open(info) as stream:
                yield _Member(name, cast(IO[bytes], _Counted(stream, guard)))


class _Counted(io.RawIOBase):
    """A member of a zip that counts its bytes."""

    def __init__(self, stream: IO[bytes], guard: Guard) -> None:
        self._stream = stream
        self._guard = guard

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self._guard.count(len(chunk))
        return chunk


def _chunks(member: _Member, guard: Guard) -> Iterator[bytes]:
    size = 0
    with guard.damage():
        while member.stream and (chunk := member.stream.read(_CHUNK)):
            size += len(chunk)
            guard.one_file(size, member.name)
            yield chunk


def _write(chunks: Iterator[bytes], path: Path) -> None:
    _make_folder(path.parent)
    with files.disk_errors(path), path.open("xb") as file:  # x: never through a link or over a file
        file.writelines(chunks)


def _make_folder(path: Path) -> None:
    with files.disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
