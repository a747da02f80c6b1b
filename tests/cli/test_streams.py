"""Commands in processes of their own: pipes, signals, full disks, odd environments, other installations."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest
from support import fake_versions
from support.command import call, start

import bertsent

PACKAGE = Path(bertsent.__file__).parent


def readline(stream: IO[bytes] | None) -> bytes:
    """The next line, which must not take for ever."""
    assert stream is not None
    assert select.select([stream], [], [], 60)[0], "no answer"
    return stream.readline()


def send(stream: IO[bytes] | None, line: bytes) -> None:
    assert stream is not None
    stream.write(line)
    stream.flush()


def plain_environment(**more: str) -> dict[str, str]:
    """What cron gives: hardly anything."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE.parent), **more}


# pipes


def test_predict_answers_each_line_before_the_next_is_sent(model: Path) -> None:
    with start("predict", "-", "--json") as process:
        for text in ("first", "second", "third"):
            send(process.stdin, text.encode() + b"\n")
            assert json.loads(readline(process.stdout))["text"] == text
        assert process.communicate() == (b"", b"")
        assert process.returncode == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_predict_of_an_endless_pipe_ends_quietly_with_its_reader(model: Path, options: list[str]) -> None:
    with subprocess.Popen(["yes", "great film"], stdout=subprocess.PIPE) as endless:
        with start("predict", "-", *options, stdin=endless.stdout) as process:
            for _ in range(3):
                assert b"great film" in readline(process.stdout)
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(timeout=30) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""
        endless.kill()


def test_batch_into_a_closed_pipe_ends_quietly(model: Path, workspace: Path) -> None:
    (workspace / "many.txt").write_text("great film\n" * 5000, encoding="utf-8")
    with start("batch", "many.txt", "--quiet") as process:
        readline(process.stdout)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["predict", "great film"], ["--version"], ["--help"]])
