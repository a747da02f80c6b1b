"""`bertsent models` as a whole: its commands, and the list it prints without one."""

from __future__ import annotations

import typer

from bertsent.cli.models.approve import approve, reject
from bertsent.cli.models.curve import curve
from bertsent.cli.models.diff import diff
from bertsent.cli.models.list import list_versions
from bertsent.cli.models.prune import prune
from bertsent.cli.models.rollback import rollback
from bertsent.cli.models.show import show, why

models = typer.Typer(
    name="models",
    callback=list_versions,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
)
for command in (show, why, approve, reject, rollback, prune, diff, curve):
    models.command()(command)
