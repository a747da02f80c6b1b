"""The folder that one project lives in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder one project lives in: `model/ data/ labels/ reports/ .bertsent/`."""

    root: Path

    @classmethod
    def current(cls) -> Workspace:
        """The folder named by `BERTSENT_HOME`, else the current one."""
        return cls(Path(os.environ.get("BERTSENT_HOME") or Path.cwd()))

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def labels(self) -> Path:
        """The log of human answers, and the folders `pos` and `neg` made from it."""
        return self.root / "labels"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def state(self) -> Path:
        """Locks and training checkpoints; safe to delete between runs."""
        return self.root / ".bertsent"