def test_full_disk_behind_stdout_is_a_storage_error(model: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = call(*arguments, stdout=full)
    assert ended.returncode == 74
    assert ended.stderr.startswith(b"Error: Cannot write the output")
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_behind_stderr_leaves_the_exit_code_as_it_is(workspace: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        assert call("drift", "--model", "9", stderr=full).returncode == 2


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_predict_lives_without_a_standard_stream(model: Path, closed: int) -> None:
    ended = call("predict", "great film", preexec_fn=lambda: os.close(closed))
    assert ended.returncode == 0
    assert (b"great film" in ended.stdout) == (closed != 1)
    assert ended.stderr == b""


def test_predict_on_a_terminal_shows_one_line_no_wider_than_it(model: Path) -> None:
    master, slave = pty.openpty()
    ended = call("predict", "great film " * 50, stdout=slave, env={**os.environ, "COLUMNS": "60"})
    shown = os.read(master, 10_000).decode()
    os.close(slave)
    os.close(master)
    assert ended.returncode == 0
    assert shown.count("\n") == 1
    assert len(shown.rstrip()) == 60
    assert shown.rstrip().endswith("…")


def test_predict_without_a_text_does_not_wait_at_a_terminal(model: Path) -> None:
    master, slave = pty.openpty()
    with start("predict", stdin=slave) as process:
        assert process.wait(timeout=30) == 2
        assert b"Name a text" in readline(process.stderr)
    os.close(slave)
    os.close(master)


# signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_predict_stopped_by_a_signal_says_so_in_one_line(model: Path, number: int, code: int) -> None:
    with start("predict", "-") as process:
        send(process.stdin, b"great film\n")
        readline(process.stdout)
        process.send_signal(number)
        assert process.wait(timeout=30) == code
        assert process.stderr is not None
        assert process.stderr.read() in {b"Interrupted.\n", b"Error: Terminated.\n"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_batch_stopped_by_a_signal_leaves_no_output(
    model: Path, workspace: Path, number: int, code: int
) -> None:
    (workspace / "many.txt").write_text("great film\n" * 200_000, encoding="utf-8")
    with start("batch", "many.txt", "--output", "out.csv") as process:
        deadline = time.monotonic() + 60
        while not list(workspace.glob(".out.csv.*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=30) == code
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert sorted(path.name for path in workspace.iterdir()) == ["many.txt", "model"]


# environments


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii:strict"}])
def test_predict_works_under_cron(model: Path, locale: dict[str, str]) -> None:
    environment = plain_environment(BERTSENT_HOME=str(model.parent), **locale)
    for options in ([], ["--json"]):
        ended = call("predict", "naïve 映画".encode(), *options, cwd="/", env=environment)
        assert ended.returncode == 0, ended.stderr.decode()
        assert b"\x1b" not in ended.stdout
    assert json.loads(ended.stdout)["text"] == "naïve 映画"


def test_predict_takes_an_argument_that_is_not_utf8(model: Path) -> None:
    ended = call("predict", b"caf\xe9", "--json")
    assert ended.returncode == 0, ended.stderr.decode()
    assert json.loads(ended.stdout)["text"] == "caf\udce9"
    assert rb"caf\udce9" in call("predict", b"caf\xe9").stdout


def test_predict_needs_no_tensorflow(model: Path, tmp_path: Path) -> None:
    poison = tmp_path / "poison"
    for name in ("tensorflow", "tf_keras", "keras", "tensorflow_hub", "tensorflow_text"):
        (poison / name).mkdir(parents=True)
        (poison / name / "__init__.py").write_text(f"raise SystemExit('{name} was imported')\n")
    ended = call("predict", "great film", env={**os.environ, "PYTHONPATH": f"{poison}:{PACKAGE.parent}"})
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"great film" in ended.stdout


@pytest.mark.parametrize("room", [5, 15, 30, 60, 100, 115])
def test_too_little_memory_is_one_line(model: Path, room: int) -> None:
    """Each room, in MB beyond the command line itself, runs out elsewhere: in a package's code, in its
    libraries, in ours. (OpenBLAS ends a process itself, with a line of its own.)"""
    script = (
        "import pathlib, re, resource\n"
        "from bertsent.cli import main\n"
        "taken = re.search(r'VmSize:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (int(taken) * 1024 + ({room} << 20),) * 2)\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "predict", "great film"], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.decode().splitlines()
    assert "memory" in line.lower()


# other installations


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as a wheel would install it, without the encoder and without a version."""
    skip = shutil.ignore_patterns("__pycache__", "encoders", "model")
    shutil.copytree(PACKAGE, tmp_path / "site" / "bertsent", ignore=skip)
    return tmp_path / "site"


def package(installed: Path, trained: Path, *, folder: str = "7") -> dict[str, str]:
    """Puts a version that calls itself 7 into the installation; the environment that uses it."""
    version = Path(shutil.copytree(trained / "1", installed / "bertsent" / "model" / folder))
    fake_versions.edit(version, version=7)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}


def test_packaged_version_answers_where_the_workspace_has_none(
    installed: Path, trained: Path, workspace: Path
) -> None:
    environment = package(installed, trained)
    for options in ([], ["--model", "packaged"]):
        ended = call("predict", "great film", "--json", *options, env=environment)
        assert ended.returncode == 0, ended.stderr.decode()
        assert json.loads(ended.stdout)["version"] == "packaged"
    for number in ("1", "7"):
        ended = call("predict", "great film", "--model", number, env=environment)
        assert (ended.returncode, ended.stdout) == (2, b"")
        assert b"--model packaged is the version that came with bertsent" in ended.stderr
    assert list(workspace.iterdir()) == []


def test_version_of_the_workspace_goes_before_the_packaged_one(
    installed: Path, trained: Path, model: Path
) -> None:
    environment = package(installed, trained)
    names = {"1": [[], ["--model", "1"]], "packaged": [["--model", "packaged"]]}
    for name, ways in names.items():
        for options in ways:
            ended = call("predict", "great film", "--json", *options, env=environment)
            assert ended.returncode == 0, ended.stderr.decode()
            assert json.loads(ended.stdout)["version"] == name


def test_no_version_anywhere_says_how_to_get_one(installed: Path, workspace: Path) -> None:
    ended = call("predict", "great film", env={**os.environ, "PYTHONPATH": str(installed)})
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert b"bertsent download --sample && bertsent train" in ended.stderr
