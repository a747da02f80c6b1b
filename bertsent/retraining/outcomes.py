"""Outcomes are written so that they are found again: nothing is trained or published twice."""

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
from bertsent.labelling.selection import Selection, described
from bertsent.retraining.gate import GateResult
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.records import Retrained, Run
from bertsent.versions.manifest import Version, read_version, version_numbers
from bertsent.versions.store import bundled

_RETRAIN = RetrainSettings()


def lineage_of(run: Run, picked: Selection, gate: GateResult) -> dict[str, Any]:
    """What led to a challenger, for the manifest; the event in the ledger is made of it."""
    came_with = bundled()
    return {
        "because": {"kind": run.because.kind, "batch": run.because.batch, "report": run.because.report},
        "rows": run.digest,
        "keys": run.keys,
        "champion": {
            "version": run.champion.manifest.version,
            "digest": run.champion.classifier_digest,
            "packaged": came_with is not None and run.champion.path.parent == came_with,
        },
        "start": "champion" if run.warm_start else "encoder",
        "labels": described(picked.training) | {"left_out": dict(picked.left_out)},
        "reserved": described(picked.reserved),
        "gate": to_json(gate),
    }


def event(outcome: str, lineage_of: Mapping[str, Any], version: int | None) -> dict[str, Any]:
    """The line of the ledger."""
    return {
        "event": outcome,
        "version": version,
        "time": now(),
        "kind": lineage_of["because"]["kind"],
        "batch": lineage_of["because"]["batch"],
        "rows": lineage_of["rows"],
        "keys": lineage_of["keys"],
        "champion": lineage_of["champion"],
        "start": lineage_of["start"],
        "labels": lineage_of["labels"]["n"],
        "gate": lineage_of["gate"],
        "reason": lineage_of["gate"]["reason"],
    }


def earlier(run: Run, progress: Progress) -> Retrained | None:
    """The outcome that these rows had before, if any. Judgements that a kill kept from the ledger get
    their line first."""
    known = _trained(run.workspace)
    events = repair_ledger(run.workspace, known, progress)
    published = _published(run, known)
    if published is not None:
        when = f"version {published.name} was trained on these labels on {published.manifest.created[:10]}"
        return _found("published", published.manifest.lineage, when, version=published.manifest.version)
    for each in reversed(events):
        if each["event"] != "rejected":
            continue
        if run.because.batch and each["batch"] == run.because.batch:
            return _found("rejected", each, each["reason"])
        waiting = _waiting(run, each["keys"])
        if waiting and each["champion"]["digest"] == run.champion.classifier_digest:
            return _found("rejected", each, f"rejected on {each['time'][:10]}: {each['reason']}; {waiting}")
    return _rolled_back(run, known)


def _trained(workspace: Workspace) -> dict[int, Version]:
    """The versions of the workspace that a retrain made, by number, ascending."""
    found = {}
    for number in version_numbers(workspace.model):
        with contextlib.suppress(ArtefactError):  # a damaged one is for `find` to complain of
            version = read_version(workspace.model / str(number))
            if "gate" in version.manifest.lineage:
                found[number] = version
    return found


def repair_ledger(
    workspace: Workspace, known: Mapping[int, Version] | None = None, progress: Progress = silent
) -> list[dict[str, Any]]:
    """The events of the ledger, after versions that a kill kept from it got their line."""
    ledger = Ledger(workspace.reports)
    events = ledger.events(progress)
    written = {each["version"] for each in events}
    for number, version in (_trained(workspace) if known is None else known).items():
        stated = version.manifest.lineage
        if number not in written and "republished_from" not in stated:
            events.append(event("published", stated, number))
            ledger.append(events[-1])
    return events


def _published(run: Run, known: Mapping[int, Version]) -> Version | None:
    """The champion where it came of the same rows, else the version that came of the same batch."""
    if run.champion.manifest.lineage.get("rows") == run.digest:
        return run.champion
    of_batch = [
        version
        for version in known.values()
        if run.because.batch and version.manifest.lineage["because"]["batch"] == run.because.batch
    ]
    return of_batch[-1] if of_batch else None


def _found(
    outcome: Literal["published", "rejected"],
    stated: Mapping[str, Any],
    reason: str,
    *,
    version: int | None = None,
) -> Retrained:
    return Retrained(outcome, version, GateResult.from_json(stated["gate"]), reason, 0.0, earlier=True)


def _waiting(run: Run, before: Sequence[str]) -> str:
    """How many more labels it takes to try again; empty if there are enough."""
    wanted = math.ceil(_RETRAIN.growth * len(before))
    missing = wanted - len(set(run.keys) - set(before))
    return f"it is tried again with {missing} more labels, or with --force" if missing > 0 else ""


def _rolled_back(run: Run, known: Mapping[int, Version]) -> Retrained | None:
    """A version that a person took back is no better the second time."""
    undone = known.get(run.champion.manifest.lineage.get("undone", 0))
    waiting = _waiting(run, undone.manifest.lineage["keys"]) if undone else ""
    if undone is None or not waiting:
        return None
    reason = f"version {undone.name} was trained on these labels and rolled back; {waiting}"
    return _found("rejected", undone.manifest.lineage, reason)
