"""The label log: an append-only file, one decision a line, and the folders `pos` and `neg` made from it.

Only the log counts. A line is on the disk before `append` returns, so a kill at any moment loses at most the
decision being written. The next `append` repairs a line or file that the kill left half written. An undo is a
line of its own: nothing is ever removed from the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bertsent.base import journal
from bertsent.base.errors import DataError
from bertsent.base.files import disk_errors
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import FOLDERS
from bertsent.labelling.decisions import Decision, Labelled, labelled, parse, valid_decisions

_SETTINGS = LabelSettings()
_FOLDER_OF = {number: name for name, number in FOLDERS.items()}
_OURS = re.compile(r"[0-9a-f]{16}\.txt|\.[0-9a-f]{16}\.tmp")  # files that the log may remove from pos and neg


class LabelLog:
    """The log of a workspace. Any number of processes may read and append at once.

    Args:
        folder: The workspace's `labels/`. Reading creates nothing.
        settings: How long an append waits for that of another process.
    """

    def __init__(self, folder: Path, settings: LabelSettings = _SETTINGS) -> None:
        self._folder = folder
        self._settings = settings
        self._path = folder / "log.jsonl"
        self._decisions: list[Decision] = []
        self._by_digest: dict[str, list[Decision]] = {}  # of the text
        self._inode: tuple[int, int] | None = None  # device and inode of the file read
        self._read, self._lines = 0, 0  # bytes and lines read of it
        self._followed = False  # whether pos and neg agree with the log

    def decisions(self) -> list[Decision]:
        """All decisions, oldest first, without a last line that was cut short.

        Raises:
            DataError: if a line before the last is damaged; the message says which.
        """
        with contextlib.suppress(FileNotFoundError), journal.opened(self._path) as handle:
            tail = self._catch_up(handle)
            return self._decisions + tail
        return []

    def valid_decisions(self) -> list[Decision]:
        """The decisions that were not undone, skips and second answers included, oldest first."""
        return valid_decisions(self.decisions())

    def labelled(self) -> list[Labelled]:
        """The texts that have a label, in the order in which they got it."""
        return labelled(self.decisions())

    def append(self, decision: Decision) -> None:
        """Writes a decision's line to the disk, then updates `pos` and `neg`.

        Raises:
            DataError: if the log is damaged; the log is not changed.
            StorageError: if the disk does not take it.
            BusyError: if another process holds the log for longer than an append can take.
        """
        self.extend([decision])

    def extend(self, decisions: Sequence[Decision]) -> None:
        """Writes the lines of decisions to the disk at once, then updates `pos` and `neg`.

        A kill in between leaves the first of them, each whole.

        Raises:
            DataError, StorageError, BusyError: as `append`.
        """
        if not decisions:
            return
        lines = [json.dumps(asdict(one), ensure_ascii=False, allow_nan=False).encode() for one in decisions]
        with journal.opened(self._path, os.O_RDWR | os.O_CREAT, patience=self._settings.patience) as handle:
            tail = self._catch_up(handle)
            end = os.fstat(handle).st_size if tail else self._read
            journal.write_line(handle, self._path, b"\n".join(lines), end=end)
            self._catch_up(handle)
            if not self._followed:
                self._rebuild()
                return
            for decision in decisions:
                self._follow(decision.digest)

    def rebuild(self) -> None:
        """Makes `pos` and `neg` agree with the log. Files whose names are not the log's stay.

        Raises:
            DataError: if the log is damaged.
            StorageError: if the disk does not take it.
        """
        patience = self._settings.patience
        with contextlib.suppress(FileNotFoundError), journal.opened(self._path, patience=patience):
            self._rebuild()

    def _catch_up(self, handle: int) -> list[Decision]:
        """Reads the lines appended since the last call; returns the decision of one without its newline."""
        at = os.fstat(handle)
        if (at.st_dev, at.st_ino) != self._inode or at.st_size < self._read:
            self._inode, self._read, self._lines, self._followed = (at.st_dev, at.st_ino), 0, 0, False
            self._decisions, self._by_digest = [], {}
        *whole, rest = journal.read_from(handle, self._read).split(b"\n")
        for line in whole:
            if line.strip():
                decision = parse(line, f"{self._path}:{self._lines + 1}")
                self._decisions.append(decision)
                self._by_digest.setdefault(decision.digest, []).append(decision)
            self._lines += 1
            self._read += len(line) + 1
        with contextlib.suppress(DataError):
            return [parse(rest, "")]  # an editor may have taken the last newline
        return []

    def _rebuild(self) -> None:
        """Rebuilds both folders from all decisions."""
        wanted = {self._file(row): row.text for row in self.labelled()}
        with disk_errors(self._folder):
            for name in FOLDERS:
                folder = self._folder / name
                folder.mkdir(exist_ok=True)
                ours = {folder / entry.name for entry in os.scandir(folder) if _OURS.fullmatch(entry.name)}
                for extra in ours - wanted.keys():
                    extra.unlink(missing_ok=True)
            for path, text in wanted.items():
                _put(path, text)
        self._followed = True

    def _follow(self, digest: str) -> None:
        """Updates the file of one text."""
        wanted = {self._file(row): row.text for row in labelled(self._by_digest[digest])}
        with disk_errors(self._folder):
            for name in FOLDERS:
                path = self._folder / name / _file_name(digest)
                if path in wanted:
                    _put(path, wanted[path])
                else:
                    path.unlink(missing_ok=True)

    def _file(self, row: Labelled) -> Path:
        return self._folder / _FOLDER_OF[row.label] / _file_name(row.digest)


def _file_name(digest: str) -> str:
    return f"{digest[:16]}.txt"


def _put(path: Path, text: str) -> None:
    """Writes a review's file unless it is there: atomically, but without fsync, as only the log counts."""
    content = text.encode() + b"\n"
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
