"""The result of one run of `drift`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bertsent.drift.history import DriftHistory, Look
from bertsent.labelling.decisions import Labelled

# none: nothing to do; collect: too few labels to tell; reported: drift, but this run may not retrain;
# open: drift, but the retraining could not begin, so the next run tries again; others: how it ended.
Action = Literal["none", "collect", "reported", "open", "published", "rejected", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What a run of `drift` measured and did."""

    version: str  # the judged one
    threshold: float
    action: Action
    reason: str  # for the action, as a sentence
    look: Look | None  # taken or resumed in this run; None: nothing was judged
    new_rows: int  # labels that no look has settled
    looks: int  # of this version, including this one
    needed: int = 0  # new rows that the next look needs; 0: unknown
    published: int | None = None  # the version that the retraining published
    continued: bool = False  # an earlier run took the look
    history: DriftHistory
    labels: tuple[Labelled, ...]  # all labels
    unrecorded: tuple[Path, ...] = ()  # the files that the labels are from, if it was not the label log
