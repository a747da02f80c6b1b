"""`bertsent batch`: score all rows of files and folders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.records.core import Prediction, Review
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.records.reading import MISSING, Survey
from bertsent.base.settings.grouping import GroupSettings
from bertsent.base.settings.reading import LABEL_NAMES, OutputFormat, ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.base.version_names import spoken
from bertsent.cli import _options as options
from bertsent.cli._groups import group_lines, sentence_line, wanted
from bertsent.cli._render import command_line, duration, pick, prediction_line, print_json, progress
from bertsent.cli._scorer import open_scorer
from bertsent.cli._source import open_source, reads_reviews
from bertsent.cli._tables import confusion_lines
from bertsent.cli._watch import check_watch, run_watch

if TYPE_CHECKING:
    from bertsent.data.writers.output import Output

SCORE, DRAW, GROUP = ScoreSettings(), TrainSettings(), GroupSettings()


@reads_reviews()
def batch(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Folders with pos and neg, or of .txt files; CSV, JSONL, Parquet and other tables; - is "
            "stdin.",
        ),
    ],
    reading: ReadSettings,
    num_files: options.NumFiles = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write all rows, with their columns and ours, to .csv .tsv .jsonl .json .parquet .xlsx .db, "
            "those of text also compressed (.csv.gz); - is stdout.",
        ),
    ] = None,
    output_format: Annotated[
        OutputFormat | None,
        typer.Option("--output-format", help="The format of the output. [default: by its suffix; - is csv]"),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Write score and label only, a row for each row of the input.")
    ] = False,
    raw_csv: Annotated[
        bool, typer.Option("--raw-csv", help="Put no ' before CSV texts that a spreadsheet would execute.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="[UNIT:]COLUMN",
            help="Also count the scores by the values of a column; by dates as day:, week:, month:, quarter: "
            "or year:COLUMN. May be repeated.",
        ),
    ] = None,
    day_first: Annotated[
        bool, typer.Option("--day-first", help="Read 03/04/2021 as 3 April. [default: as the column tells]")
    ] = GROUP.day_first,
    groups_output: Annotated[
        Path | None,
        typer.Option(
            "--groups-output", metavar="FILE", help="Write all groups of --by, in a format of --output."
        ),
    ] = None,
    report: options.Report = None,
    sentences: Annotated[
        bool,
        typer.Option(
            "--sentences", help="Also score each sentence, and show the worst. Takes twice the time."
        ),
    ] = False,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch",
            metavar="TIME",
            help="Look into the folder PATH every TIME (30s, 1m, 1h), and score what arrives into the folder "
            "--output.",
        ),
    ] = None,
    monitor: Annotated[
        bool,
        typer.Option(
            "--monitor",
            help="Then judge the scored reviews for drift, as `bertsent drift --texts` does: a line on "
            "stderr, and exit code 3 while a drift is open.",
        ),
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

    --json prints one object per row (none with --output), then one with the key summary.
    """
    if only and sentences:
        raise UsageError("--only leaves out what --sentences adds.", hint="give one of them")
    if monitor:
        from bertsent.cli._monitor import BatchMonitor, check_monitor

        check_monitor(paths, engine, watch)
    asked = wanted(by, day_first=day_first, groups_output=groups_output, report=report, force=force)
    refused = {"--by": by, "--report": report, "--num-files": num_files}
    watched = None if watch is None else check_watch(paths, output, watch, refused)
    target = _output(output, output_format, only=only) if watched is None else None
    settings = replace(SCORE, engine=engine, threshold=threshold, workers=workers)
    scorer = open_scorer(model, settings, ctx=ctx)
    same: dict[str, Any] = {"scorer": scorer, "seed": seed, "only": only, "raw_csv": raw_csv}
    same["sentences"] = sentences
    if watched is not None:
        shown: dict[str, Any] = {"json": json, "quiet": quiet, "as_json": _as_json}
        run_watch(watched, reading=reading, format=output_format, force=force, **shown, **same)
        return
    from bertsent.scoring import batch as core

    # Rows on a terminal show the progress, and a bar would break their lines.
    streams = target is not None and target.stream is not None
    shows_rows = (target is None or streams) and sys.stdout.isatty()
    rows = _JsonRows()
    with open_source(paths, reading) as source, progress(quiet=quiet or shows_rows) as bar:
        judging = BatchMonitor(scorer, source, model, bar) if monitor else None
        each = _print_nothing if target else rows.print if json else _print
        summary = core.run(
            source,
            num_files=num_files,
            output=target,
            force=force,
            cells=json and target is None,
            by=asked.by,
            grouping=asked.grouping,
            surveyed=rows.name,
            each=judging.beside(each) if judging else each,
            progress=bar,
            **same,
        )
        judged = judging.judge() if judging else {}
    groups = group_lines(summary, asked, source=str(source), command=command_line(ctx), raw_csv=raw_csv)
    if json:
        print_json({"summary": _as_json(summary) | judged}, err=streams)
    else:
        for line in (*_summary_lines(summary, listed=target is None), *groups):
            typer.echo(line, err=streams)
    if judging:
        judging.end(silent=json and streams)


