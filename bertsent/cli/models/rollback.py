"""`bertsent models rollback`: make an old version current again."""

from __future__ import annotations

from typing import Annotated

import typer

from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import print_json


def rollback(
    number: Annotated[
        int | None, typer.Argument(metavar="N", help="Which version. [default: the one before the current]")
    ] = None,
    json: options.Json = False,
) -> None:
    """Make an old version current again.

    Publishes it again under the next number: nothing is lost, and a rollback can be rolled back too.
    """
    from bertsent.versions import registry

    before, version = registry.rollback(number, workspace=Workspace.current())
    now = version.manifest.version
    origin = version.manifest.lineage.get("republished_from", now)
    if json:
        print_json({"before": before, "version": now, "republished_from": origin, "path": version.path})
    elif before == now:
        typer.echo(
            f"Version {now} is already current" + ("" if origin == now else f": a copy of version {origin}")
        )
    else:
        typer.echo(f"Version {now}, a copy of version {origin}, is now current and replaces version {before}")
