"""How a retrain ends: what is written about it, and the outcome that the same rows had before, if any.

A published challenger is recognised by its lineage, a rejected one by its line in the ledger. So nothing is
trained or published twice.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bertsent.base.errors import ArtefactError
from bertsent.base.files import now
from bertsent.base.records.core import Progress, silent, to_json
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.drift.monitored import WAITS
from bertsent.labelling.selection import Selection, described
from bertsent.retraining.gate import GateResult, is_of_earlier_rule
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.records import Retrained, RetrainRun
from bertsent.retraining.waiting import find_waiting, last_line
from bertsent.versions.candidate import Candidate, find_candidate, remove_candidate
from bertsent.versions.manifest import Version, read_version, version_numbers

_RETRAIN = RetrainSettings()


def lineage_of(run: RetrainRun, picked: Selection, gate: GateResult, challenger: Version) -> dict[str, Any]:
    """What led to a challenger: for the manifest, and for its line in the ledger."""
    return {
        "because": {"kind": run.trigger.kind, "batch": run.trigger.batch, "report": run.trigger.report},
        "rows": run.digest,
        "keys": run.keys,
        "champion": {
            "version": run.champion.id,
            "digest": run.champion.classifier_digest,
            "packaged": run.champion.packaged,
        },
        "challenger": {"digest": challenger.classifier_digest, "created": challenger.manifest.created},
        "start": "champion" if run.warm_start else "encoder",
        "old_data": "reference" if run.data is None else "data set",
        "labels": described(picked.training) | {"left_out": dict(picked.left_out)},
        "reserved": described(picked.reserved),
        "gate": to_json(gate),
    }


def ledger_line(
    outcome: str,
    lineage: Mapping[str, Any],
    version: int | None,
    *,
    candidate: int | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """The line of the ledger for a challenger with this lineage.

    Args:
        version: The number that it was published under.
        candidate: The number of the candidate that waits, or waited.
        seconds: Of the whole retrain; None if several runs took part in it, or if it is not known.
    """
    return {
        "event": outcome,
        "version": version,
        "candidate": candidate,
        "time": now(),
        "kind": lineage["because"]["kind"],
        "batch": lineage["because"]["batch"],
        "labels": lineage["labels"]["n"],
        "reason": lineage["gate"]["reason"],
        "seconds": seconds,
        **{key: lineage[key] for key in ("rows", "keys", "champion", "start", "gate")},
        "challenger": lineage.get("challenger"),  # versions made before have none
        "by_person": lineage.get("by_person"),
    }


def earlier_outcome(run: RetrainRun) -> Retrained | None:
    """The outcome that the same rows had before, if any. First adds the lines that a kill kept from the
    ledger."""
    versions = retrained_versions(run.workspace)
    lines = repair_ledger(run.workspace, versions, run.progress)
    published = _published(run, versions)
    if published is not None:
        when = f"{spoken(published.name)} was trained on these labels on {published.manifest.created[:10]}"
        return _earlier("published", published.manifest.lineage, when, version=published.manifest.version)
    waiting = find_waiting(run.workspace, run.champion, lines)
    if waiting is not None:
        force = run.given.command("bertsent retrain --force")
        reason = f"{WAITS.format(waiting.number)}. Nothing was trained; {force} replaces it"
        return _earlier("waiting", waiting.lineage, reason, candidate=waiting.number)
    for line in reversed(lines):
        if line["event"] != "rejected" or line["gate"].get("stand_in", False) != (run.data is None):
            continue  # with the data set there, or gone, the same labels are another trial
        if _is_batch_of(run) and line["batch"] == run.trigger.batch:
            return _earlier("rejected", line, line["reason"])
        by_person = line.get("by_person")
        if not by_person and is_of_earlier_rule(GateResult.from_json(line["gate"])):
            continue  # the gate may decide otherwise now
        missing = _missing_labels(run, line["keys"])
        if missing and line["champion"]["digest"] == run.champion.classifier_digest:
            why = f"by a person: {by_person['reason'] or 'no reason'}" if by_person else line["reason"]
            return _earlier("rejected", line, f"rejected on {line['time'][:10]}: {why}; {missing}")
    return _rolled_back(run, versions)


def retrained_versions(workspace: Workspace) -> dict[int, Version]:
    """The versions of the workspace that a retrain made, by number, ascending."""
    versions = {}
    for number in version_numbers(workspace.model):
        with contextlib.suppress(ArtefactError):  # `store.find` reports damaged versions
            version = read_version(workspace.model / str(number))
            if "gate" in version.manifest.lineage:
                versions[number] = version
    return versions


def repair_ledger(
    workspace: Workspace, versions: Mapping[int, Version], progress: Progress = silent
) -> list[dict[str, Any]]:
    """Adds lines for versions and for the candidate that a kill kept from the ledger, and returns all."""
    ledger = Ledger(workspace.reports)
    lines = ledger.events(progress)
    written = {line["version"] for line in lines}
    for number, version in versions.items():
        lineage = version.manifest.lineage
        if number not in written and "republished_from" not in lineage:
            lines.append(ledger_line("published", lineage, number))
            ledger.append(lines[-1])
    kept = find_candidate(workspace)
    if kept and kept.version and last_line(kept, lines) is None:
        lines.append(kept_line(kept))
        ledger.append(lines[-1])
    return lines


def kept_line(kept: Candidate, *, seconds: float | None = None) -> dict[str, Any]:
    """The line of the ledger for a challenger that was kept as the candidate."""
    if kept.passed:
        return ledger_line("waiting", kept.lineage, None, candidate=kept.number, seconds=seconds)
    return ledger_line("rejected", kept.lineage, None, seconds=seconds)


def drop_waiting(workspace: Workspace, reason: str) -> None:
    """Removes the candidate, and adds a line to the ledger if it waited. Needs the lock of `retrain`.

    Raises:
        StorageError, ArtefactError: if candidate or ledger cannot be read or written.
    """
    kept = find_candidate(workspace)
    if kept is None:
        return
    ledger = Ledger(workspace.reports)
    line = last_line(kept, ledger.events())
    if line and line["event"] == "waiting":
        ledger.append({**line, "event": "dropped", "time": now(), "seconds": None, "reason": reason})
    remove_candidate(workspace)


def _published(run: RetrainRun, versions: Mapping[int, Version]) -> Version | None:
    """The champion if it was trained for the same rows, else the latest version made from the same batch."""
    if run.champion.manifest.lineage.get("rows") == run.digest:
        return run.champion
    of_batch = versions_of(run.trigger.batch, versions) if _is_batch_of(run) else []
    return of_batch[-1] if of_batch else None


def _is_batch_of(run: RetrainRun) -> bool:
    """Whether the outcome of the batch that it is run for, if there is one, is its own."""
    return bool(run.trigger.batch) and not run.trigger.by_hand


def versions_of(batch: str, versions: Mapping[int, Version]) -> list[Version]:
    """The version that a retrain for this batch published, and those republished from it since."""
    return [version for version in versions.values() if version.manifest.lineage["because"]["batch"] == batch]


def _earlier(
    outcome: Literal["published", "rejected", "waiting"],
    source: Mapping[str, Any],
    reason: str,
    *,
    version: int | None = None,
    candidate: int | None = None,
) -> Retrained:
    """The outcome recorded in a lineage or a line of the ledger."""
    gate = GateResult.from_json(source["gate"])
    return Retrained(outcome, version, gate, reason, 0.0, earlier=True, candidate=candidate)


def _missing_labels(run: RetrainRun, before: Sequence[str]) -> str:
    """Says how many more labels are needed to try again; "" if there are enough."""
    wanted = math.ceil(_RETRAIN.growth * len(before))
    missing = wanted - len(set(run.keys) - set(before))
    return f"it is tried again with {missing} more labels, or with --force" if missing > 0 else ""


def _rolled_back(run: RetrainRun, versions: Mapping[int, Version]) -> Retrained | None:
    """The outcome of these rows if their version was rolled back: training it again would not improve it."""
    undone = versions.get(run.champion.manifest.lineage.get("undone", 0))
    missing = _missing_labels(run, undone.manifest.lineage["keys"]) if undone else ""
    if undone is None or not missing:
        return None
    reason = f"version {undone.name} was trained on these labels and rolled back; {missing}"
    return _earlier("rejected", undone.manifest.lineage, reason)
