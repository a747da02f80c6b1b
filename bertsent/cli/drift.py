"""`bertsent drift`: have the reviews changed since the model was trained? If so, retrain."""

from __future__ import annotations

import itertools
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
from bertsent.base.interval import parse_interval
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.cli import _drift_hooks as hooks
from bertsent.cli import _options as options
from bertsent.cli._labels import Labels, parse_labels
from bertsent.cli._render import command_line, given_options, note, pick, print_json, progress
from bertsent.cli._signals import noted_signals, stop_on_signal
from bertsent.cli._source import reads_reviews
from bertsent.cli._versions import note_strays

if TYPE_CHECKING:
    from bertsent.drift.monitored import Monitored, OpenDrift
    from bertsent.labelling.swapped import Contradiction
    from bertsent.retraining.monitor import DriftRun

DEFAULTS = DriftSettings()
GATE = GateSettings()
_READ = ReadSettings()
_WIDTH = 80  # columns of a small terminal
_BESIDE_ACCEPT = {"accept", "labelled", "json", "quiet"}  # parameters that may stand beside --accept
_EXIT = {"none": ExitCode.DONE, "published": ExitCode.DONE, "collect": ExitCode.CANNOT_TELL}


@reads_reviews(without=["labels"])
def drift(
    ctx: typer.Context,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            help="Report drift when a measure exceeds this (0 to 1; about the share of unfamiliar reviews).",
        ),
    ] = DEFAULTS.threshold,
    no_retrain: Annotated[
        bool, typer.Option("--no-retrain", help="Only report drift; a later run without this retrains.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="REASON",
            help="Judge nothing: close the drift that is open, and record why it may stay.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Retrain also if most labels contradict the model.")
    ] = False,
    on_drift: hooks.OnDrift = None,
    on_published: hooks.OnPublished = None,
    margin: options.Margin = GATE.margin,
    report: options.Report = None,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch", metavar="TIME", help="Keep running (in a container) and check every 30m, 1h, 1d ..."
        ),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option(
            "--labels",
            metavar="FOLDER|FILE|MAP",
            help="The folder that `bertsent label` writes; or a table of labelled reviews, which is judged "
            "once and only reported. Given again: what their labels mean, such as "
            "'positive=4,5 negative=1,2'. [default: labels/]",
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts",
            metavar="FILE|FOLDER",
            help="Judge these texts instead, without labels: their words, their scores, and the accuracy "
            "that the scores estimate. Never retrains.",
        ),
    ] = None,
    data: options.Data = None,
    reading: ReadSettings = _READ,
    model: options.Model = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare new labels with the training data, and retrain on drift.

    Judges the labels that came since the last check by three measures, each 0 to 1: text, error, label share.
    On drift it retrains as `bertsent retrain` does. A drift stays open until a new version takes over, a
    later check finds it gone, or --accept closes it. Made for cron: a run prints one line, and the exit code
    says how it ended (0 fine, 3 a drift is open, 4 too few labels, 75 another run is at work).
    """
    if accept is not None:
        _accept(accept, parse_labels(labelled, ctx), ctx, json=json)
        return
    settings = replace(DEFAULTS, threshold=threshold)
    if texts is not None:
        from bertsent.cli._drift_texts import judge_texts

        raise typer.Exit(
            judge_texts(
                texts,
                ctx,
                settings=settings,
                reading=reading,
                report=report,
                model=model,
                json=json,
                quiet=quiet,
            )
        )
    gate = replace(GATE, margin=margin)
    pause = None if watch is None else parse_interval(watch)
    named = parse_labels(labelled, ctx)
    reading = replace(reading, labels=named.label_map)

    def look() -> ExitCode:
        from bertsent.data.source import Source
        from bertsent.retraining.monitor import DriftRun

        run = DriftRun(
            workspace=Workspace.current(),
            settings=settings,
            model=model,
            label_folder=named.folder,
            unrecorded=Source((named.reviews,), reading) if named.reviews else None,
            data=Source(tuple(data), reading) if data else None,
            reading=reading,
            retrain=not no_retrain,
            gate=gate,
            asks=lambda swapped: yes or _asks(swapped),
            stopping=stop_on_signal,
        )
        told = hooks.Hooks(on_drift, on_published)
        return _look(run, told, ctx, report=report, json=json, quiet=quiet)

    if pause is None:
        raise typer.Exit(look())
    _watch(look, pause)


def _look(
    run: DriftRun, told: hooks.Hooks, ctx: typer.Context, *, report: Path | None, json: bool, quiet: bool
) -> ExitCode:
    """Does one run, says what it found and did, and returns how it ended."""
    from bertsent.reports import drift_page

    if report is not None:
        drift_page.check_target(report)
    note_strays()
    with progress(quiet=quiet) as bar:

        def tell(found: Monitored) -> None:
            """Says the verdict before the training, which takes minutes."""
            bar.tell(drift_page.training_line(found))
            if report is not None:
                drift_page.write(found, report, command=command_line(ctx))
            told.tell_drift(found, _as_json(found))

        outcome = replace(run, progress=bar, judged=tell).go()
    _show(outcome, json=json)
    if outcome.copies and not quiet:
        note(f"Not judged: {outcome.copies} with the words of another or of a training review.")
    if outcome.unrecorded:
        note(f"To train with these labels, record them: {outcome.record_command}")
    if report is not None:
        drift_page.write(outcome, report, command=command_line(ctx))
    told.tell_end(outcome, _as_json(outcome))
    return ExitCode.DRIFT if outcome.open else _EXIT.get(outcome.action, ExitCode.DRIFT)


def _asks(swapped: Contradiction) -> bool:
    """Asks on a terminal whether to train with labels that are probably swapped; without one, no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    question = f"{swapped}: are positive and negative swapped? Train with them as they are?"
    return typer.confirm(question, err=True)


