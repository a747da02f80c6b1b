"""What goes into a retrain and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bertsent.base.digests import sha256_lines
from bertsent.base.records.core import Progress, silent, to_json
from bertsent.base.records.gain import Gain
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.given import NOTHING_GIVEN, GivenOptions
from bertsent.data.source import Source
from bertsent.drift.monitored import OpenDrift
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.retraining.gate import GateResult
from bertsent.retraining.ledger import Ledger
from bertsent.versions.manifest import Version

_GATE = GateSettings()


@dataclass(frozen=True, slots=True)
class Trigger:
    """The reason for a retrain."""

    kind: Literal["drift", "asked"]
    batch: str = ""  # digest of the rows that drifted
    report: Mapping[str, Any] | None = None  # the drift report
    rows: tuple[str, ...] = ()  # digests of the rows that drifted
    by_hand: bool = False  # a person retrains for an open drift: an outcome that its batch has does not count

    @classmethod
    def by_person(cls, drift: OpenDrift | None) -> Trigger:
        """The reason for a retrain that a person starts: the drift that is open, or the wish alone.

        So the gate asks the same of a challenger, whoever starts the retrain.
        """
        if drift is None:
            return cls("asked")
        look = drift.look
        return cls("drift", batch=look.batch, report=look.report, rows=look.rows, by_hand=True)


@dataclass(frozen=True, slots=True)
class Retrained:
    """The outcome of a retrain."""

    outcome: Literal["published", "rejected", "waiting"]
    version: int | None  # the published one
    gate: GateResult
    reason: str  # one sentence
    seconds: float
    earlier: bool = False  # the outcome is that of an earlier run; nothing was trained
    candidate: int | None = None  # the number of the candidate that waits

    @property
    def gain(self) -> Gain:
        """What the gate counted."""
        return Gain.from_gate(to_json(self.gate))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRun:
    """What a retrain is to do."""

    workspace: Workspace  # holds versions, ledger and checkpoints
    data: Path | Source | None  # the data set, with the gate's test rows; None: the champion's reference
    champion: Version  # the current version
    rows: Sequence[Labelled]  # all labelled rows, oldest first
    trigger: Trigger  # `drift` retrains no batch again that has an outcome
    warm_start: bool  # begin with the champion's weights
    settings: TrainSettings  # of the training, as `settings_for` gives them
    gate: GateSettings = _GATE  # what the challenger must show
    resume: bool = True  # resume what a run of the same rows left behind
    # Train even if the same labels, or nearly the same, had an outcome before, or if a candidate waits.
    force: bool = False
    ask: bool = False  # a challenger that passes the gate waits for a person's word
    # P(positive) by the champion, by text, of what it scored already in this run.
    champion_scores: Mapping[str, float] = field(default_factory=dict)
    given: GivenOptions = NOTHING_GIVEN  # the options of the command that its hints repeat
    begin: Callable[[], None] = lambda: None  # called before the work, unless these rows had an outcome
    progress: Progress = silent
    stop: Callable[[], bool] = lambda: False  # asked after every batch; True stops, the next run resumes

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.workspace.reports)

    @property
    def keys(self) -> list[str]:
        """The rows with their labels, sorted."""
        return sorted(selection.row_key(row) for row in self.rows)

    @property
    def newest(self) -> set[str]:
        """Digests of the rows it is run for: those that drifted, and those the champion has not used if a
        person asked for it."""
        drifted = set(self.trigger.rows)
        if drifted and not self.trigger.by_hand:
            return drifted
        used = self.champion.manifest.data.get("labels", {})
        old = {*used.get("digests", ()), *used.get("reserved", ())}
        return drifted | ({row.digest for row in self.rows} - old)

    @property
    def digest(self) -> str:
        """One digest for the labelled rows: the same rows and labels give the same."""
        return sha256_lines(self.keys)
