"""What goes into a retrain and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bertsent.base.digests import sha256_lines
from bertsent.base.settings.workspace import Workspace
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.retraining.gate import GateResult
from bertsent.retraining.ledger import Ledger
from bertsent.versions.manifest import Version


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a retrain is run."""

    kind: Literal["drift", "asked"]
    batch: str = ""  # digest of the rows that drifted
    report: Mapping[str, Any] | None = None  # the drift report
    rows: tuple[str, ...] = ()  # digests of the rows that drifted


@dataclass(frozen=True, slots=True)
class Retrained:
    """What became of a retrain."""

    outcome: Literal["published", "rejected"]
    version: int | None  # that was published
    gate: GateResult
    reason: str  # one sentence
    seconds: float
    earlier: bool = False  # an earlier run had the outcome already; nothing was trained


@dataclass(frozen=True, slots=True)
class Run:
    """What does not change between two halves of a run."""

    workspace: Workspace
    champion: Version
    rows: Sequence[Labelled]
    because: Trigger
    warm_start: bool

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.workspace.reports)

    @property
    def keys(self) -> list[str]:
        """The rows with their labels, sorted."""
        return sorted(selection.row_key(row) for row in self.rows)

    @property
    def newest(self) -> set[str]:
        """Digests of the rows it is run for: those that drifted, else those the champion was made without."""
        stated = self.champion.manifest.data.get("labels", {})
        known = {*stated.get("digests", ()), *stated.get("reserved", ())}
        return set(self.because.rows) or {row.digest for row in self.rows} - known

    @property
    def digest(self) -> str:
        return sha256_lines(self.keys)
