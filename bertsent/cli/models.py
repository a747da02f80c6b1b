"""`bertsent models`: the versions there are, why each came to be, and which is current."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import size, visible
from bertsent.base.records.core import to_json
from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._app import app
from bertsent.cli._options import JsonOption
from bertsent.cli._render import note, print_json
from bertsent.cli.retrain import gate_lines

if TYPE_CHECKING:
    from bertsent.versions.registry import Entry

DEFAULTS = VersionSettings()

models = typer.Typer(
    help="List versions; show, explain, compare or go back to one.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.add_typer(models, name="models")

NumberArgument = Annotated[
    str, typer.Argument(metavar="N", help="The number of a version, or the folder of one.")
]


@models.callback()
def list_versions(ctx: typer.Context, json: JsonOption = False) -> None:
    """List versions; show, explain, compare or go back to one.

    Without a command: the list, newest last. The current version is marked by a star.
    """
    if ctx.invoked_subcommand is not None:
        return
    from bertsent.versions import registry

    entries = registry.entries(Workspace.current())
    if json:
        print_json([_entry_as_json(entry) for entry in entries])
        return
    if not entries:
        note("No version yet: bertsent train makes one.")
        return
    typer.echo("  version  made                  by         parent  labels  test accuracy      size")
    for entry in entries:
        typer.echo(_entry_line(entry))


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    stated = {
        "version": entry.number,
        "current": entry.current,
        "packaged": entry.packaged,
        "damaged": entry.manifest is None,
        "bytes": entry.bytes,
    }
    if entry.manifest is None:
        return stated
    manifest = entry.manifest
    return stated | {
        "created": manifest.created,
        "reason": manifest.reason,
        "parent": manifest.parent,
        "republished_from": manifest.lineage.get("republished_from"),
        "labels": manifest.data.get("labels", {}).get("n", 0),
        "test_accuracy": manifest.metrics.get("test", {}).get("accuracy"),
    }


def _entry_line(entry: Entry) -> str:
    stated, mark = _entry_as_json(entry), "*" if entry.current else " "
    if entry.manifest is None:
        return f"{mark} {entry.number:>7}  damaged; bertsent models show {entry.number}"
    of = f" {stated['republished_from']}" if stated["republished_from"] else ""
    line = (
        f"{mark} {entry.number:>7}  {visible(str(stated['created'])):<20}  "
        f"{visible(str(stated['reason'])) + of:<10} {_or_dash(stated['parent']):>6}  "
        f"{_or_dash(stated['labels'] or None):>6}  {_share(stated['test_accuracy']):>13}  "
        f"{size(entry.bytes):>8}"
    )
    return line + ("  (came with bertsent)" if entry.packaged else "")


def _or_dash(value: object) -> str:
    return "-" if value is None else visible(str(value))


def _share(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) and math.isfinite(value) else "-"


@models.command()
def show(number: NumberArgument, json: JsonOption = False) -> None:
    """Show what a version is, and check all its files."""
    from bertsent.versions import store

    version = store.find(number, folder=Workspace.current().model)
    version.verify()
    manifest = version.manifest
    if json:
        print_json(to_json(manifest) | {"path": version.path})
        return
    typer.echo(f"Version {version.name} in {visible(str(version.path))}, whole")
    made = f"{manifest.created} by {manifest.reason}"
    typer.echo(f"  made     {visible(made)}, parent {_or_dash(manifest.parent)}")
    typer.echo(f"  encoder  {visible(str(manifest.encoder.get('name')))}")
    typer.echo(f"  input    {manifest.seq_length} word pieces, window {visible(manifest.window)}")
    for name, figures in manifest.metrics.items():
        typer.echo(
            f"  {visible(name):<10} accuracy {_share(figures.get('accuracy'))}, "
            f"F1 {_share(figures.get('f1'))}, ROC AUC {_share(figures.get('roc_auc'))} "
            f"({figures.get('n')} reviews)"
        )
    for name, rows in manifest.data.items():
        count, positive = _or_dash(rows.get("n")), _or_dash(rows.get("positive"))
        typer.echo(f"  data     {visible(name)}: {count} reviews, {positive} positive")
    for name, stated in manifest.files.items():
        typer.echo(f"  file     {visible(name):<20} {size(stated['size']):>9}")


@models.command()
def why(number: NumberArgument, json: JsonOption = False) -> None:
    """Say what led to a version.

    Which labels, which drift verdict, and how it compared with the version it took over from.
    """
    from bertsent.versions import store

    version = store.find(number, folder=Workspace.current().model)
    manifest = version.manifest
    if json:
        stated = {"version": manifest.version, "created": manifest.created, "reason": manifest.reason}
        labels = manifest.data.get("labels")
        print_json(stated | {"parent": manifest.parent, "labels": labels, "lineage": manifest.lineage})
        return
    typer.echo(f"Version {version.name}, {visible(manifest.created)}, by {visible(manifest.reason)}")
    lineage = manifest.lineage
    if "republished_from" in lineage:
        typer.echo(
            f"  It has the files of version {_or_dash(lineage['republished_from'])}, and took the place of "
            f"version {_or_dash(lineage.get('undone'))}."
        )
    if "gate" not in lineage:
        rows = manifest.data.get("train", {})
        typer.echo(f"  Trained on {_or_dash(rows.get('n'))} reviews of a data set; no labels, no comparison.")
        return
    _print_labels(lineage)
    _print_drift(lineage["because"])
    _print_gate(lineage)


def _print_labels(lineage: Mapping[str, Any]) -> None:
    labels, reserved = lineage["labels"], lineage["reserved"]
    picked = ", ".join(f"{count} {name}" for name, count in labels["picked_by"].items())
    typer.echo(
        f"  Labels: {labels['n']} trained it ({labels['positive']} positive, {labels['negative']} negative; "
        f"{visible(picked)}), {reserved['n']} were reserved"
    )
    typer.echo(f"  labelled from {visible(labels['first'] or '-')} to {visible(labels['last'] or '-')}")
    typer.echo(f"  Training began with the {visible(lineage['start'])}.")


def _print_drift(because: Mapping[str, Any]) -> None:
    report = because.get("report")
    if because["kind"] != "drift" or not report:
        typer.echo("  It was asked for.")
        return
    fired = [
        f"{name} {values['value']:.3f} ({values['low']:.3f} to {values['high']:.3f})"
        for name, values in report.get("measures", {}).items()
        if values.get("value") is not None and values.get("low") is not None
    ]
    said = f"Drift: {report.get('verdict')}, {', '.join(fired)}, threshold {report.get('threshold')}"
    typer.echo(f"  {visible(said)}")
    if report.get("reason"):
        typer.echo(f"  {visible(str(report['reason']))}")


def _print_gate(lineage: Mapping[str, Any]) -> None:
    from bertsent.retraining.gate import GateResult

    gate, champion = GateResult.from_json(lineage["gate"]), lineage["champion"]
    typer.echo(f"  Against version {champion['version']}: {visible(gate.reason)}")
    for line in gate_lines(gate):
        typer.echo(line)
    typer.echo(f"  rows by digest: test {gate.test.digest[:16]}, reserved {gate.reserved.digest[:16]}")


@models.command()
def rollback(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="N", help="Which version. [default: the one before the current]", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
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
        typer.echo(f"Version {now} is current already" + (f": it is version {origin}" * (origin != now)))
    else:
        typer.echo(f"Version {now} is current now: it is version {origin} again, and was {before}")


@models.command()
def prune(
    keep: Annotated[
        int, typer.Option("--keep", metavar="K", help="How many of the newest whole versions to keep.")
    ] = DEFAULTS.keep,
    json: JsonOption = False,
) -> None:
    """Remove old versions.

    Never the current one, and none that a process reads: a reader holds a lock while it lives.
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
