"""`bertsent batch --watch`: what it says of the files that arrive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.settings.reading import OutputFormat, ReadSettings
from bertsent.cli._render import note, print_json, progress

if TYPE_CHECKING:
    from bertsent.data.writers.output import Output
    from bertsent.scoring.watch import Scored

_NAMED = 3  # files of one output that a line names


class Watched(NamedTuple):
    """What a watch looks at."""

    inbox: Path
    folder: Path  # for the outputs
    every: str  # as the user wrote it
    interval: float  # seconds


def check_watch(
    paths: Sequence[Path], folder: Path | None, every: str, options: Mapping[str, object]
) -> Watched:
    """What to watch, checked before the model is opened.

    Args:
        options: Name of an option that a watch cannot have -> its value.

    Raises:
        UsageError: if there is more than one path, no folder for the outputs, or such an option, or `every`
            is no time.
        DataError: if there is no folder to watch.
    """
    from bertsent.scoring.watch import check_folders, parse_interval

    for option, value in options.items():
        if value:
            raise UsageError(
                f"{option} needs all reviews, and --watch scores files as they come.",
                hint="run bertsent batch on the outputs, without --watch",
            )
    if len(paths) != 1 or str(paths[0]) == "-":
        raise UsageError("--watch watches one folder.", received=visible(", ".join(map(str, paths)))[:60])
    if folder is None or str(folder) == "-":
        raise UsageError("--watch writes into a folder.", received="no folder", hint="--output scored/")
    check_folders(paths[0], folder)
    return Watched(paths[0], folder, every, parse_interval(every))


def run_watch(
    watched: Watched,
    *,
    reading: ReadSettings,
    format: OutputFormat | None,
    force: bool,
    json: bool,
    quiet: bool,
    as_json: Callable[[BatchSummary], dict[str, Any]],
    **options: Any,
) -> None:
    """Watches until a signal ends the process; a line for each output on stdout, errors on stderr.

    Args:
        options: Of `batch.run`, the same for all files.
    """
    from bertsent.data.source import Source
    from bertsent.scoring import batch
    from bertsent.scoring.watch import watch

    def score(files: Sequence[Path], output: Output, each_a_review: bool) -> BatchSummary:
        source = Source(tuple(files), reading, each_a_review=each_a_review)
        with progress(quiet=True) as bar:  # which shows notes; bars of small files would only flicker
            return batch.run(source, output=output, force=True, progress=bar, **options)

    def show(scored: Scored) -> None:
        if scored.error is not None:
            note(f"Error: {_names(scored)}: {scored.error}")
        elif scored.summary is not None:
            if json:
                print_json({"summary": as_json(scored.summary) | {"files": scored.names}})
            else:
                typer.echo(_line(scored, scored.summary))
            sys.stdout.flush()

    if not quiet:
        note(f"Watching {visible(str(watched.inbox))} every {visible(watched.every)}; Ctrl-C ends.")
    watch(
        watched.inbox,
        watched.folder,
        score=score,
        reading=reading,
        interval=watched.interval,
        format=format,
        force=force,
        each=show,
        tell=note,
    )


def _line(scored: Scored, summary: BatchSummary) -> str:
    negative = summary.reviews - summary.positive - summary.unsure
    unsure = f", {summary.unsure} unsure" if summary.unsure else ""
    empty = f", {summary.empty} without text" if summary.empty else ""
    return (
        f"{_names(scored)}: {summary.reviews} reviews, {summary.positive} positive, {negative} negative"
        f"{unsure}{empty} -> {visible(summary.output)}"
    )


def _names(scored: Scored) -> str:
    more = len(scored.names) - _NAMED
    return visible(", ".join(scored.names[:_NAMED])) + (f" and {more} more" if more > 0 else "")
