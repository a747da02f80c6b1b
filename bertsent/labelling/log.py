"""The label log: an append-only file, one line a decision, and the folders `pos` and `neg` that follow it.

The log is what counts. A line is on the disk before `append` returns, so a kill at any moment loses at most
the decision in hand; what it leaves half written, a line or a file, the next `append` puts right. An undo
is a line like any other: nothing is ever taken out of the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import BusyError, DataError, StorageError
from bertsent.base.files import disk_errors, sync_directory
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import FOLDERS, LABELS
from bertsent.labelling.decisions import Decision, Labelled, labelled, parse, standing

_SETTINGS = LabelSettings()
_FOLDER_OF = {number: name for name, number in FOLDERS.items()}
_OURS = re.compile(r"[0-9a-f]{16}\.txt|\.[0-9a-f]{16}\.tmp")  # what the log may remove from pos and neg


class LabelLog:
    """The log of a workspace. Any number of processes may read and append at once.

    Args:
        folder: The workspace's `labels/`. Reading creates nothing.
        settings: How long an append waits for another one.
    """

    def __init__(self, folder: Path, settings: LabelSettings = _SETTINGS) -> None:
        self._folder = folder
        self._settings = settings
        self._path = folder / "log.jsonl"
        self._decisions: list[Decision] = []
        self._about: dict[str, list[Decision]] = {}  # by digest
        self._undone: set[str | None] = set()
        self._place: tuple[int, int] | None = None  # device and inode of what was read
        self._read, self._lines = 0, 0  # bytes and lines of it
        self._followed = False

    def decisions(self) -> list[Decision]:
        """All decisions, oldest first; a last line that was cut short is not one.

        Raises:
            DataError: naming the line, if one before the last is damaged.
        """
        with self._open(os.O_RDONLY) as handle:
            tail = self._catch_up(handle) if handle is not None else []
            return self._decisions + tail

    def standing(self) -> list[Decision]:
        """Those that were not undone, skips and second answers among them, oldest first."""
        return standing(self.decisions())

    def labelled(self) -> list[Labelled]:
        """The texts that have a label, in the order in which they got it."""
        return labelled(self.decisions())

    def append(self, decision: Decision) -> None:
        """Records a decision: its line is on the disk when this returns, then `pos` and `neg` follow.

        Raises:
            DataError: if the log is damaged; it is left as it is.
            StorageError: if the disk does not take it.
            BusyError: if another process holds the log for longer than an append can take.
        """
        line = json.dumps(asdict(decision), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with disk_errors(self._path):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._open(os.O_RDWR | os.O_CREAT) as handle:
            if handle is None:
                raise StorageError(f"{visible(str(self._path))} cannot be made.")
            self._hold(handle)
            tail = self._catch_up(handle)
            with disk_errors(self._path):
                self._write(handle, line, keep=bool(tail))
            self._catch_up(handle)
            if self._followed:
                self._follow(decision.digest)
            else:
                self._rebuild()

    def rebuild(self) -> None:
        """Makes `pos` and `neg` what the log says. Files that the log did not name stay.

        Raises:
            DataError: if the log is damaged.
            StorageError: if the disk does not take it.
        """
        with self._open(os.O_RDONLY) as handle:
            if handle is not None:
                self._hold(handle)
                self._rebuild()

    @contextlib.contextmanager
    def _open(self, flags: int) -> Iterator[int | None]:
        """The log as a file descriptor; None if there is no log yet."""
        guarded = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO in its place must not hang
        try:
            handle = os.open(self._path, guarded, 0o644)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise StorageError(f"Cannot open {visible(str(self._path))} ({error.strerror}).") from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StorageError(f"{visible(str(self._path))} is not a regular file.")
            yield handle
        finally:
            os.close(handle)  # frees the lock

    def _hold(self, handle: int) -> None:
        """Keeps other processes out until the file is closed, or this process dies."""
        until = time.monotonic() + self._settings.patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if time.monotonic() > until:
                    raise BusyError(
                        f"Another process holds {visible(str(self._path))}.", hint="end it, then run again"
                    ) from error
            time.sleep(0.01)

    def _catch_up(self, handle: int) -> list[Decision]:
        """Reads what was appended since the last time; returns the decision of a line that lacks its end."""
        at = os.fstat(handle)
        if (at.st_dev, at.st_ino) != self._place or at.st_size < self._read:
            self._place, self._read, self._lines, self._followed = (at.st_dev, at.st_ino), 0, 0, False
            self._decisions, self._about, self._undone = [], {}, set()
        *whole, rest = _read_from(handle, self._read).split(b"\n")
        for line in whole:
            if line.strip():
                self._add(parse(line, f"{self._path}:{self._lines + 1}"))
            self._lines += 1
            self._read += len(line) + 1
        with contextlib.suppress(DataError):
            return [parse(rest, "")]  # an editor may have taken the last newline
        return []

    def _add(self, decision: Decision) -> None:
        self._decisions.append(decision)
        self._about.setdefault(decision.digest, []).append(decision)
        if decision.label == "undo":
            self._undone.add(decision.undoes)

    def _write(self, handle: int, line: bytes, *, keep: bool) -> None:
        """Appends a line after the last whole one; `keep` the unended one behind it, which is whole too."""
        before = os.fstat(handle).st_size
        if not keep:
            os.ftruncate(handle, self._read)
            before = self._read
        elif before:
            line = b"\n" + line
        os.lseek(handle, before, os.SEEK_SET)
        try:
            written = 0
            while written < len(line):
                written += os.write(handle, line[written:])
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, before)
            raise
        if not before:
            sync_directory(self._folder)

    def _rebuild(self) -> None:
        wanted = {(_FOLDER_OF[row.label], _file_name(row.digest)): row.text for row in self.labelled()}
        with disk_errors(self._folder):
            for name in FOLDERS:
                folder = self._folder / name
                folder.mkdir(exist_ok=True)
                there = {entry.name for entry in os.scandir(folder) if _OURS.fullmatch(entry.name)}
                for extra in sorted(there - {file for place, file in wanted if place == name}):
                    (folder / extra).unlink(missing_ok=True)
            for (name, file), text in wanted.items():
                _put(self._folder / name / file, text)
        self._followed = True

    def _follow(self, digest: str) -> None:
        answers = [
            each
            for each in self._about[digest]
            if each.label in LABELS and not each.again and each.id not in self._undone
        ]
        label = LABELS[answers[-1].label] if answers else None
        with disk_errors(self._folder):
            for name, number in FOLDERS.items():
                if number != label:
                    (self._folder / name / _file_name(digest)).unlink(missing_ok=True)
            if label is not None:
                _put(self._folder / _FOLDER_OF[label] / _file_name(digest), answers[-1].text)


def _file_name(digest: str) -> str:
    return f"{digest[:16]}.txt"


def _put(path: Path, text: str) -> None:
    """Writes a review's file unless it is there; whole, but unsynced, as the log is what counts."""
    content = text.encode() + b"\n"
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _read_from(handle: int, start: int) -> bytes:
    os.lseek(handle, start, os.SEEK_SET)
    with os.fdopen(os.dup(handle), "rb") as file:
        return file.read()
