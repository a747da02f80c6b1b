"""`bertsent models prune`: remove old versions."""

from __future__ import annotations

from typing import Annotated

import typer

from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import print_json

DEFAULTS = VersionSettings()


def prune(
    keep: Annotated[
        int, typer.Option("--keep", metavar="K", help="How many of the newest intact versions to keep.")
    ] = DEFAULTS.keep,
    json: options.Json = False,
) -> None:
    """Remove old versions.

    Always keeps the current one and any that a process reads: a reader holds a lock until it ends.
    """
    from bertsent.versions import registry

    pruned = registry.prune(Workspace.current(), keep=keep)
    if json:
        print_json(pruned)
        return
    typer.echo(f"Removed: {_numbers(pruned.removed)}. Kept: {_numbers(pruned.kept)}.")
    if pruned.in_use:
        typer.echo(f"In use by a process, so kept: {_numbers(pruned.in_use)}")
    if pruned.damaged:
        typer.echo(f"Damaged, so not counted: {_numbers(pruned.damaged)}")


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "none"
