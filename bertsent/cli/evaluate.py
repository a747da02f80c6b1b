"""`bertsent evaluate`: how good a version is on labelled reviews."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.records.metrics import ChosenThreshold, Evaluation, LengthBand
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.goals import Goal, parse_goal
from bertsent.base.settings.reading import LABEL_NAMES, ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.base.version_names import spoken
from bertsent.cli import _options as options
from bertsent.cli._render import command_line, duration, pick, prediction_line, print_json, progress, writable
from bertsent.cli._scorer import open_scorer
from bertsent.cli._source import open_source, reads_reviews
from bertsent.cli._tables import confusion_lines, metric, reading_lines
from bertsent.cli._threshold import keep_threshold, threshold_json, threshold_lines

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer

DEFAULTS, SCORE, DRAW = EvaluateSettings(), ScoreSettings(), TrainSettings()
_BAR = 24  # columns of a bar that stands for 100 %


@reads_reviews()
def evaluate(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Labelled reviews: a folder with pos and neg, or tables (CSV, TSV, text lines, JSON, "
            "Parquet, xlsx; also compressed); - for stdin.",
        ),
    ],
    reading: ReadSettings,
    num_files: options.NumFiles = None,
    report: options.Report = None,
    errors: Annotated[
        int, typer.Option("--errors", metavar="N", help="How many confidently wrong predictions to show.")
    ] = DEFAULTS.errors,
    force: options.Force = False,
    model: options.Model = None,
    engine: options.Engine = SCORE.engine,
    threshold: options.Threshold = SCORE.threshold,
    choose_threshold: Annotated[
        str | None,
        typer.Option(
            "--choose-threshold",
            metavar="GOAL",
            help="Also find the threshold for precision=0.95, recall=0.9, f1, macro-f1, mcc or cost=5:1 (a "
            "false positive costs 5, a false negative 1).",
        ),
    ] = None,
    save: Annotated[
        bool,
        typer.Option("--save", help="Keep that threshold in bertsent.toml, for predict, batch and evaluate."),
    ] = False,
    workers: options.Workers = SCORE.workers,
    seed: options.Seed = DRAW.seed,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how good the predictions on labelled reviews are.

    Prints accuracy, precision, recall, F1, macro F1, MCC, ROC AUC, log loss and calibration error with 95 %
    intervals, accuracy by length, and the most confidently wrong predictions.
    """
    from bertsent.reports import evaluation_page
    from bertsent.reports.page import check_target

    if report is not None:
        check_target(report, force=force)
    goal = _goal(choose_threshold, save=save)
    settings = replace(SCORE, engine=engine, threshold=threshold, workers=workers)
    scorer = open_scorer(model, settings, ctx=ctx)
    from bertsent.scoring import evaluate as core

    with progress(quiet=quiet) as bar, open_source(paths, reading) as source:
        evaluation = core.evaluate(
            source,
            scorer=scorer,
            num_files=num_files,
            seed=seed,
            errors=errors,
            curve=report is not None,
            goal=goal,
            progress=bar,
        )
    if json:
        print_json(_as_json(evaluation))
    else:
        _print(evaluation)
    if report is not None:
        evaluation_page.write(evaluation, report, source=str(source), command=command_line(ctx))
        if not json:
            typer.echo(f"\nReport: {visible(str(report))}")
    if evaluation.chosen is not None:
        _finish(evaluation.chosen, scorer, save=save, json=json)


def _goal(text: str | None, *, save: bool) -> Goal | None:
    """The goal of --choose-threshold.

    Raises:
        UsageError: if it is none, or there is nothing to save.
    """
    if text is not None:
        return parse_goal(text)
    if save:
        raise UsageError(
            "--save keeps the threshold that --choose-threshold finds.",
            received="no --choose-threshold",
            hint="add, for example, --choose-threshold precision=0.95",
        )
    return None