def _accept(reason: str, named: Labels, ctx: typer.Context, *, json: bool) -> None:
    """Closes the open drifts and says which.

    Raises:
        UsageError: if none is open, the reason is empty, or an option was given that says how to judge.
    """
    others = {name: option for name, option in given_options(ctx).items() if name not in _BESIDE_ACCEPT}
    if others or named.reviews is not None:
        raise UsageError(
            "--accept judges nothing, so it goes only with --labels FOLDER, --json and --quiet.",
            received=", ".join(others.values()) or f"--labels {visible(str(named.reviews))}",
        )
    from bertsent.retraining import open_drift

    accepted = open_drift.accept(Workspace.current(), reason, named.folder)
    if json:
        print_json({"accepted": [_open_as_json(drift) for drift in accepted], "why": reason.strip()})
        return
    said = " and ".join(f"DRIFT of {drift.day} at {spoken(drift.look.version)}" for drift in accepted)
    typer.echo(visible(f"Accepted: {said}. Reason: {reason.strip()}"))


def _watch(look: Callable[[], ExitCode], pause: float) -> None:
    """Checks, waits and checks again. A failed check is reported and does not end the watch, unless it is
    the first and an option is wrong. A signal during the wait ends the watch; one during a check
    interrupts the check."""
    with noted_signals() as signal_came:
        for round_ in itertools.count():
            try:
                look()
            except BertsentError as error:
                if isinstance(error, Interrupted) or (isinstance(error, UsageError) and not round_):
                    raise
                note(f"Error: {error}")
            sys.stdout.flush()
            try:
                if not signal_came():
                    time.sleep(pause)
            except (Interrupted, KeyboardInterrupt):
                pass
            if signal_came():
                note("No longer watching.")
                return


def _show(outcome: Monitored, *, json: bool) -> None:
    from bertsent.reports.drift_page import log_line

    if json:
        print_json(_as_json(outcome))
        return
    typer.echo(log_line(outcome))
    if sys.stdout.isatty() and outcome.look is not None:
        print_table(outcome.look.report)


def _as_json(outcome: Monitored) -> dict[str, Any]:
    """The documented keys; without a look there are no measures."""
    unjudged: dict[str, Any] = {
        "verdict": "cannot_tell" if outcome.action == "collect" else None,
        "headline": None,
        **pick(outcome, "threshold", "new_rows"),
        "measures": {},
        "contradicted": None,
        "fired": [],
        "minimum_detectable_effect": {},
        "smallest_visible": {},
    }
    return {
        **(unjudged if outcome.look is None else outcome.look.report),
        "why": outcome.reason,
        **pick(outcome, "looks", "action", "version", "published", "needed", "continued"),
        "gain": outcome.gain,
        "open": _open_as_json(outcome.open) if outcome.open else None,
    }


def _open_as_json(drift: OpenDrift) -> dict[str, Any]:
    """The documented keys of a drift that is open, or was until it was accepted."""
    return {
        "date": drift.look.time,
        "state": drift.state,
        **pick(drift.look, "version", "look", "batch"),
        "headline": drift.look.report["headline"],
        **pick(drift, "answered_by", "remedy"),
    }


def print_table(report: Mapping[str, Any]) -> None:
    """Prints the reason of a report, its measures, and what is never judged."""
    from bertsent.reports.drift_page import MEASURES, minimum_detectable_effect
    from bertsent.reports.page import number, p_value

    typer.echo("\n" + textwrap.fill(visible(report["reason"]), _WIDTH) + "\n")
    rows = [
        (name, title, report["measures"][name]) for name, title, _ in MEASURES if name in report["measures"]
    ]
    width = max(len(title) for _, title, _ in rows)
    judged, least = ("texts", "detectable") if report.get("without_labels") else ("labels", "min. detectable")
    typer.echo(f"  {'':<{width}}  value   90 % interval  adjusted p  {judged:>6}  {least}")
    for name, title, row in rows:
        if row["value"] is None:
            typer.echo(f"  {title:<{width}}      -   not judged")
            continue
        ends = f"{number(row['low'], 3)} to {number(row['high'], 3)}"
        effect = number(minimum_detectable_effect(report).get(name), 3)
        over = "  over" if name in report["fired"] else ""
        typer.echo(
            f"  {title:<{width}}  {number(row['value'], 3)}  {ends:>14}  {p_value(row['adjusted']):>10}"
            f"  {row['n']:>6}  {effect:>{len(least)}}{over}"
        )
    if accuracy := report.get("estimated_accuracy"):
        new, held_out = (f"{accuracy[side]:.1%}" for side in ("new", "reference"))
        typer.echo(f"\n  Estimated accuracy: {new}, of held-out reviews {held_out}.")
    _print_diagnostics(report["diagnostics"])


def _print_diagnostics(diagnostics: Mapping[str, Any]) -> None:
    """Prints what is reported but never judged."""
    from bertsent.reports.page import p_value

    typer.echo("\n  medians      reference       new  KS p")
    for title, key, form in (("score", "scores", "{:.2f}"), ("word pieces", "length", "{:.0f}")):
        row = diagnostics[key]
        if row["median_new"] is not None:
            old, new = (form.format(row[which]) for which in ("median_old", "median_new"))
            typer.echo(f"  {title:<11}  {old:>9}  {new:>8}  {p_value(row['p_value'])}")
    for direction in ("more", "less"):
        moved = [word for word in diagnostics["words"] if word["direction"] == direction]
        words = [word.get("text", str(word["piece"])) for word in moved]
        if words:
            line = visible(f"{direction} often: {' '.join(words)}")
            typer.echo(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
