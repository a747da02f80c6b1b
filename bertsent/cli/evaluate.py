"""`bertsent evaluate`: how good a version is on labelled reviews."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from bertsent.base.display import visible
from bertsent.base.records.metrics import Evaluation, LengthBand
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.scoring import Engine, ScoreSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.cli._app import app
from bertsent.cli._options import (
    EngineOption,
    ForceOption,
    JsonOption,
    ModelOption,
    QuietOption,
    SeedOption,
    ThresholdOption,
    WorkersOption,
)
from bertsent.cli._render import command_line, duration, prediction_line, print_json, progress
from bertsent.cli._scorer import open_scorer

DEFAULTS, SCORE, DRAW = EvaluateSettings(), ScoreSettings(), TrainSettings()
_BAR = 24  # columns of a bar that stands for 100 %


@app.command()
def evaluate(
    ctx: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A folder with pos and neg, or a CSV, JSONL or Parquet file with columns text and label.",
        ),
    ],
    num_files: Annotated[
        int | None,
        typer.Option(
            "--num-files",
            metavar="N",
            help="Draw N files from each of pos and neg at random. [default: all]",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write a page (.html) with ROC curve, calibration, scores, and the errors to read.",
        ),
    ] = None,
    errors: Annotated[
        int, typer.Option("--errors", metavar="N", help="How many of the most confidently wrong to show.")
    ] = DEFAULTS.errors,
    force: ForceOption = False,
    model: ModelOption = None,
    engine: EngineOption = SCORE.engine,
    threshold: ThresholdOption = SCORE.threshold,
    workers: WorkersOption = SCORE.workers,
    seed: SeedOption = DRAW.seed,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how good the answers on labelled reviews are.

    Accuracy, precision, recall, F1, ROC AUC, log loss and calibration error with 95 % intervals, accuracy by
    length, and the reviews that are most confidently wrong.
    """
    from bertsent.reports import evaluation_page
    from bertsent.reports.page import check_target
    from bertsent.scoring import evaluate as core

    if report is not None:
        check_target(report, force=force)
    settings = replace(SCORE, engine=cast(Engine, engine), threshold=threshold, workers=workers)
    with progress(quiet=quiet) as shown:
        evaluation = core.evaluate(
            path,
            scorer=open_scorer(model, settings),
            num_files=num_files,
            seed=seed,
            errors=errors,
            curve=report is not None,
            progress=shown,
        )
    if json:
        print_json(_as_json(evaluation))
    else:
        _print(evaluation)
    if report is not None:
        evaluation_page.write(evaluation, report, source=path, command=command_line(ctx))
        if not json:
            typer.echo(f"\nReport: {visible(str(report))}")


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    metrics = evaluation.metrics
    return {
        "n": evaluation.n,
        "version": evaluation.version,
        "threshold": evaluation.threshold,
        **{
            name: {"value": value, "low": metrics.intervals[name][0], "high": metrics.intervals[name][1]}
            for name, value in metrics.values.items()
        },
        "confusion": metrics.confusion.as_json(),
        "by_length": [
            {
                "from": band.first,
                "to": band.last,
                "n": band.n,
                "accuracy": band.accuracy,
                "low": band.interval[0],
                "high": band.interval[1],
            }
            for band in evaluation.by_length
        ],
        "unsure": {
            "n": evaluation.unsure,
            "share": evaluation.unsure / evaluation.n,
            "accuracy_of_the_others": evaluation.accuracy_of_the_others,
        },
        "truncated": evaluation.truncated,
        "empty": evaluation.empty,
        "unlabelled": evaluation.unlabelled,
        "wrong": [
            {"path": each.path, "gold": LABEL_NAMES[each.gold or 0], "score": each.score, "text": each.text}
            for each in evaluation.wrong
        ],
        "reviews_per_second": evaluation.reviews_per_second,
        "seconds": evaluation.seconds,
    }


def _print(evaluation: Evaluation) -> None:
    from bertsent.reports.evaluation_page import summary

    typer.echo(summary(evaluation))
    typer.echo(
        f"version {evaluation.version}, threshold {evaluation.threshold:g}, {duration(evaluation.seconds)} "
        f"({evaluation.reviews_per_second:.0f} a second)"
    )
    if evaluation.unsure:
        others = _figure(evaluation.accuracy_of_the_others)
        typer.echo(f"unsure {evaluation.unsure}; accuracy of the others {others}")
    if evaluation.truncated:
        typer.echo(f"{evaluation.truncated} were longer than the model's window")
    if evaluation.empty:
        typer.echo(f"{evaluation.empty} had nothing to read and were left out")
    if evaluation.unlabelled:
        typer.echo(f"{evaluation.unlabelled} had no label and were left out")
    _print_figures(evaluation)
    _print_lengths(evaluation)
    _print_wrong(evaluation)


def _print_figures(evaluation: Evaluation) -> None:
    from bertsent.reports.evaluation_page import METRICS

    metrics, counts = evaluation.metrics, evaluation.metrics.confusion
    typer.echo("\n              value     95 % interval")
    for name, title, _ in METRICS:
        value, (low, high) = metrics.values[name], metrics.intervals[name]
        interval = "-" if math.isnan(low) else f"{low:.4f} to {high:.4f}"
        typer.echo(f"  {title:<9}  {_figure(value):>6}  {interval:>16}")
    typer.echo("\n                 called negative  called positive")
    typer.echo(f"  gold negative  {counts.true_negative:>15}  {counts.false_positive:>15}")
    typer.echo(f"  gold positive  {counts.false_negative:>15}  {counts.true_positive:>15}")


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
    typer.echo(f"\nThe most confidently wrong, {len(evaluation.wrong)} of {wrong}:")
    for prediction in evaluation.wrong:
        typer.echo(f"x {prediction_line(prediction, reserved=2)}")


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _range(band: LengthBand) -> str:
    return f"{band.first} or more" if band.last is None else f"{band.first} to {band.last}"


def _bar(share: float) -> str:
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#" * round(_BAR * share)
    return "█" * round(_BAR * share)
