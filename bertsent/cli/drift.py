"""`bertsent drift`: have the reviews changed since the model was trained? If so, retrain."""

from __future__ import annotations

import itertools
import re
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, ExitCode, Interrupted, UsageError
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._app import app
from bertsent.cli._options import DataOption, JsonOption, LabelsOption, ModelOption, QuietOption
from bertsent.cli._render import command_line, note, print_json, progress
from bertsent.cli._signals import noted_signals, stop_on_signal

if TYPE_CHECKING:
    from bertsent.drift.monitored import Monitored

DEFAULTS = DriftSettings()
_WIDTH = 80  # columns, as few as a terminal has
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EXIT = {
    "none": ExitCode.DONE,
    "published": ExitCode.DONE,
    "collect": ExitCode.CANNOT_TELL,
    "reported": ExitCode.DRIFT,
    "open": ExitCode.DRIFT,
    "rejected": ExitCode.DRIFT,
    "failed": ExitCode.DRIFT,
}


@app.command()
def drift(
    ctx: typer.Context,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            help="Drift is a measure above it, 0 to 1: about the share of new reviews unlike the old ones.",
        ),
    ] = DEFAULTS.threshold,
    no_retrain: Annotated[
        bool, typer.Option("--no-retrain", help="Report drift only; a later run without it retrains.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write a page (.html): verdict, measures, history, foreign reviews.",
        ),
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch", metavar="TIME", help="Stay and look again every 30m, 1h, 1d ...: for containers."
        ),
    ] = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    model: ModelOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare new labels with the training data, and retrain on drift.

    Judges the labels that came since the last look by three measures, each 0 to 1: text, error, label share.
    On drift a challenger is trained and takes over if the gate lets it. Made for cron: one line a run, and
    the exit code says how it ended (0 fine, 3 drift not handled, 4 too few labels, 75 another run at work).
    """
    settings = replace(DEFAULTS, threshold=threshold)
    pause = None if watch is None else _seconds(watch)
    if labels is not None and not labels.is_dir():
        raise UsageError("--labels names a folder.", received=visible(str(labels)))

    def look() -> ExitCode:
        from bertsent.reports import drift_page
        from bertsent.retraining import monitor

        if report is not None:
            drift_page.check_target(report)
        with progress(quiet=quiet) as shown:
            found = monitor.DriftRun(
                workspace=Workspace.current(),
                settings=settings,
                model=model,
                label_folder=labels,
                data=data,
                retrain=not no_retrain,
                progress=shown,
                stopping=stop_on_signal,
            ).go()
        _show(found, json=json)
        if report is not None:
            drift_page.write(found, report, command=command_line(ctx))
        return _EXIT[found.action]

    if pause is None:
        raise typer.Exit(look())
    _watch(look, pause)


def _seconds(text: str) -> float:
    """A time such as 30m as seconds.

    Raises:
        UsageError: if it is no time, or below a second.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 1 <= seconds <= 366 * _UNITS["d"]:
        raise UsageError(
            "--watch takes a time from 1s to 366d: a number and one of s, m, h, d, such as 1h.",
            received=visible(repr(text))[:60],
        )
    return seconds


def _watch(look: Callable[[], ExitCode], pause: float) -> None:
    """Looks, waits and looks again; a look that fails is told and does not end it, unless the first one says
    that an option is wrong. A signal that comes while it waits ends it well; one that comes during a look
    interrupts that."""
    with noted_signals() as told:
        for round_ in itertools.count():
            try:
                look()
            except Interrupted:
                raise
            except BertsentError as error:
                if isinstance(error, UsageError) and not round_:
                    raise
                note(f"Error: {error}")
            sys.stdout.flush()
            try:
                if not told():
                    time.sleep(pause)
            except (Interrupted, KeyboardInterrupt):
                pass
            if told():
                note("No longer watching.")
                return


def _show(found: Monitored, *, json: bool) -> None:
    from bertsent.reports.drift_page import line

    if json:
        print_json(_as_json(found))
        return
    typer.echo(line(found))
    if sys.stdout.isatty() and found.look is not None:
        _print_table(found.look.report)


def _as_json(found: Monitored) -> dict[str, Any]:
    """The documented keys; without a look nothing was measured."""
    unjudged: dict[str, Any] = {
        "verdict": "cannot_tell" if found.action == "collect" else None,
        "headline": None,
        "threshold": found.threshold,
        "measures": {},
        "fired": [],
        "smallest_visible": {},
        "new_rows": found.new_rows,
    }
    return {
        **(unjudged if found.look is None else found.look.report),
        "looks": found.looks,
        "action": found.action,
        "why": found.reason,
        "version": found.version,
        "published": found.published,
        "needed": found.needed,
        "continued": found.continued,
    }


def _print_table(report: Mapping[str, Any]) -> None:
    from bertsent.reports.drift_page import MEASURES, chance, figure

    typer.echo("\n" + textwrap.fill(visible(report["reason"]), _WIDTH) + "\n")
    typer.echo("               value   90 % interval  adjusted p  labels  visible from")
    for name, title, _ in MEASURES:
        row = report["measures"].get(name)
        if row is None:
            continue
        if row["value"] is None:
            typer.echo(f"  {title:<11}      -   not judged")
            continue
        ends = f"{figure(row['low'])} to {figure(row['high'])}"
        smallest = figure(report["smallest_visible"].get(name))
        over = "  over" if name in report["fired"] else ""
        typer.echo(
            f"  {title:<11}  {figure(row['value'])}  {ends:>14}  {chance(row['adjusted']):>10}  {row['n']:>6}"
            f"  {smallest:>12}{over}"
        )
    _print_diagnostics(report["diagnostics"])


def _print_diagnostics(shown: Mapping[str, Any]) -> None:
    """What is shown and never judged."""
    from bertsent.reports.drift_page import chance

    typer.echo("\n  medians      reference       new  KS p")
    for title, key, form in (("score", "scores", "{:.2f}"), ("word pieces", "length", "{:.0f}")):
        row = shown[key]
        if row["median_new"] is not None:
            old, new = (form.format(row[which]) for which in ("median_old", "median_new"))
            typer.echo(f"  {title:<11}  {old:>9}  {new:>8}  {chance(row['p_value'])}")
    for direction in ("more", "less"):
        words = [
            word.get("text", str(word["piece"])) for word in shown["words"] if word["direction"] == direction
        ]
        if words:
            line = visible(f"{direction} often: {' '.join(words)}")
            typer.echo(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
