"""The Typer app, and the one place where an error becomes a line on stderr and an exit code."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.errors import BertsentError, ExitCode, Interrupted, StorageError
from bertsent.base.settings.workspace import Workspace
from bertsent.base.settings.workspace_file import NAME, load_workspace_file

# What --help lists, in this order: each command and the first line of its own help, at most 66 characters.
LIFE_CYCLE = {
    "download": "Fetch the Large Movie Review Dataset (or another) into data/.",
    "preview": "Show what an encoder makes of a text, before any training.",
    "check": "Find what is wrong with reviews before you train or label.",
    "train": "Train a classifier and publish it as a new version.",
    "predict": "Score texts: how likely each is positive, and its label.",
    "label": "Label reviews, one key each; every label is saved at once.",
    "batch": "Score all reviews of a folder or table, and summarise them.",
    "evaluate": "Measure how good the predictions on labelled reviews are.",
    "drift": "Compare new labels with the training data, and retrain on drift.",
    "retrain": "Train on old and new reviews; publish the result if it is no worse.",
    "models": "List versions; show, explain, compare or go back to one.",
    "export": "Write a version for TF Serving, LiteRT or ONNX Runtime.",
}
_WITH_THRESHOLD = ("predict", "batch", "evaluate")  # of scores; that of drift is another
_HELP = "bertsent.help"  # key of a context: whether a command is asked for its help
_LONGEST = 140  # characters of a message that may quote what the user gave
_OUTPUT_FAILED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # errors of stdout sent to a file


class _Group(TyperGroup):
    """Runs a command and turns its errors into messages and exit codes; nothing else in the package does.

    A command's module is imported when the command is called: a run needs one of them, --help none.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return [*LIFE_CYCLE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            # An unknown name is probably misspelt. Load all: Typer suggests similar names from `commands`.
            for name in [cmd_name] if cmd_name in LIFE_CYCLE else LIFE_CYCLE:
                self.commands[name] = _load(name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*LIFE_CYCLE.items()])

    def make_context(self, *args: Any, **more: Any) -> Any:
        with _as_exit_codes():  # --help and --version already write here
            return super().make_context(*args, **more)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        options = args[: args.index("--")] if "--" in args else args
        ctx.meta[_HELP] = not {"-h", "--help"}.isdisjoint(options)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        previous = _terminate_by_exception()
        try:
            with _as_exit_codes():
                result = super().invoke(ctx)
                sys.stdout.flush()  # a full disk behind stdout must fail here, not after the last line
                return result
        finally:
            if previous is not None:
                signal.signal(signal.SIGTERM, previous)


@contextmanager
def _as_exit_codes() -> Iterator[None]:
    """Turns what a command may raise into one line on stderr and an exit code."""
    try:
        yield
    except BertsentError as error:
        _tell(f"Error: {error}")
        raise typer.Exit(error.exit_code) from error
    except typer.BadParameter as error:  # Typer's own check of an option or argument
        message = visible(error.format_message())
        if len(message) > _LONGEST:
            begin = _LONGEST // 3  # the end has the accepted values
            message = f"{message[:begin]}...{message[begin - _LONGEST :]}"
        path = error.ctx.command_path if error.ctx else "bertsent"
        _tell(f"Error: {message} Hint: {path} --help")
        raise typer.Exit(ExitCode.USAGE) from error
    except KeyboardInterrupt as error:
        _tell("Interrupted.")
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except BrokenPipeError as error:
        _discard_stdout()  # the reader (head, less) wants no more
        raise typer.Exit(ExitCode.DONE) from error
    except (OSError, MemoryError, ImportError) as error:
        shortage = _shortage(error)
        if shortage is None:
            raise
        _tell(f"Error: {shortage}")
        raise typer.Exit(shortage.exit_code) from error


def _tell(line: str) -> None:
    """Writes the last line to stderr. If that fails too (a log on a full disk), only the exit code tells."""
    with suppress(OSError):
        typer.echo(line, err=True)


def _shortage(error: OSError | MemoryError | ImportError) -> BertsentError | None:
    """The error that says what the machine is short of: disk or memory; None for any other cause."""
    if isinstance(error, OSError) and error.errno in _OUTPUT_FAILED:
        _discard_stdout()
        return StorageError(
            f"Cannot write the output ({error.strerror}).", hint="free some space, then run again"
        )
    if (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, ImportError) and "failed to map segment" in str(error))  # what dlopen says
    ):
        return BertsentError(
            "Not enough memory.", hint="give the process 400 MB (ulimit -v); training and drift need more"
        )
    return None


def _terminate_by_exception() -> Any:
    """Makes SIGTERM unwind the stack, so that temporary files are removed; returns the previous handler."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Interrupted("Terminated.", terminated=True)

    try:
        return signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread: the embedding program keeps its own handling
        return None


def _discard_stdout() -> None:
    """Sends stdout to /dev/null, so that the interpreter's last flush succeeds after stdout has failed."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


app = typer.Typer(
    name="bertsent",
    cls=_Group,
    help="Sentiment classification with a BERT encoder: train, score, monitor, retrain.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,  # locals hold review texts
    rich_markup_mode=None,  # plain help: same text in docs, on a terminal and in a log; and no Rich import
)


def _load(name: str) -> Any:
    """Imports a command: the object in its module that has the command's name."""
    module = import_module(f"bertsent.cli.{'models.group' if name == 'models' else name}")
    command = getattr(module, name)
    if not isinstance(command, typer.Typer):  # a function: the only command of its module
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(command)
        command = alone
    return get_command(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bertsent {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Sentiment classification with a BERT encoder: train, score, monitor, retrain."""
    if ctx.meta[_HELP]:
        return  # it must come also where the workspace is wrong
    given = load_workspace_file(Workspace.current().root / NAME)
    ctx.default_map = dict.fromkeys(LIFE_CYCLE, given.data)
    if given.score is not None:
        ctx.obj = given.score  # what `_scorer` tells of it
        ctx.default_map |= {
            command: given.data | {"threshold": given.score.threshold} for command in _WITH_THRESHOLD
        }


def _open_closed_streams() -> None:
    """Opens /dev/null for each standard stream that the caller closed (`>&-`); Python sets it to None.

    Otherwise a file that we open would get the stream's descriptor, and native code would print into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _escape_unknown_characters() -> None:
    """Lets a terminal or log of Latin-1 show what it has no character for as an escape, such as \\u201c."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The `bertsent` script."""
    _open_closed_streams()
    _escape_unknown_characters()
    try:
        app()
    finally:
        gc.freeze()  # skips the last garbage collection, a tenth of a short run
