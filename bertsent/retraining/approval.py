"""What a person says of a candidate: `approve` publishes it, `reject` ends it.

Both write in this order: the version, the line of the ledger, the drift history; the candidate goes last. So
a word that was said is in the ledger or in a manifest as long as the candidate is there, and the next run
carries out the rest (`finish_killed_word`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bertsent.base.errors import ArtefactError, BertsentError, UsageError
from bertsent.base.files import lock, now
from bertsent.base.records.gain import Gain
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken, spoken_champion
from bertsent.drift.history import LOCK, DriftHistory, Ending, Outcome
from bertsent.drift.monitored import AGAINST_GATE, OpenDrift
from bertsent.retraining import outcomes
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.open_drift import find_open
from bertsent.retraining.waiting import last_line, state_of
from bertsent.versions import registry, store
from bertsent.versions.candidate import Candidate, find_candidate, remove_candidate
from bertsent.versions.manifest import Version

_HOW = "bertsent drift --ask and bertsent retrain --ask keep a candidate that passes the gate"


@dataclass(frozen=True, slots=True)
class Word:
    """What a person's word did to a candidate."""

    candidate: int  # its number
    current: int | str | None  # the version that was current before; None: it is damaged
    version: Version | None  # that was published; None: the candidate was rejected
    because: Mapping[str, Any]  # why it was trained, as in its lineage; empty if it is damaged
    gate: Mapping[str, Any] | None  # the verdict of the gate; None if it is not known
    by_person: Mapping[str, Any]  # as in ledger and lineage
    open: OpenDrift | None  # the newest drift that is open now

    @property
    def gain(self) -> Gain | None:
        """What the gate counted."""
        return Gain.from_gate(self.gate) if self.gate else None


def find_to_approve(workspace: Workspace, *, rejected: bool) -> Candidate:
    """The candidate that `approve` would publish.

    Args:
        rejected: Whether it is one that the gate rejected.

    Raises:
        UsageError: if there is none, or if another version became current since it was compared.
        ArtefactError: if it is damaged, or the current version is.
    """
    candidate = find_candidate(workspace)
    if candidate is None:
        what = "No rejected candidate is kept" if rejected else "No candidate waits for a word"
        raise UsageError(f"{what}, so there is nothing to approve.", hint=_HOW)
    current = store.find(None, folder=workspace.model)
    state = state_of(candidate, current)
    if state == "damaged":
        raise _damaged(candidate, "its manifest cannot be read")
    if state == "outdated" and not _published(workspace, candidate):
        champion = spoken_champion(candidate.lineage["champion"])
        raise UsageError(
            f"Candidate {candidate.number} was compared with {champion}, and now {spoken(current.id)} is "
            "current, so it cannot be approved.",
            hint="bertsent retrain compares a new one with the current version",
        )
    if state == "rejected" and not rejected:
        raise UsageError(
            "No candidate waits for a word: the gate rejected the last one.",
            received=candidate.lineage["gate"]["reason"],
            hint=f"{AGAINST_GATE} publishes it all the same",
        )
    if state == "waiting" and rejected:
        raise UsageError(
            f"The gate did not reject candidate {candidate.number}: it waits.", hint="bertsent models approve"
        )
    return candidate


def approve(workspace: Workspace, reason: str, *, rejected: bool = False, agreed: str | None = None) -> Word:
    """Publishes the candidate by a person's word; or carries out an earlier word, if that run was killed.

    Args:
        reason: Why, in the person's words; "" is enough for one that waits.
        rejected: As in `find_to_approve`.
        agreed: The digest of the classifier that the person agreed to.

    Raises:
        UsageError: as `find_to_approve`; or if `reason` is empty and needed, or the candidate is another one.
        ArtefactError: if the candidate is damaged.
        BusyError: if a run of `drift` or `retrain` is at work.
        StorageError: if something cannot be written.
    """
    reason = reason.strip()
    if rejected and not reason:
        raise UsageError(
            "Against the gate a reason is needed, and it is empty.",
            hint='bertsent models approve --rejected "I read the 20 reviews it broke"',
        )
    with _locked(workspace, "approve"):
        candidate = find_to_approve(workspace, rejected=rejected)
        version = _intact(candidate)
        if agreed not in {None, version.classifier_digest}:
            raise UsageError("Another candidate came meanwhile.", hint="bertsent models why, then approve it")
        published = _published(workspace, candidate) or _publish(workspace, candidate, version, reason)
        finish_killed_word(workspace, locked=True)
    by_person = published.manifest.lineage.get("by_person", {})
    return _word(workspace, candidate, published.manifest.parent, published, by_person, {})


def _publish(workspace: Workspace, candidate: Candidate, version: Version, reason: str) -> Version:
    """Makes a candidate the current version."""
    outcomes.repair_ledger(workspace, outcomes.retrained_versions(workspace))
    by_person = _by_person("approved", reason, against_gate=not candidate.passed)
    return registry.promote(
        version,
        workspace=workspace,
        champion=store.find(None, folder=workspace.model),
        reason=version.manifest.reason,
        lineage={**candidate.lineage, "by_person": by_person},
        reserved=candidate.number if candidate.passed else 0,
    )


