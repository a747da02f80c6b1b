"""`bertsent models`: the versions there are, and which is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bertsent.base.display import size, visible
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import note, pick, print_json
from bertsent.cli._tables import metric, or_dash

if TYPE_CHECKING:
    from bertsent.versions.registry import Entry


def list_versions(ctx: typer.Context, json: options.Json = False) -> None:
    """List versions; show, explain, compare or go back to one.

    Without a command it lists the versions, newest last, and marks the current one with a star.
    """
    if ctx.invoked_subcommand is not None:
        return
    from bertsent.cli._versions import note_strays
    from bertsent.versions import registry

    note_strays(alone=True)
    entries = registry.entries(Workspace.current())
    if json:
        print_json([_entry_as_json(entry) for entry in entries])
        return
    if not entries:
        note("No version yet: bertsent train makes one.")
        return
    typer.echo("   version  made                  by           parent  labels  test accuracy      size")
    for entry in entries:
        typer.echo(_entry_line(entry))


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
