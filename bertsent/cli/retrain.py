"""`bertsent retrain`: train a challenger on old and new data, and let it take over if it is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import ExitCode
from bertsent.base.settings import toml_file
from bertsent.base.settings.recipes import RECIPES
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._app import app
from bertsent.cli._options import DataOption, JsonOption, LabelsOption, QuietOption
from bertsent.cli._render import duration, print_json, progress
from bertsent.cli._signals import stop_on_signal

if TYPE_CHECKING:
    from bertsent.retraining.gate import GateResult
    from bertsent.retraining.records import Retrained

GATE = GateSettings()
_RECIPES = ", ".join(RECIPES)


@app.command()
def retrain(
    data: DataOption = None,
    labels: LabelsOption = None,
    warm_start: Annotated[
        bool | None,
        typer.Option(
            "--warm-start/--from-encoder",
            help="Begin with the current version's weights, some old reviews beside the labels; or with the "
            "encoder and all of them. [default: --warm-start, if the version carries weights]",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help=f"How fast it learns: {_RECIPES}; the encoder stays. [default: retrain for a warm start]",
            show_default=False,
        ),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE.toml",
            help="Settings that overrule the recipe's and those of the current version.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        float,
        typer.Option("--margin", help="Accuracy that may be lost on the test reviews, as a share."),
    ] = GATE.margin,
    force: Annotated[
        bool,
        typer.Option("--force", help="Train although the same labels had an outcome before."),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train on old and new reviews, and publish what is better.

    The challenger and the current version score the same test reviews, and the same labelled reviews that
    never train (20 %). It must not be worse on either, and better on one; else it is rejected, with exit
    code 3. A run that was stopped or killed goes on. Needs TensorFlow: pip install 'bertsent[train]'.
    """
    gate = GateSettings(margin=margin)
    said = toml_file.Config() if config_file is None else toml_file.load(config_file)
    workspace = Workspace.current()
    from bertsent.data.splits import find_data_set
    from bertsent.labelling.log import LabelLog
    from bertsent.retraining import run as core
    from bertsent.retraining.records import RetrainRun, Trigger
    from bertsent.versions import store

    champion = store.find(None, folder=workspace.model)
    warm = core.can_warm_start(champion) if warm_start is None else warm_start
    rows = LabelLog(labels or workspace.labels).labelled()
    with progress(quiet=quiet) as shown, stop_on_signal() as stop:
        retrained = core.retrain(
            RetrainRun(
                workspace=workspace,
                data=data or find_data_set(workspace.data),
                champion=champion,
                rows=rows,
                trigger=Trigger("asked"),
                settings=core.settings_for(
                    champion, warm_start=warm, labels=len(rows), recipe=recipe, config=said
                ),
                gate=gate,
                warm_start=warm,
                force=force,
                progress=shown,
                stop=stop,
            )
        )
    if json:
        print_json(as_json(retrained))
    else:
        _print(retrained)
    if retrained.outcome == "rejected":
        raise typer.Exit(ExitCode.DRIFT)


def as_json(retrained: Retrained) -> dict[str, Any]:
    """The documented keys of a retrain's outcome."""
    return {
        "outcome": retrained.outcome,
        "version": retrained.version,
        "reason": retrained.reason,
        "earlier": retrained.earlier,
        "gate": retrained.gate.as_json(),
        "seconds": retrained.seconds,
    }


def _print(retrained: Retrained) -> None:
    if retrained.earlier and retrained.outcome == "published":
        typer.echo(f"Nothing new: {visible(retrained.reason)}")
    elif retrained.outcome == "published":
        typer.echo(f"Published version {retrained.version}: {visible(retrained.reason)}")
    else:
        typer.echo(f"Rejected: {visible(retrained.reason)}")
    for line in gate_lines(retrained.gate):
        typer.echo(line)
    if not retrained.earlier:
        typer.echo(f"{duration(retrained.seconds)} in all")


def gate_lines(gate: GateResult) -> list[str]:
    """The comparison of champion and challenger as a table."""
    sure = round(100 * gate.confidence)
    lines = [
        f"  rows      number  champion  challenger  difference  {sure} % above  {sure} % below  McNemar p"
    ]
    for name, rows in (("test", gate.test), ("reserved", gate.reserved)):
        if not rows.n:
            lines.append(f"  {name:<8}  {0:>6}")
            continue
        lines.append(
            f"  {name:<8}  {rows.n:>6}  {rows.champion / rows.n:>8.4f}  {rows.challenger / rows.n:>10.4f}  "
            f"{rows.difference:>+10.4f}  {rows.low:>+10.4f}  {rows.high:>+10.4f}  {rows.p_value:>9.2g}"
        )
    return lines
