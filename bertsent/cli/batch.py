"""`bertsent batch`: score a folder or a table."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.records.core import Prediction
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.cli import _options as options
from bertsent.cli._render import duration, pick, prediction_line, print_json, progress
from bertsent.cli._scorer import open_scorer
from bertsent.cli._tables import confusion_lines, reading_lines

SCORE, DRAW = ScoreSettings(), TrainSettings()


def batch(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A folder with pos and neg, or of .txt files; a CSV, JSONL or Parquet file."
        ),
    ],
    num_files: options.NumFiles = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write predictions to .csv, .jsonl or .parquet instead of stdout.",
        ),
    ] = None,
    raw_csv: Annotated[
        bool, typer.Option("--raw-csv", help="Put no ' before CSV texts that a spreadsheet would execute.")
    ] = False,
    force: options.Force = False,
    model: options.Model = None,
    engine: options.Engine = SCORE.engine,
    threshold: options.Threshold = SCORE.threshold,
    workers: options.Workers = SCORE.workers,
    seed: options.Seed = DRAW.seed,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score all reviews of a folder or table, and summarise them.

    --json prints one object per review (none with --output), then one with the key summary.
    """
    scorer = open_scorer(model, replace(SCORE, engine=engine, threshold=threshold, workers=workers))
    from bertsent.scoring import batch as core

    # Rows on a terminal show the progress, and a bar would break their lines.
    shows_rows = output is None and sys.stdout.isatty()
    with progress(quiet=quiet or shows_rows) as bar:
        summary = core.run(
            path,
            scorer=scorer,
            num_files=num_files,
            seed=seed,
            output=output,
            raw_csv=raw_csv,
            force=force,
            each=(lambda prediction: None) if output else _print_json if json else _print,
            progress=bar,
        )
    if json:
        print_json({"summary": _as_json(summary)})
    else:
        _print_summary(summary)


def _print_json(prediction: Prediction) -> None:
    gold = None if prediction.gold is None else LABEL_NAMES[prediction.gold]
    print_json(prediction.as_json() | {"path": prediction.path, "gold": gold})


def _print(prediction: Prediction) -> None:
    wrong = prediction.gold is not None and LABEL_NAMES[prediction.gold] != prediction.label
    mark = "?" if wrong and prediction.label == "unsure" else "x" if wrong else " "
    typer.echo(f"{mark} {prediction_line(prediction, reserved=2)}")


def _as_json(summary: BatchSummary) -> dict[str, Any]:
    counts = pick(summary, "version", "reviews", "empty", "labelled", "positive", "unsure", "truncated")
    speed = pick(summary, "seconds", "reviews_per_second", "output")
    return counts | pick(summary.confusion, "accuracy") | {"confusion": summary.confusion} | speed


def _print_summary(summary: BatchSummary) -> None:
    counts = summary.confusion
    typer.echo()
    typer.echo(
        f"{summary.reviews} reviews in {duration(summary.seconds)} "
        f"({summary.reviews_per_second:.0f} a second), version {summary.version}: "
        f"{summary.positive} positive, "
        f"{summary.reviews - summary.positive - summary.unsure} negative"
        + (f", {summary.unsure} unsure" if summary.unsure else "")
    )
    for line in reading_lines(truncated=summary.truncated, empty=summary.empty):
        typer.echo(line)
    if summary.labelled:
        typer.echo(
            f"accuracy {counts.accuracy:.4f} on {summary.labelled} labelled reviews (x: wrong, ?: unsure)"
        )
        typer.echo("\n".join(confusion_lines(counts)))
    if summary.output:
        typer.echo(f"Predictions: {visible(summary.output)}")
