"""`bertsent retrain`: train a challenger on old and new data, and let it take over if it is better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bertsent.base.display import visible
from bertsent.base.errors import ExitCode
from bertsent.base.records.core import to_json
from bertsent.base.settings import toml_file
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.recipes import RECIPES
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._labels import parse_labels, require_folder
from bertsent.cli._open_drift import note_open, open_key
from bertsent.cli._render import duration, print_json, progress
from bertsent.cli._signals import stop_on_signal
from bertsent.cli._source import open_source, reads_reviews
from bertsent.cli._tables import gate_lines
from bertsent.cli._versions import find_version
from bertsent.data.given import GivenOptions

if TYPE_CHECKING:
    from bertsent.retraining.records import Retrained

GATE = GateSettings()
_READ = ReadSettings()
_RECIPES = ", ".join(RECIPES)


@reads_reviews(without=["labels"])
def retrain(
    ctx: typer.Context,
    data: options.Data = None,
    reading: ReadSettings = _READ,
    labelled: options.Labels = None,
    warm_start: Annotated[
        bool | None,
        typer.Option(
            "--warm-start/--from-encoder",
            help="Start from the current version, with the labels and some old reviews; or from the encoder, "
            "with the labels and all old reviews. [default: --warm-start, if the version has weights]",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help=f"How fast it learns: {_RECIPES}. Keeps the encoder. [default: retrain for a warm start]",
        ),
    ] = None,
    config: options.Config = None,
    margin: options.Margin = GATE.margin,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Train even if these labels already had an outcome, or if a candidate waits."
        ),
    ] = False,
    wait: options.Ask = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train on old and new reviews; publish the result if it is no worse.

    The new and the current version score the test reviews, and the labelled reviews that never train (20 %).
    The new one must be worse on neither, and the labels must not be a coin's; otherwise it is rejected, with
    exit code 3. The same command resumes a stopped or killed run. Needs TensorFlow: pip install
    'bertsent[train]'.

    With --ask a new version that passes waits for `bertsent models approve` or `bertsent models reject`.

    While a drift is open, it counts as the reason, as if `bertsent drift` had started the retrain.

    Without a data set, the word counts that the current version keeps of its reviews stand for them.
    """
    gate = GateSettings(margin=margin)
    named = parse_labels(labelled, ctx)
    reading = replace(reading, labels=named.label_map)
    given = GivenOptions(
        label_folder=named.folder, data=tuple(data or ()), reading=reading, margin=gate.margin, ask=wait
    )
    require_folder(named, reading, then=given.command("bertsent retrain"))
    overrides = toml_file.Config() if config is None else toml_file.load(config)
    workspace = Workspace.current()
    from bertsent.labelling.log import LabelLog
    from bertsent.retraining import run as core
    from bertsent.retraining.open_drift import find_open
    from bertsent.retraining.records import RetrainRun, Trigger
    from bertsent.retraining.rehearsal import find_old_data

    champion = find_version(None)
    warm = core.can_warm_start(champion) if warm_start is None else warm_start
    drift = find_open(workspace, named.folder)
    if drift is not None and drift.without_labels:
        drift = None  # it has no labels that could be the reason
    rows = LabelLog(named.folder or workspace.labels).labelled()
    old = None if data else find_old_data(workspace.data, warm_start=warm)
    with (
        progress(quiet=quiet) as bar,
        stop_on_signal() as stop,
        open_source(data or [], reading) as source,
    ):
        if drift:
            bar.tell(f"The drift {drift.name} is open, so it is the reason for this retrain")
        retrained = core.retrain(
            RetrainRun(
                workspace=workspace,
                data=source if data else old and replace(source, paths=(old,)),
                champion=champion,
                rows=rows,
                trigger=Trigger.by_person(drift),
                settings=core.settings_for(
                    champion, warm_start=warm, labels=len(rows), recipe=recipe, config=overrides
                ),
                gate=gate,
                warm_start=warm,
                force=force,
                ask=wait,
                given=given,
                progress=bar,
                stop=stop,
            )
        )
    still = note_open(given)
    if json:
        print_json(to_json(retrained) | open_key(still))
    else:
        _print(retrained)
        if drift:
            stays = still is None or drift.look in [other.look for other in still]
            typer.echo(f"The drift {drift.name} {'stays open' if stays else 'is answered'}")
    if retrained.outcome == "rejected" or (retrained.outcome == "waiting" and drift):
        raise typer.Exit(ExitCode.DRIFT)


def _print(retrained: Retrained) -> None:
    from bertsent.drift.monitored import AGAINST_GATE, WAITS

    if retrained.earlier and retrained.outcome == "published":
        typer.echo(f"Nothing new: {visible(retrained.reason)}")
    elif retrained.outcome == "published":
        typer.echo(f"Published version {retrained.version}: {visible(retrained.reason)}")
    elif retrained.outcome == "waiting":
        now = f"{WAITS.format(retrained.candidate)}. The gate: {retrained.reason}"
        typer.echo(visible(retrained.reason if retrained.earlier else now))
    else:
        typer.echo(f"Rejected: {visible(retrained.reason)}")
    typer.echo(f"{retrained.gain.sentence}.")
    for line in gate_lines(retrained.gate):
        typer.echo(line)
    if retrained.outcome == "rejected" and not retrained.earlier:
        typer.echo(f"To publish it all the same: {AGAINST_GATE}")
    if not retrained.earlier:
        typer.echo(f"{duration(retrained.seconds)} in all")
