"""`bertsent check`: what is wrong with reviews, before they train or are labelled."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.errors import ExitCode
from bertsent.base.records.checking import Check, Example, Finding
from bertsent.base.settings import checking
from bertsent.base.settings.checking import CheckSettings
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import command_line, duration, pick, print_json, progress
from bertsent.cli._scorer import open_scorer
from bertsent.cli._source import open_source, reads_reviews

DEFAULTS, SCORE = CheckSettings(), ScoreSettings()
_WIDTH, _INDENT = 80, 13
_READABLE = 40  # characters of a text; with room for fewer it gets a line of its own
_MARKS = {"fatal": "FATAL", "warning": "warning", "note": "note", "ok": "ok"}


@reads_reviews()
def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Reviews: a data set with train and test, a folder with pos and neg, or tables (CSV, TSV, "
            "text lines, JSON, Parquet, xlsx; also compressed); - for stdin.",
        ),
    ],
    reading: ReadSettings,
    purpose: Annotated[
        checking.Purpose, typer.Option("--for", help="What they are for; train and evaluate need labels.")
    ] = DEFAULTS.purpose,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", help="How many rows to show of each finding.")
    ] = DEFAULTS.examples,
    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            metavar="N",
            help="Score N labelled rows, drawn at random, to find wrong labels. 0: score none.",
        ),
    ] = DEFAULTS.sample,
    every: Annotated[bool, typer.Option("--all", help="Score all labelled rows, not a sample.")] = False,
    num_files: options.NumFiles = None,
    report: options.Report = None,
    force: options.Force = False,
    model: options.Model = None,
    engine: options.Engine = SCORE.engine,
    workers: options.Workers = SCORE.workers,
    seed: options.Seed = DEFAULTS.seed,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find what is wrong with reviews before you train or label.

    Looks for labels that are missing, rare, contradictory or likely wrong, for copies, for texts that are
    empty, short, too long or not English, and for damaged characters. Exit code 7: they cannot be used.
    """
    from bertsent.reports.page import check_target

    settings = replace(DEFAULTS, purpose=purpose, examples=examples, sample=sample, seed=seed)
    if report is not None:
        check_target(report, force=force)
    scorer = version = None
    if every or sample:
        scorer = open_scorer(model, replace(SCORE, engine=engine, workers=workers))
        from bertsent.versions import store

        version = store.find(model, folder=Workspace.current().model)
    from bertsent.labelling.checking import run as core

    with progress(quiet=quiet) as bar, open_source(paths, reading) as source:
        checked = core.check(
            source,
            version=version,
            scorer=scorer,
            labels=Workspace.current().labels,
            num_files=num_files,
            every=every,
            progress=bar,
            settings=settings,
        )
    if json:
        print_json(_as_json(checked))
    else:
        _print(checked)
    if report is not None:
        from bertsent.reports import check_page

        check_page.write(checked, report, command=command_line(ctx))
        if not json:
            typer.echo(f"\nReport: {visible(str(report))}")
    if not checked.usable:
        raise typer.Exit(ExitCode.DATA)


def _as_json(checked: Check) -> dict[str, Any]:
    judged = checked.wrong_labels
    return {
        **pick(checked, "source", "usable", "rows", "empty", "labels", "parts", "reading", "version"),
        "findings": [_finding(finding) for finding in checked.findings],
        "wrong_labels": judged
        and {
            **pick(judged, "judge", "judged", "left_out", "agreement", "likely", "share"),
            "rows": [_example(example) for example in judged.examples],
        },
        "seconds": checked.seconds,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    shown = [_example(example) for example in finding.examples]
    return pick(finding, "check", "section", "severity", "count", "fact", "remedy", "command") | {
        "rows": shown
    }


def _example(example: Example) -> dict[str, Any]:
    from bertsent.base.settings.reading import LABEL_NAMES

    label = None if example.label is None else LABEL_NAMES[example.label]
    return pick(example, "path", "text", "detail") | {"label": label, "score": example.score}


def _print(checked: Check) -> None:
    for line in checked.reading:
        typer.echo(visible(line))
    from bertsent.reports.check_page import TITLES, summary

    section = ""
    for finding in checked.findings:
        if finding.section != section:
            gap = "\n" if section or checked.reading else ""
            section = finding.section
            typer.echo(f"{gap}{TITLES[section]}")
        _print_finding(finding)
    typer.echo(f"\n{summary(checked)}. ({duration(checked.seconds)})")


def _print_finding(finding: Finding) -> None:
    typer.echo(_wrapped(f"  {_MARKS[finding.severity]:<8} ", finding.fact))
    if finding.severity == "ok":
        return
    for example in finding.examples:
        for line in _lines(example):
            typer.echo(line)
    if finding.remedy:
        typer.echo(_wrapped(f"{'':11}-> ", finding.remedy + (":" if finding.command else "")))
    if finding.command:
        typer.echo(f"{'':14}{visible(finding.command)}")


def _wrapped(head: str, text: str) -> str:
    """A text in lines that fit the width, indented below its head. A command stays whole."""
    return textwrap.fill(
        visible(text),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _lines(example: Example) -> Iterator[str]:
    """Where a row is, what is wrong with it, and the beginning of its text: on one line, or on two."""
    from bertsent.labelling.checking.findings import example_label

    where = ": ".join(visible(part) for part in (example.path, example_label(example)) if part)
    text = " ".join(visible(example.text, newlines=True).split())
    width = max(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH) - _INDENT
    if where and len(where) + 2 + min(len(text), _READABLE) <= width:
        where, text = "", f"{where}  {text}".rstrip()
    for line in filter(None, (where, text)):
        shown = line if line == where or len(line) <= width else line[: width - 3] + "..."
        yield f"{'':{_INDENT}}{shown}"
