"""The drift history: which labels or texts were judged, with what verdict, and what came of it.

It is one file, `drift.jsonl`, in the folder of the labels: whoever loses it loses the labels too, and without
labels nothing is judged. A damaged line means that an earlier look is lost: some of the labels may have been
judged before, and a retraining that seems unfinished may be done. So a run that meets one only reports.

0.4.0 kept the history in two copies, `.bertsent/drift.jsonl` and `reports/drift.jsonl`, and the number of
their lines in `labels/.judged`. `migrate` writes the union of both copies to the new file, which appears only
when it is complete. The old files stay as they are, so the run after a killed one can migrate again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from bertsent.base import journal
from bertsent.base.digests import sha256_lines
from bertsent.base.display import visible
from bertsent.base.files import now, remove_stale, write_text
from bertsent.base.settings.workspace import Workspace

# Of a run of `drift`, or of a person's word. "waiting": a person has yet to say whether it is published.
Ending = Literal["published", "waiting", "rejected", "report_only", "failed"]
OutcomeKind = Literal[Ending, "accepted"]  # or what a person said of the drift
NAME = "drift.jsonl"
LOCK = "drift.lock"  # in .bertsent; a run that writes the history holds it
ROW = 16  # characters of a text's digest that a check of texts keeps: there may be many texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A batch that was judged."""

    look: int  # 1, 2, ... of the same version; texts without labels are counted by themselves
    version: str
    version_digest: str  # of its classifier: a rollback to a version keeps the version's looks
    batch: str  # `batch_digest` of the rows
    rows: tuple[str, ...]  # digests of the texts; without labels their first `ROW` characters
    report: Mapping[str, Any]  # DriftReport.as_json
    time: str = field(default_factory=now)

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Check):
    """A batch of labels that was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsCheck(Check):
    """A batch of texts without labels that was judged. It settles no label, and never leads to a retrain."""

    source: str = ""  # the path and the options that read it, as words of a command; "" if a pipe gave them


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a verdict led to; it also closes every look before it, unless a candidate only waits."""

    batch: str
    outcome: OutcomeKind
    version: int | None  # the published one
    reason: str  # of "accepted": the words of the person who accepted the drift
    also: tuple[str, ...] = ()  # of "accepted": the batches of the other drifts that were open
    time: str = field(default_factory=now)


Event = Look | Outcome | TextsCheck
_KINDS: dict[str, type[Event]] = {"look": Look, "outcome": Outcome, "texts": TextsCheck}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def batch_digest(rows: Iterable[str]) -> str:
    """One digest for a set of rows in any order."""
    return sha256_lines(sorted(rows))


