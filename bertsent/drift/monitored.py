"""What a run of `drift` found and did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.drift.history import DriftHistory, Look
from bertsent.labelling.decisions import Labelled

# none: nothing to do; collect: too few to tell; reported: drift, and this run may not retrain; open: drift,
# and the retraining could not begin, so the next run tries again; the others are how it ended.
Action = Literal["none", "collect", "reported", "open", "published", "rejected", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What a run found and did."""

    version: str  # that was looked at
    threshold: float
    action: Action
    reason: str  # of the action, as a sentence
    look: Look | None  # taken in this run, or gone on with; None: nothing was judged
    new_rows: int  # labels that no look has settled
    needed: int  # of them, for the next look; 0: not said
    looks: int  # at this version, this one counted
    published: int | None = None  # the version that came of it
    continued: bool = False  # the look is of an earlier run
    trail: DriftHistory
    labels: tuple[Labelled, ...]  # all there are
