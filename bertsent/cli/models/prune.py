"""`bertsent models prune`: remove old versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bertsent.base.display import size
from bertsent.base.records.core import to_json
from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import ask, can_ask, print_json
from bertsent.cli.models._candidate import CANDIDATE_STATES, find_candidate_with_state

if TYPE_CHECKING:
    from bertsent.versions.prune import Pruned

DEFAULTS = VersionSettings()


def prune(
    keep: Annotated[
        int, typer.Option("--keep", metavar="K", help="How many of the newest intact versions to keep.")
    ] = DEFAULTS.keep,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking on a terminal.")] = False,
    json: options.Json = False,
) -> None:
    """Remove old versions.

    Always keeps the current one, the one that a rollback to it replaced, and any that a process reads: a
    reader holds a lock until it ends. On a terminal it asks first.
    """
    from bertsent.versions import prune as core

    workspace = Workspace.current()
    asks = not (yes or json or dry_run) and can_ask()
    agreed = None
    if dry_run or asks:  # else not: a plan reads every file of every version, and so does the removal
        pruned = core.plan(workspace, keep=keep)
        agreed = pruned.removed
    if asks and agreed:
        removed = f"{_numbers(agreed)} ({size(pruned.bytes)})"
        dry_run = not ask(f"Remove {removed} and keep {_numbers(pruned.kept)}?")
    if not dry_run:
        pruned = core.prune(workspace, keep=keep, only=agreed)
    candidate, state = find_candidate_with_state()
    if json:
        kept = {"number": candidate.number, "state": state, "bytes": candidate.bytes} if candidate else None
        print_json(to_json(pruned) | {"dry_run": dry_run, "candidate": kept})
        return
    _print(pruned, dry_run=dry_run)
    if candidate:
        said = CANDIDATE_STATES[state or "damaged"]
        typer.echo(f"Not a version, so kept: candidate {candidate.number} ({size(candidate.bytes)}), {said}")


def _print(pruned: Pruned, *, dry_run: bool) -> None:
    removed, kept = ("Would remove", "Would keep") if dry_run else ("Removed", "Kept")
    freed = f" ({size(pruned.bytes)})" if pruned.removed else ""
    typer.echo(f"{removed}: {_numbers(pruned.removed)}{freed}. {kept}: {_numbers(pruned.kept)}.")
    if pruned.undone:
        typer.echo(f"Replaced by a rollback to the current version, so kept: {_numbers(pruned.undone)}")
    if pruned.in_use:
        typer.echo(f"In use by a process, so kept: {_numbers(pruned.in_use)}")
    if pruned.damaged:
        typer.echo(f"Damaged, so not counted: {_numbers(pruned.damaged)}")


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "none"