def _finish(chosen: ChosenThreshold, scorer: Scorer, *, save: bool, json: bool) -> None:
    """Ends the run with an error if the goal was not met; else saves the threshold, if asked.

    The evaluation is on stdout by then.
    """
    from bertsent.scoring.choose_threshold import require_met

    require_met(chosen)
    if save:
        typer.echo(("" if json else "\n") + keep_threshold(chosen, scorer), err=json)
    elif not json:
        typer.echo(
            f"\nUse it with --threshold {chosen.threshold}, or keep it for this workspace with --save."
        )


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    metrics = evaluation.metrics
    return {
        **pick(evaluation, "n", "version", "threshold"),
        **{
            name: {"value": value, **_ends(metrics.intervals[name])} for name, value in metrics.values.items()
        },
        "confusion": metrics.confusion,
        "by_length": [
            {"from": band.first, "to": band.last, **pick(band, "n", "accuracy"), **_ends(band.interval)}
            for band in evaluation.by_length
        ],
        "unsure": {
            "n": evaluation.unsure,
            "share": evaluation.unsure / evaluation.n,
            "accuracy_of_the_others": evaluation.accuracy_of_the_others,
        },
        **pick(evaluation, "truncated", "empty", "unlabelled"),
        "wrong": [
            {"path": row.path, "gold": LABEL_NAMES[row.gold or 0], "score": row.score, "text": row.text}
            for row in evaluation.wrong
        ],
        **pick(evaluation, "reviews_per_second", "seconds"),
        **({"chosen_threshold": threshold_json(evaluation.chosen)} if evaluation.chosen else {}),
    }


def _ends(interval: tuple[float, float]) -> dict[str, float]:
    return dict(zip(("low", "high"), interval, strict=True))


def _print(evaluation: Evaluation) -> None:
    from bertsent.reports.evaluation_page import summary

    typer.echo(summary(evaluation))
    typer.echo(
        f"{spoken(evaluation.version)}, threshold {evaluation.threshold}, {duration(evaluation.seconds)} "
        f"({evaluation.reviews_per_second:.0f} a second)"
    )
    if evaluation.unsure:
        others = metric(evaluation.accuracy_of_the_others)
        typer.echo(f"unsure {evaluation.unsure}; accuracy of the others {others}")
    for line in reading_lines(truncated=evaluation.truncated, empty=evaluation.empty):
        typer.echo(line)
    if evaluation.unlabelled:
        typer.echo(f"{evaluation.unlabelled} had no label and were left out")
    _print_metrics(evaluation)
    if evaluation.chosen is not None:
        typer.echo("\n" + "\n".join(threshold_lines(evaluation.chosen)))
    _print_lengths(evaluation)
    _print_wrong(evaluation)


def _print_metrics(evaluation: Evaluation) -> None:
    from bertsent.reports.evaluation_page import METRICS

    metrics = evaluation.metrics
    typer.echo("\n              value     95 % interval")
    for name, title, _ in METRICS:
        value, (low, high) = metrics.values[name], metrics.intervals[name]
        interval = "-" if math.isnan(low) else f"{low:.4f} to {high:.4f}"
        typer.echo(f"  {title:<9}  {metric(value):>6}  {interval:>16}")
    typer.echo("\n".join(["", *confusion_lines(metrics.confusion)]))


def _print_lengths(evaluation: Evaluation) -> None:
    typer.echo("\n  word pieces  reviews  accuracy     95 % interval")
    for band in evaluation.by_length:
        low, high = band.interval
        typer.echo(
            f"  {_range(band):>11}  {band.n:>7}  {band.accuracy:>8.4f}  {low:.4f} to {high:.4f}  "
            f"{_bar(band.accuracy)}".rstrip()
        )


def _print_wrong(evaluation: Evaluation) -> None:
    if not evaluation.wrong:
        return
    counts = evaluation.metrics.confusion
    wrong = counts.false_positive + counts.false_negative
    typer.echo(f"\nThe most confidently wrong predictions, {len(evaluation.wrong)} of {wrong}:")
    for prediction in evaluation.wrong:
        typer.echo(f"x {prediction_line(prediction, reserved=2)}")


def _range(band: LengthBand) -> str:
    return f"{band.first} or more" if band.last is None else f"{band.first} to {band.last}"


def _bar(share: float) -> str:
    return writable("█", "#") * round(_BAR * share)