def _published(workspace: Workspace, candidate: Candidate) -> Version | None:
    """The version that a killed run made of a candidate, if any."""
    challenger = candidate.lineage["challenger"]
    versions = outcomes.retrained_versions(workspace).values()
    return next((made for made in versions if made.manifest.lineage.get("challenger") == challenger), None)


def reject(workspace: Workspace, reason: str) -> Word:
    """Ends the candidate that waits by a person's word; also one that is outdated or damaged.

    Raises:
        UsageError: if none waits.
        BusyError, StorageError: as `approve`.
        ArtefactError: if the folder of the candidate cannot be read.
    """
    with _locked(workspace, "reject"):
        finish_killed_word(workspace, locked=True)
        candidate = find_candidate(workspace)
        if candidate is None or (candidate.version and not candidate.passed):
            raise UsageError("No candidate waits for a word, so there is nothing to reject.", hint=_HOW)
        lines = outcomes.repair_ledger(workspace, outcomes.retrained_versions(workspace))
        by_person = _by_person("rejected", reason, against_gate=False)
        line = last_line(candidate, lines)
        if line is not None:  # else it is damaged, and the ledger was lost
            said = {"event": "rejected", "time": now(), "seconds": None, "by_person": by_person}
            Ledger(workspace.reports).append({**line, **said})
            _close(DriftHistory(workspace), line["batch"], "rejected", None, _why(by_person))
        remove_candidate(workspace)
    current = None
    with contextlib.suppress(ArtefactError):
        current = store.find(None, folder=workspace.model)
    return _word(workspace, candidate, current.id if current else None, None, by_person, line or {})


def finish_killed_word(
    workspace: Workspace, history: DriftHistory | None = None, *, locked: bool = False
) -> None:
    """Carries out what a person said of the candidate, if that run was killed. Needs the lock of `drift`.

    Args:
        history: The drift history; the workspace's by default.
        locked: Whether the caller has the lock of `retrain` as well.

    Raises:
        BusyError: if there is something to do, and a run of `retrain` is at work.
        StorageError, ArtefactError: if records cannot be read or written.
    """
    candidate = find_candidate(workspace)
    if candidate is None or candidate.version is None:
        return
    published = _published(workspace, candidate)
    line = last_line(candidate, Ledger(workspace.reports).events()) or {}
    by_person = published.manifest.lineage.get("by_person") if published else line.get("by_person")
    if not published and not by_person:
        return
    with contextlib.nullcontext() if locked else lock(workspace.state / "retrain.lock", "retrain"):
        outcomes.repair_ledger(workspace, outcomes.retrained_versions(workspace))
        _close(
            history or DriftHistory(workspace),
            candidate.lineage["because"]["batch"],
            "published" if published else "rejected",
            published.manifest.version if published else None,
            _why(by_person) if by_person else str(candidate.lineage["gate"]["reason"]),
        )
        remove_candidate(workspace)


@contextlib.contextmanager
def _locked(workspace: Workspace, doing: str) -> Iterator[None]:
    """Keeps `drift` and `retrain` out, in the order in which `drift` does."""
    with lock(workspace.state / LOCK, doing), lock(workspace.state / "retrain.lock", doing):
        yield


def _by_person(said: str, reason: str, *, against_gate: bool) -> dict[str, Any]:
    return {"said": said, "reason": reason.strip(), "against_gate": against_gate}


def _why(by_person: Mapping[str, Any]) -> str:
    """What a person said, for the drift history."""
    said, reason = f"{by_person['said'].capitalize()} by a person", by_person["reason"]
    return f"{said}: {reason}" if reason else said


def _intact(candidate: Candidate) -> Version:
    """The version of a candidate, all its files verified."""
    if candidate.version is None:
        raise _damaged(candidate, "its manifest cannot be read")
    try:
        candidate.version.verify()
    except ArtefactError as error:
        raise _damaged(candidate, error.message) from error
    return candidate.version


def _damaged(candidate: Candidate, received: str) -> ArtefactError:
    return ArtefactError(
        f"Candidate {candidate.number} is damaged, so it was not published.",
        received=received,
        hint="bertsent retrain --force trains another one; bertsent models reject ends this one",
    )


def _close(history: DriftHistory, batch: str, outcome: Ending, version: int | None, reason: str) -> None:
    """Writes an outcome into the drift history, if the look is in it and does not have that outcome yet."""
    look = next((look for look in reversed(history.looks()) if batch and look.batch == batch), None)
    if look is None:
        return
    before = history.outcome_of(look)
    if before is None or before.outcome != outcome:
        history.append(Outcome(batch=batch, outcome=outcome, version=version, reason=reason))


def _word(
    workspace: Workspace,
    candidate: Candidate,
    current: int | str | None,
    published: Version | None,
    by_person: Mapping[str, Any],
    line: Mapping[str, Any],
) -> Word:
    """The record of a word that was carried out.

    Args:
        line: Of the ledger, for a candidate whose manifest is damaged.
    """
    source = candidate.lineage or line
    still_open = None
    with contextlib.suppress(BertsentError):  # the word is carried out, whatever the records look like
        still_open = find_open(workspace)
    return Word(
        candidate=candidate.number,
        current=current,
        version=published,
        because=source.get("because", {}),
        gate=source.get("gate"),
        by_person=by_person,
        open=still_open,
    )