def _output(path: Path | None, wanted: OutputFormat | None, *, only: bool) -> Output | None:
    """Where the rows go.

    Raises:
        UsageError: if an option for an output is given and no output.
    """
    if path is None:
        if only or wanted:
            option = "--only" if only else "--output-format"
            raise UsageError(
                f"{option} is about the output.", received="no --output", hint="-o - writes to stdout"
            )
        return None
    from bertsent.data.writers.output import STDOUT, Output

    return Output.to(path, format=wanted, stream=sys.stdout.buffer if path == STDOUT else None)


def _print_nothing(review: Review, prediction: Prediction | None) -> None:
    """The rows go into the output."""


class _JsonRows:
    """Prints rows as JSON, those of a table with their cells."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def name(self, survey: Survey) -> None:
        """Takes the names of the columns, unless there is no other than the text."""
        names = [column.name for column in survey.columns]
        self._names = names if names != ["text"] else []

    def print(self, review: Review, prediction: Prediction | None) -> None:
        from bertsent.data.writers.cells import json_value

        gold = None if review.label is None else LABEL_NAMES[review.label]
        keys = _EMPTY | {"text": review.text} if prediction is None else prediction.as_json()
        row = keys | {"path": review.path, "gold": gold}
        if self._names and review.cells is not None:
            cells = zip(self._names, review.cells, strict=True)
            row["row"] = {name: json_value(value) for name, value in cells if value is not MISSING}
        print_json(row)


_GUARDED = "like a formula, with a ' put before (--raw-csv: as they are)"
_FOREIGN = "not English, the language that the model reads: its scores there mean little"
_EMPTY = dict.fromkeys(("text", "score", "label", "tokens", "truncated", "version"))


def _print(review: Review, prediction: Prediction | None) -> None:
    if prediction is None:
        typer.echo(f"  {'-':<8}  {'-':<6}  (nothing to read)")
        return
    wrong = prediction.gold is not None and LABEL_NAMES[prediction.gold] != prediction.label
    mark = "?" if wrong and prediction.label == "unsure" else "x" if wrong else " "
    typer.echo(f"{mark} {prediction_line(prediction, reserved=2)}")
    if line := sentence_line(prediction):
        typer.echo(line)


def _as_json(summary: BatchSummary) -> dict[str, Any]:
    counts = pick(summary, "version", "reviews", "empty", "labelled", "positive", "unsure", "truncated")
    speed = pick(summary, "seconds", "reviews_per_second", "output")
    rows = pick(summary, "rows", "bad_rows", "unlabelled", "not_english", "renamed")
    changed = {"guarded_cells": summary.guarded, "cut_cells": summary.cut}
    accuracy = pick(summary.confusion, "accuracy") | {"confusion": summary.confusion}
    groups = {}
    if summary.overview is not None and summary.overview.groupings:
        groups = {"groups": [grouping.as_json() for grouping in summary.overview.groupings]}
    return counts | accuracy | speed | rows | changed | groups


def _summary_lines(summary: BatchSummary, *, listed: bool) -> list[str]:
    """The counts in words; `listed`: below the rows, which carry marks."""
    counts = summary.confusion
    unsure = f", {summary.unsure} unsure" if summary.unsure else ""
    negative = summary.reviews - summary.positive - summary.unsure
    lines = [""] if listed else []
    lines.append(
        f"{summary.reviews} reviews in {duration(summary.seconds)} "
        f"({summary.reviews_per_second:.0f} a second), "
        f"{spoken(summary.version)}: {summary.positive} positive, {negative} negative{unsure}"
    )
    for count, one, many in (
        (summary.truncated, "was longer than the model's window", "were longer than the model's window"),
        (summary.empty, "had nothing to read and has no score", "had nothing to read and have no score"),
        (summary.not_english, f"looks {_FOREIGN}", f"look {_FOREIGN}"),
        (summary.bad_rows, "bad row was left out", "bad rows were left out"),
        (summary.guarded, f"cell begins {_GUARDED}", f"cells begin {_GUARDED}"),
        (summary.cut, "cell was cut to 32,767 characters", "cells were cut to 32,767 characters"),
    ):
        lines += [f"{count} {one if count == 1 else many}"] if count else []
    if summary.labelled:
        marks = " (x: wrong, ?: unsure)" if listed else ""
        lines.append(f"accuracy {counts.accuracy:.4f} on {summary.labelled} labelled reviews{marks}")
        lines += confusion_lines(counts)
    if summary.output and summary.output != "-":
        lines.append(f"Predictions: {visible(summary.output)}")
    return lines
