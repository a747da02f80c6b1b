"""The command line as a whole: help, exit codes, one line for every error."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner, Result

import bertsent
from bertsent.base.errors import BertsentError, DataError, ExitCode, Interrupted
from bertsent.cli import app
from bertsent.cli._app import LIFE_CYCLE, _Group

Run = Callable[..., Result]


def ending_with(error: BaseException) -> Result:
    """A command line like ours whose only command raises."""
    other = typer.Typer(cls=_Group)

    @other.callback()
    def _options() -> None:
        """So that the command keeps its name."""

    @other.command()
    def fail() -> None:
        typer.echo("begun")
        raise error

    return CliRunner().invoke(other, ["fail"])


def test_version_is_the_packages_own(run: Run) -> None:
    assert run("--version").stdout == f"bertsent {bertsent.__version__}\n"


def test_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "bertsent", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == (f"bertsent {bertsent.__version__}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_commands_in_the_order_of_use(run: Run, option: str) -> None:
    result = run(option)
    assert result.exit_code == 0
    listed = re.findall(r"^  (\w+)  +(\S.*)$", result.stdout.split("Commands:")[1], re.MULTILINE)
    assert listed == list(LIFE_CYCLE.items())


def test_no_command_shows_help_and_is_a_usage_error(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.output


@pytest.mark.parametrize("command", LIFE_CYCLE)
def test_command_help_is_plain_and_explains_every_parameter(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()
    group: Any = get_command(app)
    whole = group.get_command(None, command)
    assert whole.get_short_help_str(100) == LIFE_CYCLE[command]
    parameters = whole.params
    assert [parameter.name for parameter in parameters if not getattr(parameter, "help", "")] == []


def test_a_misspelt_command_gets_the_one_that_is_like_it(run: Run) -> None:
    assert "Did you mean 'predict'?" in run("predct").stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["predict", "--nonsense"], ["batch"]])
def test_usage_that_cannot_be_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (["train", "--window", "x" * 300], "'head', 'head+tail'"),
        (["predict", "--engine", "torch\x1b"], "'litert', 'tensorflow'"),
        (
            ["label", "--picked-by", "hand" * 99],
            "'typed', 'random', 'uncertain', 'diverse', 'first', 'foreign'",
        ),
        (["export", "torch", "out"], "'saved-model', 'litert', 'onnx'"),
    ],
)
def test_a_choice_that_is_none_is_one_line_with_those_there_are(
    run: Run, arguments: list[str], accepted: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Invalid value for ")
    assert f"is not one of {accepted}. Hint: " in result.stderr
    assert result.stderr.strip().isprintable()
    assert len(result.stderr) < 200


def test_error_of_the_core_is_one_line_on_stderr_and_its_exit_code() -> None:
    result = ending_with(DataError("It is empty.", received="0", hint="fill it"))
    assert result.exit_code == ExitCode.DATA
    assert result.stdout == "begun\n"
    assert result.stderr == "Error: It is empty. Received: 0. Hint: fill it\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BertsentError("x"), 1),
        (Interrupted("x"), 130),
        (Interrupted("x", terminated=True), 143),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
    ],
    ids=repr,
)
def test_what_a_command_raises_becomes_its_exit_code(error: BaseException, code: int) -> None:
    result = ending_with(error)
    assert result.exit_code == code
    assert result.stderr.count("\n") == (0 if code == 0 else 1)


@pytest.mark.parametrize("error", [ZeroDivisionError(), FileNotFoundError(2, "no such file")], ids=repr)
def test_fault_of_the_program_is_not_dressed_up(error: Exception) -> None:
    assert ending_with(error).exception is error


def test_command_puts_the_handler_of_sigterm_back(run: Run, workspace: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run("batch", workspace / "missing")
    assert signal.getsignal(signal.SIGTERM) is before


def test_command_runs_outside_of_the_main_thread(run: Run, workspace: Path) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run("batch", workspace / "missing").exit_code))
    thread.start()
    thread.join()
    assert codes in ([ExitCode.USAGE], [ExitCode.DATA])


def test_bad_usage_never_shows_a_control_character(run: Run) -> None:
    result = run("predict", "x", "--model", "\x1b[2J\u202e")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr
    assert app.pretty_exceptions_show_locals is False
