"""What the commands print: progress and notes on stderr, results on stdout."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from bertsent.base.display import size, visible
from bertsent.base.records.core import Prediction, Progress, to_json

_PLAIN_INTERVAL = 30.0  # seconds between two lines if stderr is not a terminal (cron mail, log files)


def note(message: str) -> None:
    """One line on stderr."""
    typer.echo(visible(message), err=True)


def print_json(value: Any, *, err: bool = False) -> None:
    """Prints a record, or a structure of records, as one line of JSON, in UTF-8 whatever the locale.

    With `err` it goes to stderr, where stdout carries something else.

    `to_json` turns NaN into null. If a character could control a terminal or cannot be encoded, the whole
    line is written in ASCII, with the same values.
    """
    plain = to_json(value)
    line = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    if not line.isprintable():
        line = json.dumps(plain, allow_nan=False)
    typer.echo(line.encode(), err=err)


def pick(record: object, *names: str) -> dict[str, Any]:
    """Name -> value of some attributes of a record, for `print_json`."""
    return {name: getattr(record, name) for name in names}


def prediction_line(prediction: Prediction, *, reserved: int = 0) -> str:
    """Label, score and text. On a terminal the text is shortened, so that the line fits behind the
    `reserved` columns that the caller prints before it."""
    text = " ".join(visible(prediction.text, newlines=True).split())
    head = f"{prediction.label:<8}  {prediction.score:.4f}  "
    if sys.stdout.isatty():
        room = max(shutil.get_terminal_size().columns - len(head) - reserved, 20)
        text = text if len(text) <= room else text[: room - 1] + "…"
    return head + text


def can_ask() -> bool:
    """Whether a person sits at a terminal who sees a question on stderr and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Asks a person for a yes; where there is none, the answer is no."""
    return can_ask() and typer.confirm(question, err=True)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Shows a bar on a terminal, a line every 30 s elsewhere, and nothing with `--quiet`."""
    if quiet:
        yield _Quiet()
        return
    reporter: _Bar | _Lines = _Bar() if sys.stderr.isatty() else _Lines()
    try:
        yield reporter
    finally:
        reporter.finish()


def _metrics(values: dict[str, float]) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())


class _Quiet(Progress):
    """Prints notes, which say what the user must know, and drops progress."""

    def note(self, message: str) -> None:
        note(message)


class _Lines(Progress):
    """Progress as plain lines, for logs."""

    def __init__(self) -> None:
        self._what, self._unit, self._total = "", "", None  # type: tuple[str, str, int | None]
        self._last = self._began = 0.0

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._last = self._began = time.monotonic()
        note(f"{what} ...")

    def advance(self, done: int, **figures: float) -> None:
        at = time.monotonic()
        if at - self._last < _PLAIN_INTERVAL:
            return
        self._last = at
        amount = size(done) if self._unit == "bytes" else f"{done} {self._unit}".strip()
        if self._total:
            amount += f" of {size(self._total) if self._unit == 'bytes' else self._total}"
            left = (at - self._began) * (self._total - done) / max(done, 1)
            amount += f", {duration(left)} left"
        note(f"{self._what}: {amount}  {_metrics(figures)}".rstrip())

    def finish(self) -> None:
        self._what = ""

    def note(self, message: str) -> None:
        note(message)

    tell = note


class _Bar(Progress):
    """Progress as a Rich bar with speed and remaining time."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        from rich import progress as bars
        from rich.console import Console

        self.finish()
        amount: list[bars.ProgressColumn] = [bars.DownloadColumn(), bars.TransferSpeedColumn()]
        if unit != "bytes":
            amount = [] if total is None else [bars.MofNCompleteColumn()]
        amount.append(bars.TimeElapsedColumn() if total is None else bars.TimeRemainingColumn())
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            *amount,
            bars.TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task(visible(what), total=total, figures="")

    def advance(self, done: int, **figures: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, figures=_metrics(figures))

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def note(self, message: str) -> None:
        if self._bar is not None:
            self._bar.console.print(visible(message), markup=False, highlight=False)
        else:
            note(message)

    tell = note


def writable(character: str, plain: str) -> str:
    """A character if stdout can encode it, else the plain one."""
    try:
        character.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return character


def duration(seconds: float) -> str:
    """Seconds as 42 s, 3 min 10 s or 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def given_options(ctx: typer.Context) -> dict[str, str]:
    """The parameters that stand on the command line, in the command's order: name -> option, such as
    --report; "" for an argument."""
    given = {}
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            option = "" if parameter.param_type_name == "argument" else parameter.opts[0]
            given[parameter.name or ""] = option
    return given


def command_line(ctx: typer.Context) -> str:
    """The command line, quoted for a shell."""
    words = ["bertsent", str(ctx.info_name)]
    for name, option in given_options(ctx).items():
        value = ctx.params.get(name)
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [option] if option else []
            words += [str(one)] if one is not True else []
    return shlex.join(words)
