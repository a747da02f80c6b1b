"""`bertsent models`: the versions there are, and which is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import size, visible
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._open_drift import note_open, open_key
from bertsent.cli._render import note, pick, print_json
from bertsent.cli._tables import metric, or_dash
from bertsent.cli.models._candidate import CANDIDATE, CANDIDATE_STATES, find_candidate_with_state

if TYPE_CHECKING:
    from bertsent.retraining.waiting import CandidateState
    from bertsent.versions.candidate import Candidate
    from bertsent.versions.registry import Entry


def list_versions(ctx: typer.Context, json: options.Json = False) -> None:
    """List versions; show, explain, compare or go back to one.

    Without a command it lists the versions, newest last, and marks the current one with a star. A candidate
    that waits for your word, or that the gate rejected, comes last. If a drift is open, a line on stderr
    says so.
    """
    if ctx.invoked_subcommand is not None:
        return
    from bertsent.cli._versions import note_strays
    from bertsent.versions import registry

    note_strays(alone=True)
    entries = registry.entries(Workspace.current())
    candidate, state = find_candidate_with_state()
    if json:
        key = open_key(note_open())
        rows = [_entry_as_json(entry) | (key if entry.current else {}) for entry in entries]
        print_json([*rows, _candidate_as_json(candidate, state)] if candidate else rows)
        return
    if entries:
        typer.echo("   version  made                  by           parent  labels  test accuracy      size")
        for entry in entries:
            typer.echo(_entry_line(entry))
        if candidate:
            typer.echo(_candidate_line(candidate, state))
    else:
        note("No version yet: bertsent train makes one.")
    note_open()


def _candidate_as_json(candidate: Candidate, state: CandidateState | None) -> dict[str, Any]:
    row = {"version": CANDIDATE, "current": False, "packaged": False, "bytes": candidate.bytes}
    row |= {"candidate": candidate.number, "state": state, "damaged": candidate.version is None}
    if candidate.version is None:
        return row
    manifest = candidate.version.manifest
    return row | {
        **pick(manifest, "created", "reason", "parent"),
        "labels": manifest.data.get("labels", {}).get("n", 0),
        "test_accuracy": manifest.metrics.get("test", {}).get("accuracy"),
    }


def _candidate_line(candidate: Candidate, state: CandidateState | None) -> str:
    row = _candidate_as_json(candidate, state)
    said = CANDIDATE_STATES[state or "damaged"]
    said += f", to be version {candidate.number}" if state == "waiting" else ""
    if row["damaged"]:
        return f"  candidate  {said}; bertsent models reject"
    return (
        f"  candidate  {visible(str(row['created'])):<20}  {visible(str(row['reason'])):<10} "
        f"{or_dash(row['parent']):>8}  {or_dash(row['labels'] or None):>6}  "
        f"{metric(row['test_accuracy']):>13}  {size(candidate.bytes):>8}  {said}"
    )


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    row = {"version": entry.version, **pick(entry, "current", "packaged", "bytes")}
    row["damaged"] = entry.manifest is None
    if entry.manifest is None:
        return row
    manifest = entry.manifest
    return row | {
        **pick(manifest, "created", "reason", "parent"),
        "republished_from": manifest.lineage.get("republished_from"),
        "labels": manifest.data.get("labels", {}).get("n", 0),
        "test_accuracy": manifest.metrics.get("test", {}).get("accuracy"),
    }


def _entry_line(entry: Entry) -> str:
    row, mark = _entry_as_json(entry), "*" if entry.current else " "
    if entry.manifest is None:
        return f"{mark} {entry.version:>8}  damaged; bertsent models show {entry.version}"
    of = f" {row['republished_from']}" if row["republished_from"] else ""
    return (
        f"{mark} {entry.version:>8}  {visible(str(row['created'])):<20}  "
        f"{visible(str(row['reason'])) + of:<10} {or_dash(row['parent']):>8}  "
        f"{or_dash(row['labels'] or None):>6}  {metric(row['test_accuracy']):>13}  "
        f"{size(entry.bytes):>8}"
    )
