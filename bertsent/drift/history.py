"""The trail of looks: which labels were judged, with what verdict, and what came of it.

It stands twice, in `reports/drift.jsonl` for people and in `.bertsent/drift.jsonl`, one JSON object with its
own digest a line, and is read as the union of both. How many events there should be is kept a third time,
beside the labels: so a trail that was lost is told from one that never was, and starts no retraining.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from bertsent.base import checked_json
from bertsent.base.digests import sha256_lines
from bertsent.base.display import visible
from bertsent.base.errors import StorageError
from bertsent.base.files import now, remove_stale, write_text
from bertsent.base.settings.workspace import Workspace

Ending = Literal["published", "rejected", "report_only", "failed"]
NAME = "drift.jsonl"
COUNT = ".judged"  # beside the labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A batch of labels that was judged."""

    look: int  # 1, 2, ... of the same version
    version: str
    version_digest: str  # of its classifier: a version that was rolled back to keeps its looks
    batch: str  # `batch_digest` of the rows
    rows: tuple[str, ...]  # digests of the texts
    report: Mapping[str, Any]  # DriftReport.as_json
    time: str = field(default_factory=now)

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a verdict; it also closes every look before it."""

    batch: str
    outcome: Ending
    version: int | None  # that was published
    reason: str
    time: str = field(default_factory=now)


Event = Look | Outcome
_KINDS: dict[str, type[Event]] = {"look": Look, "outcome": Outcome}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def batch_digest(rows: Iterable[str]) -> str:
    """One digest for a set of rows, whatever their order."""
    return sha256_lines(sorted(rows))


class DriftHistory:
    """The trail of a workspace. Reading creates nothing; whoever appends must hold the lock of `drift`.

    Args:
        workspace: Its `reports/`, `.bertsent/` and `labels/`.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._paths = (workspace.state / NAME, workspace.reports / NAME)
        self._count = workspace.labels / COUNT
        copies = [_Copy(path) for path in self._paths]
        self._lines = _union(*(copy.lines for copy in copies))
        stated = _stated(self._count)
        self.events = [event for line in self._lines if (event := _event(line)) is not None]
        unsure = bool(self._lines or _spoilt(copies)) and not any(copy.intact for copy in copies)
        self.lost = len(self._lines) < stated if stated else unsure
        self.problem = self._problem(copies, stated)
        self.uneven = copies[0].lines != copies[1].lines  # as a kill in the middle of an append leaves them

    @property
    def judged(self) -> set[str]:
        """The digests of the rows that need no other look: any verdict but "cannot tell" settles them."""
        return {row for each in self.looks() if each.verdict != "cannot_tell" for row in each.rows}

    @property
    def seen(self) -> set[str]:
        """The digests of all rows in any look."""
        return {row for each in self.looks() for row in each.rows}

    def looks(self, version_digest: str | None = None) -> list[Look]:
        """The looks, oldest first, of all versions or of one."""
        looks = (event for event in self.events if isinstance(event, Look))
        return [each for each in looks if version_digest in {None, each.version_digest}]

    def outcome_of(self, look: Look) -> Outcome | None:
        """What came of a look; None while nothing did."""
        return next((event for event in self._after(look) if event.batch == look.batch), None)

    def unfinished(self, version_digest: str | None = None) -> Look | None:
        """The newest look (of one version, or of all) that found drift and was not closed."""
        drifted = [each for each in self.looks(version_digest) if each.verdict == "drift"]
        return drifted[-1] if drifted and not self._after(drifted[-1]) else None

    def _after(self, look: Look) -> list[Outcome]:
        later = self.events[self.events.index(look) + 1 :]
        return [event for event in later if isinstance(event, Outcome)]

    def append(self, event: Event) -> None:
        """Adds an event; it is on the disk, twice, when this returns.

        Raises:
            StorageError: if the disk does not take it.
        """
        self._lines.append(checked_json.line({"event": _NAMES[type(event)], **asdict(event)}))
        self.events.append(event)
        self.write()

    def write(self) -> None:
        """Writes both copies anew, each whole or not at all: what one of them lacked is then there."""
        text = "".join(line + "\n" for line in self._lines)
        for path in (*self._paths, self._count):  # what killed runs left; no other process writes these
            remove_stale(path.parent, older_than=0, pattern=f".{path.name}.*.tmp")
        for path in self._paths:
            write_text(path, text)
        if self._count.parent.is_dir():  # the labels may be kept elsewhere
            with contextlib.suppress(StorageError):  # may be another's folder; the two copies are what counts
                write_text(self._count, f"{len(self._lines)}\n")

    def _problem(self, copies: Sequence[_Copy], stated: int) -> str:
        """What keeps this run from retraining, as a sentence; "" if nothing does."""
        if len(self.events) < len(self._lines):
            return "A newer bertsent wrote the trail of looks; this one judges and starts no retraining."
        if _agree(copies, stated) and not self.lost:
            return ""
        short = [visible(str(copy.path)) for copy in copies if copy.lines != self._lines or not copy.intact]
        what = f"{' and '.join(short or [visible(str(self._paths[1]))])} missing or damaged"
        lost = "earlier looks are lost" if self.lost else "the other copy takes its place"
        return f"{what}: {lost}. This run judges and starts no retraining."


class _Copy:
    """One of the two files: its whole lines, and whether that is all it ever held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self.intact = False
        self.there = path.exists() or path.is_symlink()
        with contextlib.suppress(OSError):
            raw = path.read_text(encoding="utf-8", errors="replace")
            *lines, rest = raw.split("\n")
            self.lines = [line for line in lines if checked_json.parse(line)]
            self.intact = 0 < len(self.lines) == len(lines) and not rest  # an empty one was never written


def _spoilt(copies: Iterable[_Copy]) -> bool:
    return any(copy.there and not copy.intact for copy in copies)


def _agree(copies: Sequence[_Copy], stated: int) -> bool:
    """Whether the copies are as the last `append` left them, or as a kill in the middle of it would."""
    first, second = copies
    if _spoilt(copies):
        return False
    behind = first.lines[:-1] == second.lines and stated < len(first.lines)
    return first.lines == second.lines or behind


def _stated(path: Path) -> int:
    """How many events there should be; 0 where it is not said."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _union(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The lines of both, each once; what stood before a common line stays before it."""
    rest, merged = list(second), list[str]()
    for line in first:
        if line in rest:
            at = rest.index(line)
            merged += rest[:at]
            del rest[: at + 1]
        merged.append(line)
    return list(dict.fromkeys(merged + rest))


def _event(line: str) -> Event | None:
    """The event on a line, less keys that this bertsent does not know; None if it does not know its kind."""
    values = checked_json.parse(line) or {}
    kind = _KINDS.get(str(values.get("event")))
    if kind is None:
        return None
    known = {each.name: values[each.name] for each in fields(kind) if each.name in values}
    make: Callable[..., Event] = kind
    try:
        event = make(**known | ({"rows": tuple(known["rows"])} if kind is Look else {}))
    except (KeyError, TypeError):
        return None
    if isinstance(event, Look):
        return event if isinstance(event.report, dict) and "verdict" in event.report else None
    return event if event.outcome in get_args(Ending) else None
