"""`bertsent predict`: score texts from the command line, a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Prediction
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import note, prediction_line, print_json
from bertsent.cli._scorer import open_scorer

if TYPE_CHECKING:
    from bertsent.labelling.decisions import Answer

DEFAULTS = ScoreSettings()


def predict(
    ctx: typer.Context,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts to score; - reads one per line from stdin."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="Score this whole file as one text; may be repeated."),
    ] = None,
    model: options.Model = None,
    engine: options.Engine = DEFAULTS.engine,
    threshold: options.Threshold = DEFAULTS.threshold,
    sentiment: Annotated[
        str | None,
        typer.Option(
            "--sentiment",
            metavar="0|1|negative|positive",
            help="Save the texts in labels/ with this label and their scores, as bertsent label does.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Score texts: how likely each is positive, and its label.

    Needs no TensorFlow. With - it scores each line of stdin as it comes.
    """
    record = None if sentiment is None else _recorder(_label(sentiment))
    # One text at a time: a line of a pipe is scored before the next one is read.
    settings = replace(DEFAULTS, engine=engine, threshold=threshold, chunk=1)
    if not texts and not file:
        if sys.stdin.isatty():
            raise UsageError("Name a text to score.", hint='bertsent predict "great film"')
        texts = ["-"]
    scorer = open_scorer(model, settings, ctx=ctx)
    for number, prediction in enumerate(scorer.predict(_texts(texts or [], file or [])), start=1):
        _show(number, prediction, window=scorer.window, json=json)
        if record is not None:
            record(prediction)


def _label(sentiment: str) -> Answer:
    """The label that `--sentiment` names.

    Raises:
        UsageError: if it is not the name of a label.
    """
    from bertsent.data.labels import parse_label

    try:
        label = parse_label(sentiment, where="--sentiment")
    except DataError as error:
        raise UsageError(error.message, received=error.received) from error
    if label is None:
        raise UsageError("--sentiment needs a label.", received="nothing", hint="--sentiment positive")
    return "positive" if label else "negative"


def _recorder(label: Answer) -> Callable[[Prediction], None]:
    """Returns a function that writes predictions with their label to the log, which it reads once."""
    from bertsent.labelling.decisions import decide
    from bertsent.labelling.log import LabelLog

    log = LabelLog(Workspace.current().labels)

    def record(prediction: Prediction) -> None:
        log.append(decide(prediction.text, label, score=prediction.score, version=prediction.version))
        note(f"Recorded as {label}.")

    return record


def _texts(texts: list[str], files: list[Path]) -> Iterator[str]:
    """The texts of the arguments, where - stands for the lines of stdin, then those of the files."""
    from bertsent.base.text import read_utf8, unescape

    for text in texts:
        if text == "-":
            from bertsent.cli._stdin import stdin_pipe
            from bertsent.data.tables import read_stream

            yield from map(unescape, read_stream(stdin_pipe(), name="stdin", settings=ReadSettings()))
        else:
            yield unescape(text)
    for file in files:
        yield unescape(read_utf8(file, limit=ReadSettings().max_review_bytes))


def _show(number: int, prediction: Prediction, *, window: str, json: bool) -> None:
    if json:
        print_json(prediction.as_json())
    else:
        typer.echo(prediction_line(prediction))
    sys.stdout.flush()
    if prediction.truncated:
        note(f"Text {number} has {prediction.tokens} word pieces, more than the model reads ({window}).")
