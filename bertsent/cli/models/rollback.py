"""`bertsent models rollback`: make an old version current again."""

from __future__ import annotations

from typing import Annotated

import typer

from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import capital, spoken
from bertsent.cli import _options as options
from bertsent.cli._open_drift import note_open
from bertsent.cli._render import note, print_json


def rollback(
    number: Annotated[
        str | None,
        typer.Argument(
            metavar="N",
            help="The number of a version, or packaged. [default: the one before the current]",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Make an old version current again.

    Publishes it again under the next number: nothing is lost, and a rollback can be rolled back too. A drift
    that the replaced version had answered is open again; a line says so, as of any other that is open.
    """
    from bertsent.cli._versions import note_strays
    from bertsent.retraining.open_drift import reopened
    from bertsent.versions import registry

    note_strays()
    before, version = registry.rollback(number, workspace=Workspace.current())
    now = version.id
    origin = version.manifest.lineage.get("republished_from", now)
    if json:
        print_json({"before": before, "version": now, "republished_from": origin, "path": version.path})
    elif before == now:
        typer.echo(
            f"{capital(now)} is already current" + ("" if origin == now else f": a copy of {spoken(origin)}")
        )
    else:
        typer.echo(f"Version {now}, a copy of {spoken(origin)}, is now current and replaces {spoken(before)}")
    drift = reopened(Workspace.current(), before) if before != now else None
    if drift:
        by = spoken(before)
        closed = f"a check by {by} had closed it" if drift.without_labels else f"{by} had answered it"
        note(f"The drift {drift.name} is open again, as {closed}. {drift.advice}")
    else:
        note_open()
