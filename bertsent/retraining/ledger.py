"""reports/ledger.jsonl: what the gate, or a person, said of every challenger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertsent.base import journal
from bertsent.base.display import visible
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
        """Adds a line; it is on the disk when this returns.

        Raises:
            StorageError: if it cannot be written.
        """
        journal.append(self._path, event)

    def expected_seconds(self, labels: int) -> float | None:
        """How long a retrain on so many labels takes: as long as the last one that a single run made from
        beginning to end, and longer in proportion if there are more labels. None if there is no such line."""
        timed = [line for line in self.events() if line.get("seconds") and line.get("keys")]
        if not timed:
            return None
        return float(timed[-1]["seconds"]) * max(1.0, labels / len(timed[-1]["keys"]))

    def events(self, progress: Progress = silent) -> list[dict[str, Any]]:
        """All intact lines; `progress.note` reports how many are damaged.

        Raises:
            StorageError: if the file exists and cannot be read.
        """
        rows, damaged = journal.read(self._path)
        if damaged:
            lines = len(rows) + damaged
            progress.note(f"{visible(str(self._path))}: skipped {damaged} damaged of {lines} lines")
        return rows
