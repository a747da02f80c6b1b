"""`bertsent models rollback`: an old version becomes the current one again."""

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

    It is published once more, under the next number: nothing is lost, and this can be taken back too.
    """
    from bertsent.versions import registry

    before, version = registry.rollback(number, workspace=Workspace.current())
    now = version.manifest.version
    origin = version.manifest.lineage.get("republished_from", now)
    if json:
        print_json({"before": before, "version": now, "republished_from": origin, "path": version.path})
    elif before == now:
        typer.echo(
            f"Version {now} is current already" + ("" if origin == now else f": it is version {origin}")
        )
    else:
        typer.echo(f"Version {now} is current now: it is version {origin} again, and was {before}")