class DriftHistory:
    """The drift history of a folder of labels. Reading creates no file; appending needs the lock of `drift`.

    Args:
        workspace: It holds `labels/` and the copies that 0.4.0 left.
        labels: The folder of the label log, if it is not the workspace's.

    Raises:
        StorageError: if the history exists and cannot be read.
    """

    def __init__(self, workspace: Workspace, labels: Path | None = None) -> None:
        self._path = (labels or workspace.labels) / NAME
        self._to_migrate = not os.path.lexists(self._path)
        self._rows, self.damaged = _read_0_4_0(workspace) if self._to_migrate else journal.read(self._path)
        self.events = [event for row in self._rows if (event := _event(row)) is not None]

    @classmethod
    def empty(cls) -> DriftHistory:
        """A history without an event, for rows that are judged once and never recorded."""
        history = cls.__new__(cls)
        history._path, history._to_migrate = Path(os.devnull), False
        history._rows, history.damaged, history.events = [], 0, []
        return history

    @property
    def problem(self) -> str:
        """A sentence that says why this run may not retrain; "" if it may."""
        if self.damaged:
            why = f"{visible(str(self._path))} is missing or damaged: earlier checks are lost. This run"
        elif len(self.events) < len(self._rows):
            why = "A newer bertsent wrote the drift history; this one"
        else:
            return ""
        return f"{why} only reports drift and does not retrain."

    @property
    def judged(self) -> set[str]:
        """The digests of the rows that need no further look: any verdict but "cannot tell" settles them."""
        return {row for look in self.looks() if look.verdict != "cannot_tell" for row in look.rows}

    @property
    def seen(self) -> set[str]:
        """The digests of all rows in any look."""
        return {row for look in self.looks() for row in look.rows}

    def looks(self, version_digest: str | None = None) -> list[Look]:
        """The looks, oldest first, of all versions or of one."""
        looks = (event for event in self.events if isinstance(event, Look))
        return [look for look in looks if version_digest in {None, look.version_digest}]

    def texts_checks(self, version_digest: str | None = None) -> list[TextsCheck]:
        """The checks of texts without labels, oldest first, of all versions or of one."""
        checks = (event for event in self.events if isinstance(event, TextsCheck))
        return [check for check in checks if version_digest in {None, check.version_digest}]

    def outcome_of(self, look: Look) -> Outcome | None:
        """The newest outcome of a look, beside its acceptance by a person; None if it has none yet."""
        own = [end for end in self._after(look) if end.batch == look.batch]
        return next((end for end in reversed(own) if end.outcome != "accepted"), own[0] if own else None)

    def acceptance_of(self, check: Check) -> Outcome | None:
        """The outcome by which a person accepted the drift that a check found; None if nobody did."""
        endings = (end for end in self._after(check) if end.outcome == "accepted")
        return next((end for end in endings if check.batch in {end.batch, *end.also}), None)

    def unfinished(self, version_digest: str | None = None) -> Look | None:
        """The newest look (of one version, or of all) that found drift, unless it was closed.

        A look may be newer than the outcome of one before it: while a candidate waits, new labels are judged.
        """
        drifted = [look for look in self.looks(version_digest) if look.verdict == "drift"]
        if not drifted:
            return None
        earlier = {look.batch for look in drifted[:-1]} - {drifted[-1].batch}
        closed = any(
            end.outcome != "waiting" and end.batch not in earlier for end in self._after(drifted[-1])
        )
        return None if closed else drifted[-1]

    def _after(self, check: Check) -> list[Outcome]:
        return [event for event in self.after(check) if isinstance(event, Outcome)]

    def after(self, check: Check) -> list[Event]:
        """What came after a check, oldest first."""
        index = next(index for index, event in enumerate(self.events) if event == check)
        return self.events[index + 1 :]

    def append(self, event: Event) -> None:
        """Adds an event; it is on the disk when this returns. "report_only" removes damaged lines.

        Raises:
            StorageError: if it cannot be written.
        """
        self.migrate()
        row = {"event": _NAMES[type(event)], **asdict(event)}
        if self.damaged and isinstance(event, Outcome) and event.outcome == "report_only":
            self._write([*self._rows, row], damaged=0)
        else:
            journal.append(self._path, row)
        self._rows.append(row)
        self.events.append(event)

    def migrate(self) -> None:
        """Writes the history of 0.4.0, if there is one, to the new file, unless that exists.

        Raises:
            StorageError: if it cannot be written.
        """
        if self._to_migrate and (self._rows or self.damaged):
            self._write(self._rows, damaged=self.damaged)
        self._to_migrate = False

    def _write(self, rows: Iterable[Mapping[str, Any]], *, damaged: int) -> None:
        """Replaces the file in one step; each of the `damaged` lines stands for one that is lost."""
        remove_stale(self._path.parent, older_than=0, pattern=f".{NAME}.*.tmp")  # no other process writes one
        lines = [*map(journal.encode, rows), *["lost"] * damaged]
        write_text(self._path, "".join(line + "\n" for line in lines))
        self.damaged = damaged


def _event(row: Mapping[str, Any]) -> Event | None:
    """The event of a line without unknown keys; None if the kind of event is unknown."""
    kind = _KINDS.get(str(row.get("event")))
    if kind is None:
        return None
    values = {key.name: row[key.name] for key in fields(kind) if key.name in row}
    make: Callable[..., Event] = kind
    try:
        event = make(**values | {key: tuple(values[key]) for key in ("rows", "also") if key in values})
    except (KeyError, TypeError):
        return None
    if isinstance(event, Check):
        return event if isinstance(event.report, dict) and "verdict" in event.report else None
    return event if event.outcome in get_args(OutcomeKind) else None


def _read_0_4_0(workspace: Workspace) -> tuple[list[dict[str, Any]], int]:
    """The rows of both copies that 0.4.0 kept, each once, and 1 if others were lost, else 0."""
    paths = [folder / NAME for folder in (workspace.state, workspace.reports)]
    copies = [journal.read(path) for path in paths if os.path.lexists(path)]
    rows = max((copy for copy, _ in copies), key=len, default=[])
    missing = [row for copy, _ in copies for row in copy if row not in rows]
    if missing:  # sort by time; within a second "look" comes before "outcome"
        rows = sorted([*rows, *missing], key=lambda row: (str(row.get("time")), str(row.get("event"))))
    try:
        lost = len(rows) < int((workspace.labels / ".judged").read_text(encoding="ascii"))
    except (OSError, ValueError):  # there is no count, so one intact copy is enough
        lost = bool(copies) and not any(copy and not damaged for copy, damaged in copies)
    return rows, int(lost)
