"""reports/ledger.jsonl: one line for every challenger that was judged, published or rejected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertsent.base import checked_json
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.files import disk_errors, sync_directory
from bertsent.base.records.core import Progress, silent

NAME = "ledger.jsonl"


class Ledger:
    """The judgements of a workspace, oldest first; lines are added and never changed.

    Args:
        folder: The workspace's `reports/`. Reading creates nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def append(self, event: Mapping[str, Any]) -> None:
        """Adds a line, which is on the disk when this returns. What a killed run left of its line stays
        as a line of its own, which readers pass over.

        Raises:
            StorageError: if the disk does not take it.
        """
        line = checked_json.line(event).encode() + b"\n"
        with disk_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                    line = b"\n" + line
                file.write(line)
                os.fsync(file.fileno())
            sync_directory(self._path.parent)

    def events(self, progress: Progress = silent) -> list[dict[str, Any]]:
        """All whole lines. `progress.note` tells of those that are damaged.

        Raises:
            ArtefactError: if the file is there and cannot be read.
        """
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ArtefactError(f"Cannot read {visible(str(self._path))} ({error.strerror}).") from error
        events = [checked_json.parse(line) for line in lines if line.strip()]
        damaged = events.count(None)
        if damaged:
            progress.note(f"{visible(str(self._path))}: passed over {damaged} damaged of {len(events)} lines")
        return [event for event in events if event is not None]
