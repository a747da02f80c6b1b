"""`bertsent drift`: have the reviews changed since the model was trained? If so, retrain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import ExitCode, UsageError
from bertsent.base.interval import parse_interval
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.retraining import GateSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.cli import _drift_hooks as hooks
from bertsent.cli import _drift_output as output
from bertsent.cli import _options as options
from bertsent.cli._drift_watch import watch_drift
from bertsent.cli._labels import Labels, parse_labels
from bertsent.cli._render import ask, command_line, given_options, note, pick, print_json, progress
from bertsent.cli._signals import stop_on_signal
from bertsent.cli._source import reads_reviews
from bertsent.cli._versions import note_strays
from bertsent.data.given import GivenOptions

if TYPE_CHECKING:
    from bertsent.drift.monitored import Monitored
    from bertsent.retraining.monitor import DriftRun

DEFAULTS = DriftSettings()
GATE = GateSettings()
_READ = ReadSettings()
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
    wait: options.Ask = False,
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
            "that the scores estimate. Never retrains. --labels then names the folder of the drift history.",
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

    With --ask the new version waits for `bertsent models approve` or `bertsent models reject`, and the drift
    stays open until then.
    """
    if accept is not None:
        _accept(accept, parse_labels(labelled, ctx), ctx, json=json)
        return
    settings = replace(DEFAULTS, threshold=threshold)
    pause = None if watch is None else parse_interval(watch)
    said = output.Said() if watch else None
    named = parse_labels(labelled, ctx)
    if texts is not None:
        from bertsent.cli._drift_texts import check_options, judge_texts

        check_options(texts, named, ctx)
        asked: dict[str, Any] = {"settings": settings, "reading": reading, "label_folder": named.folder}
        shown: dict[str, Any] = {"report": report, "json": json, "quiet": quiet, "said": said}
        watch_drift(lambda: judge_texts(texts, ctx, model=model, **asked, **shown), pause)
        return
    gate = replace(GATE, margin=margin)
    reading = replace(reading, labels=named.label_map)
    given = GivenOptions(
        label_folder=named.folder, data=tuple(data or ()), reading=reading, margin=margin, ask=wait
    )

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
            ask=wait,
            gate=gate,
            given=given,
            asks=lambda swapped: yes or ask(f"{swapped.question} Train with them as they are?"),
            stopping=stop_on_signal,
        )
        told = hooks.Hooks(on_drift, on_published)
        return _look(run, told, ctx, report=report, json=json, quiet=quiet, said=said)

    watch_drift(look, pause)


def _look(
    run: DriftRun,
    told: hooks.Hooks,
    ctx: typer.Context,
    *,
    report: Path | None,
    json: bool,
    quiet: bool,
    said: output.Said | None,
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
    answer = _as_json(outcome)
    output.show(answer, drift_page.log_line(outcome), outcome.look, json=json, said=said)
    output.note_copies(outcome, quiet=quiet)
    if outcome.unrecorded:
        note(f"To train with these labels, record them: {outcome.record_command}")
    if report is not None:
        drift_page.write(outcome, report, command=command_line(ctx))
    told.tell_end(outcome, answer)
    return ExitCode.DRIFT if outcome.open else _EXIT.get(outcome.action, ExitCode.DRIFT)


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
        print_json({"accepted": [output.open_as_json(drift) for drift in accepted], "why": reason.strip()})
        return
    said = " and ".join(f"DRIFT {drift.name} at {spoken(drift.look.version)}" for drift in accepted)
    typer.echo(visible(f"Accepted: {said}. Reason: {reason.strip()}"))


def _as_json(outcome: Monitored) -> dict[str, Any]:
    """The documented keys; without a look there are no measures."""
    return {
        **(
            output.unjudged(outcome) | {"contradicted": None} if outcome.look is None else outcome.look.report
        ),
        "why": outcome.reason,
        **pick(outcome, "looks", "action", "version", "published", "needed", "continued"),
        "gain": outcome.gain,
        "candidate": outcome.candidate,
        "open": output.open_as_json(outcome.open) if outcome.open else None,
    }
