"""The limits on archives from outside: names, sizes, and one error for all kinds of damage."""

from __future__ import annotations

import contextlib
import lzma
import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from bertsent.base import display
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.settings.download import DownloadSettings
from bertsent.data.download.contents import is_table

_MAX_NAME = 255  # bytes of one part of a path (NAME_MAX of Linux)
_MAX_PATH = 1024  # bytes of a path inside the archive; PATH_MAX (4096) leaves room for the workspace
_MAX_DEPTH = 64  # folders inside folders: walking a tree recurses once per level
_DRIVE = re.compile(r"[A-Za-z]:")

# What the standard library raises for damaged archives; gzip and bz2 raise OSError.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    RuntimeError,  # an encrypted member, an unknown packing method, too deep a chain of headers
)


class Guard:
    """Counts the members and bytes of one archive, and refuses the archive when it exceeds a limit."""

    def __init__(self, archive: Path, settings: DownloadSettings) -> None:
        self._archive = archive
        self._settings = settings
        self._packed = archive.stat().st_size
        self._members = self._bytes = 0

    def refuse(self, why: str, received: object = None) -> ArtefactError:
        return ArtefactError(
            f"{visible(self._archive.name)} is refused: {why}.",
            received=received,
            hint="nothing was unpacked; use an archive you trust",
        )

    def member(self) -> None:
        self._members += 1
        if self._members > self._settings.max_members:
            raise self.refuse(f"it has more than {self._settings.max_members:,} members")

    def count(self, unpacked: int) -> None:
        self._bytes += unpacked
        limit = self._settings.max_bytes
        if self._bytes > limit:
            raise self.refuse(f"it unpacks to more than {display.size(limit)}")
        ratio = self._settings.max_ratio
        if self._bytes > max(self._settings.ratio_from, ratio * self._packed):
            raise self.refuse(f"it unpacks to more than {ratio} times its size, like a decompression bomb")

    def one_file(self, size: int, name: str) -> None:
        # A table may be as large as the archive may unpack to: Yelp's reviews are one file of 5 GB.
        limit = self._settings.max_member_bytes
        if size > limit and not is_table(name):
            raise self.refuse(f"a file in it is larger than {display.size(limit)}", repr(visible(name)))

    @contextlib.contextmanager
    def damage(self) -> Iterator[None]:
        """Turns the errors of the standard library for damaged archives into one `ArtefactError`."""
        try:
            yield
        except _DAMAGE as error:
            raise ArtefactError(
                f"{visible(self._archive.name)} is damaged or cut off.",
                received=visible(str(error)) or type(error).__name__,
                hint="fetch it again",
            ) from error


class Names:
    """Checks the names of one archive: each lies inside the target folder, and no two name the same file."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._taken: dict[str, tuple[str, bool]] = {}

    def admit(self, name: str, *, is_folder: bool) -> tuple[str, ...]:
        """The parts of a name; () for the archive's root.

        Raises:
            ArtefactError: if it points outside, cannot be shown, is too long, or occurred before.
        """
        parts = self._parts(name)
        for end in range(1, len(parts)):
            self._take("/".join(parts[:end]), is_folder=True)
        if parts:
            self._take("/".join(parts), is_folder=is_folder)
        elif not is_folder:
            raise self._guard.refuse("a file in it has no name", repr(visible(name)))
        return parts

    def _parts(self, name: str) -> tuple[str, ...]:
        parts = tuple(part for part in name.split("/") if part not in {"", "."})
        if name.startswith("/") or ".." in parts or "\\" in name or _DRIVE.match(name):
            raise self._guard.refuse("a name in it points outside", repr(visible(name[:_MAX_PATH])))
        if visible(name) != name:
            raise self._guard.refuse("a name in it has characters that cannot be shown", repr(visible(name)))
        too_long = len(name.encode()) > _MAX_PATH or any(len(part.encode()) > _MAX_NAME for part in parts)
        if too_long or len(parts) > _MAX_DEPTH:
            raise self._guard.refuse("a name in it is too long", repr(name[:60] + "..."))
        return parts

    def _take(self, path: str, *, is_folder: bool) -> None:
        # Names that differ only in case are one file on other systems, so they count as equal.
        key = path if path.isascii() else unicodedata.normalize("NFC", path)
        entry = (path, is_folder)
        before = self._taken.setdefault(key.casefold(), entry)
        if before is not entry and not (is_folder and before == entry):
            raise self._guard.refuse("a name in it occurs twice", repr(visible(path)))
