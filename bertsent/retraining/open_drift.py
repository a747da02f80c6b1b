"""Which drift is open: it was found, and nothing has closed it since.

Three things close a drift:

- a version that a retrain published for its labels, as long as that version, or one made from it, is current;
- a person, with `drift --accept`;
- a later check that says "stable" of labels that came after it.

`open_texts` says what closes a drift that was found in texts without labels.

All of that follows from what is written anyway: the drift history, the ledger and the manifests. So nothing
has to be undone if a version is rolled back: the drift is open again because no current version answers it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bertsent.base.errors import ArtefactError, BertsentError, UsageError
from bertsent.base.files import lock
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import PACKAGED, is_packaged
from bertsent.data.given import NOTHING_GIVEN, GivenOptions
from bertsent.drift.history import LOCK, DriftHistory, Look, Outcome, TextsCheck
from bertsent.drift.monitored import ACCEPT, OpenDrift, OpenState
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.log import LabelLog
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.open_texts import is_closed, opened_texts
from bertsent.retraining.waiting import find_waiting
from bertsent.versions import store
from bertsent.versions.candidate import Candidate
from bertsent.versions.manifest import Manifest, Version, read_version, version_numbers

_KEY = 16  # characters of a text's digest in a key of `selection.row_key`


def find_open(workspace: Workspace, label_folder: Path | None = None) -> OpenDrift | None:
    """The newest open drift of a workspace, one with labels first; None if all are closed.

    Args:
        label_folder: Of the label log and the drift history; the workspace's by default.

    Raises:
        StorageError: if the drift history or the ledger exists and cannot be read.
        DataError: if the label log is damaged.
        ArtefactError: if no version is current.
    """
    history = DriftHistory(workspace, label_folder)
    given = GivenOptions(label_folder=label_folder)
    return next(iter(list_open(workspace, history, given)), None)


def list_open(
    workspace: Workspace,
    history: DriftHistory,
    given: GivenOptions = NOTHING_GIVEN,
    labels: Sequence[Labelled] | None = None,
) -> list[OpenDrift]:
    """All open drifts: those that labels show before those of texts without labels, each the newest first.

    Args:
        history: The drift history of the folder of labels.
        given: The options that the remedies repeat, with the folder of the label log.
        labels: All labels, if the caller has read them already.

    Raises:
        StorageError, DataError, ArtefactError: as `find_open`.
    """
    return _list_open(_Records(workspace, history, given, labels))


def _list_open(records: _Records) -> list[OpenDrift]:
    history, given = records.history, records.given
    checks: list[Look | TextsCheck] = [*reversed(history.looks()), *reversed(history.texts_checks())]
    found = [check for check in checks if check.verdict == "drift" and not history.acceptance_of(check)]
    if not found:
        return []
    current = store.find(None, folder=records.workspace.model)
    opened = []
    for check in found:
        if isinstance(check, TextsCheck):
            if not is_closed(check, history, current, records.times):
                opened.append(opened_texts(check, current, given))
        elif not _is_gone(check, history, current, records.times) and not records.answers(check, current.id):
            opened.append(_opened(check, records, current))
    return opened


def accept(workspace: Workspace, reason: str, label_folder: Path | None = None) -> tuple[OpenDrift, ...]:
    """Closes all open drifts, because a person says that they may stay, and records why.

    Returns:
        The drifts that were open, the newest first.

    Raises:
        UsageError: if no drift is open, or `reason` is empty.
        BusyError: if a run of `drift` is at work.
        StorageError: if the drift history cannot be read or written.
        DataError, ArtefactError: as `find_open`.
    """
    if not reason.strip():
        raise UsageError(
            "--accept takes the reason why a drift may stay, and it is empty.",
            hint='bertsent drift --accept "the sale is over"',
        )
    given = GivenOptions(label_folder=label_folder)
    with lock(workspace.state / LOCK, "drift"):
        history = DriftHistory(workspace, label_folder)
        found = list_open(workspace, history, given)
        if not found:
            check = given.command("bertsent drift")
            raise UsageError("No drift is open, so there is nothing to accept.", hint=f"{check} checks")
        newest, *others = [drift.look.batch for drift in found]
        history.append(
            Outcome(batch=newest, outcome="accepted", version=None, reason=reason.strip(), also=tuple(others))
        )
    return tuple(found)


def reopened(workspace: Workspace, left: int | str) -> OpenDrift | None:
    """The drift that is open because a rollback left the version that had closed it; None if there is none,
    or if the records cannot be read: a rollback never fails for want of them.

    Args:
        left: The number of the version that was current before the rollback, or `packaged`.
    """
    with contextlib.suppress(BertsentError):
        records = _Records(workspace, DriftHistory(workspace))
        return next((drift for drift in _list_open(records) if records.closed(drift.look, left)), None)
    return None


def _opened(look: Look, records: _Records, current: Version) -> OpenDrift:
    """The record of an open drift: its state, and what to do about it."""
    state = records.state(look, current)
    again = records.newest_answer(look)
    if state == "waiting":
        remedy = "bertsent models approve"
    elif state == "rolled back":
        remedy = f"bertsent models rollback {again}" if again else "bertsent retrain"
    elif state == "rejected":
        remedy = "bertsent label"
    elif records.history.unfinished(current.classifier_digest) == look:
        remedy = "bertsent drift"  # retrains by itself
    else:
        remedy = "bertsent retrain"
    candidate = records.waiting(current) if state == "waiting" else None
    return OpenDrift(
        look=look,
        state=state,
        remedy=records.given.command(remedy),
        accept=records.given.command(ACCEPT),
        answered_by=again if state == "rolled back" else None,
        candidate=candidate.number if candidate else None,
    )


def _is_gone(look: Look, history: DriftHistory, current: Version, times: Mapping[str, str]) -> bool:
    """Whether a later check of the same version, or of the current one, says "stable" of labels that came
    after the drift. Rows whose label was taken back since do not count."""
    judges = {look.version_digest, current.classifier_digest}
    return any(
        isinstance(event, Look)
        and event.verdict == "stable"
        and event.version_digest in judges
        # Versions use different labels. So after a rollback a check may judge labels that are older.
        and all((times.get(row) or event.time) >= look.time for row in event.rows)
        for event in history.after(look)
    )


class _Records:
    """What drift history, ledger, manifests and label log say of what came of a drift."""

    def __init__(
        self,
        workspace: Workspace,
        history: DriftHistory,
        given: GivenOptions = NOTHING_GIVEN,
        labels: Sequence[Labelled] | None = None,
    ) -> None:
        self.history, self.workspace, self.given, self._labels = history, workspace, given, labels

    @cached_property
    def times(self) -> dict[str, str]:
        """Digest of a labelled text -> when it was labelled."""
        labels = self._labels
        if labels is None:
            labels = LabelLog(self.given.label_folder or self.workspace.labels).labelled()
        return {row.digest: row.time for row in labels}

    @cached_property
    def _manifests(self) -> dict[int, Manifest]:
        """Those of the versions in the workspace, ascending by number; not of damaged ones."""
        manifests = {}
        for number in version_numbers(self.workspace.model):
            with contextlib.suppress(ArtefactError):
                manifests[number] = read_version(self.workspace.model / str(number)).manifest
        return manifests

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        return Ledger(self.workspace.reports).events()

    def answers(self, look: Look, version: int | str) -> bool:
        """Whether a version, or one that it was made from, was trained for a drift.

        Args:
            look: That found the drift.
            version: A number, or `packaged`, which was trained for none.
        """
        answers = self._numbers(look)
        while isinstance(version, int) and version not in answers:
            before = self._before(version)
            if before is None:  # only its number is known
                return any(number < version for number in answers)
            # A record that was edited must not send the search round in a circle.
            version = before if isinstance(before, int) and before < version else PACKAGED
        return version in answers

    def closed(self, check: Look | TextsCheck, version: int | str) -> bool:
        """Whether a drift was closed while a version was current: the version answers it, or a check of texts
        under it found the drift gone."""
        if isinstance(check, Look):
            return self.answers(check, version)
        left = store.find(str(version), folder=self.workspace.model)
        return is_closed(check, self.history, left, self.times)

    def waiting(self, current: Version) -> Candidate | None:
        """The candidate that waits for a person's word, if any."""
        return find_waiting(self.workspace, current, self._lines)

    def state(self, look: Look, current: Version) -> OpenState:
        """What was done about an open drift so far.

        While a candidate waits, no other is trained: so whatever was found before or since waits, too.
        """
        state = self._done(look)
        may_wait = state in {"reported only", "interrupted"}
        return "waiting" if may_wait and self.waiting(current) else state

    def _done(self, look: Look) -> OpenState:
        """What was done about an open drift so far, a candidate that waits aside."""
        lines = [
            line for line in self._lines if _trained_for(look, line.get("batch", ""), line.get("keys", ()))
        ]
        if lines and lines[-1]["event"] in {"waiting", "dropped"}:
            return "reported only"  # unless the candidate is still there
        if lines:
            return "rejected" if lines[-1]["event"] == "rejected" else "rolled back"
        if self._numbers(look):
            return "rolled back"
        outcome = self.history.outcome_of(look)
        if outcome is None:
            begun = any(self.workspace.challengers.glob("*"))
            return "interrupted" if begun else "reported only"
        states: dict[str, OpenState] = {"rejected": "rejected", "failed": "failed"}
        return states.get(outcome.outcome, "reported only")

    def newest_answer(self, look: Look) -> int | None:
        """The newest version still there that was trained for a drift, if any."""
        return max(self._numbers(look) & self._manifests.keys(), default=None)

    def _numbers(self, look: Look) -> set[int]:
        """The numbers of the versions that were trained for a drift, those that are gone included."""
        numbers = {
            number
            for number, manifest in self._manifests.items()
            if "gate" in manifest.lineage
            and _trained_for(look, manifest.lineage["because"]["batch"], manifest.lineage.get("keys", ()))
        }
        numbers |= {
            line["version"]
            for line in self._lines
            if line["event"] == "published"
            and _trained_for(look, line.get("batch", ""), line.get("keys", ()))
        }
        outcome = self.history.outcome_of(look)
        return numbers | ({outcome.version} if outcome and outcome.version is not None else set())

    def _before(self, version: int) -> int | str | None:
        """What a version was made from: the champion of a retrain, the original of a rollback, or what was
        current before a training. `packaged` also for a first version; None if no record tells."""
        manifest = self._manifests.get(version)
        if manifest is None:
            lines = (line for line in self._lines if line["version"] == version and "champion" in line)
            return next((_named(line["champion"]) for line in lines), None)
        lineage = manifest.lineage
        if "gate" in lineage:
            return _named(lineage["champion"])
        return lineage.get("republished_from", manifest.parent) or PACKAGED


def _trained_for(look: Look, batch: str, keys: Sequence[str]) -> bool:
    """Whether a retrain was run for the labels of a look: it says so, or it used most of them.

    Not all, because a label may have been taken back between the check and a retrain by hand.

    Args:
        batch: Of the drift that the retrain was run for; "" if it was asked for.
        keys: Of all labels that it used, as `selection.row_key` makes them.
    """
    used = {key[:_KEY] for key in keys}
    return batch == look.batch or 2 * sum(row[:_KEY] in used for row in look.rows) > len(look.rows)


def _named(champion: Mapping[str, Any]) -> int | str:
    """The champion of a lineage or of a line of the ledger: its number, or `packaged`."""
    return PACKAGED if is_packaged(champion) else int(champion["version"])
