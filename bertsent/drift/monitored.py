"""The result of one run of `drift`, with labels or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bertsent.base.display import visible
from bertsent.base.records.gain import Gain
from bertsent.data.given import NOTHING_GIVEN, GivenOptions
from bertsent.data.source import Source, path_word
from bertsent.drift.history import DriftHistory, Look, TextsCheck
from bertsent.labelling.decisions import Labelled

# none: nothing to do; collect: too few labels to tell; reported: drift, but this run may not retrain;
# waiting: drift, and a candidate waits for a person's word, so that no other is trained;
# training: drift, and a challenger is being trained, so this is not the end of the run;
# open: drift, but the retraining could not begin, so the next run tries again; others: how it ended.
Action = Literal[
    "none", "collect", "reported", "training", "open", "published", "waiting", "rejected", "failed"
]
OpenState = Literal["reported only", "interrupted", "waiting", "rejected", "failed", "rolled back"]
WAITS = "Candidate {} waits for your word: bertsent models approve, or bertsent models reject"
ACCEPT = 'bertsent drift --accept "REASON"'
AGAINST_GATE = 'bertsent models approve --rejected "REASON"'
_TO: dict[OpenState, str] = {  # what the remedy does
    "reported only": "To retrain",
    "interrupted": "To go on",
    "waiting": "To publish the candidate that waits",
    "rejected": "To add labels or correct them",
    "failed": "To train by hand",
    "rolled back": "To answer it again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDrift:
    """A drift that was found, and that neither a version, nor a person, nor a later check has closed."""

    look: Look | TextsCheck  # that found it
    state: OpenState  # what was done about it so far
    remedy: str  # the command that does something about it
    purpose: str = ""  # what that command does, if the state does not say it: "To retrain"
    accept: str = ACCEPT  # the command that closes it
    answered_by: int | None = None  # the version that answered it until a rollback
    candidate: int | None = None  # the number of the candidate that waits for a person's word

    @property
    def without_labels(self) -> bool:
        """Whether it was found in texts without labels."""
        return isinstance(self.look, TextsCheck)

    @property
    def day(self) -> str:
        """The day on which it was found, in UTC: 2026-11-30"""
        return visible(self.look.time[:10])

    @property
    def name(self) -> str:
        """What follows "drift" where it is named: of 2026-11-30"""
        return f"without labels of {self.day}" if self.without_labels else f"of {self.day}"

    @property
    def advice(self) -> str:
        """What to do about it, as a sentence without its full stop."""
        if self.candidate is not None:
            return f"{WAITS.format(self.candidate)}; to leave it, {self.accept}"
        return f"{self.purpose or _TO[self.state]}, run {self.remedy}; to leave it, {self.accept}"

    @property
    def sentence(self) -> str:
        """That it is open, and what to do about it: two sentences, without the last full stop."""
        return f"DRIFT {self.name} is open ({self.state}). {self.advice}"


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
    gain: Gain | None = None  # what the gate counted, if it judged a challenger
    seconds: float | None = None  # that a training which begins takes about; None: not known
    continued: bool = False  # an earlier run took the look
    open: OpenDrift | None = None  # the newest drift that is open after this run, whichever run found it
    candidate: int | None = None  # the number of the candidate that waits for a person's word after this run
    history: DriftHistory
    labels: tuple[Labelled, ...]  # all labels
    unrecorded: Source | None = None  # what the labels are from, if it was not the label log
    given: GivenOptions = NOTHING_GIVEN  # the options of the run that its commands repeat

    @property
    def record_command(self) -> str:
        """The command that takes labels of another source into the label log; "" if they are from it."""
        if self.unrecorded is None:
            return ""
        files = [word for path in self.unrecorded.paths for word in ("--import", path_word(path))]
        return " ".join(["bertsent label", *files, *self.unrecorded.words()])

    @property
    def copies(self) -> int:
        """How many new labels have the words of another one or of a training review, so that they are not
        judged."""
        return int(self.look.report["diagnostics"]["duplicates"]) if self.look else 0


TextsAction = Literal["none", "collect", "reported"]  # as those of `Action`


def found_earlier(run: Monitored | MonitoredTexts) -> OpenDrift | None:
    """The open drift, unless the check of this run found it."""
    check = run.look if isinstance(run, Monitored) else run.check
    return run.open if check is None or (run.open and run.open.look != check) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoredTexts:
    """What a run of `drift --texts` measured. It never retrains."""

    version: str  # the judged one
    threshold: float
    action: TextsAction
    reason: str  # for the action, as a sentence without its full stop
    # Taken in this run, or the earlier one of the same texts; None: nothing was judged.
    check: TextsCheck | None
    new_rows: int  # texts that no check has settled
    looks: int  # checks of texts of this version, including this one
    needed: int = 0  # new texts that the next check needs; 0: unknown
    continued: bool = False  # an earlier run took the check
    open: OpenDrift | None = None  # the newest drift that is open after this run, whichever run found it
    closed: str = ""  # why the drift that an earlier run found in these texts is closed, as a sentence
    history: DriftHistory
    # Digest -> text and score of the most foreign ones, if they were read.
    texts: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    # Asks for labels of these texts, the most foreign ones first; "" if they came by a pipe.
    label_command: str

    @property
    def published(self) -> None:
        """The version that was published: none, ever."""
        return None

    @property
    def copies(self) -> int:
        """How many texts have the words of another one or of a training review: they are not judged."""
        return int(self.check.report["diagnostics"]["duplicates"]) if self.check else 0
