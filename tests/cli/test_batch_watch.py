"""`bertsent batch --watch` as a process: files that arrive, files that are bad, and its end."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import command
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def inbox(model: Path, workspace: Path) -> Path:
    folder = workspace / "inbox"
    folder.mkdir()
    return folder


def deliver(path: Path, content: str | bytes) -> None:
    """Writes a file as if it had lain there for an hour."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = time.time() - 3600
    os.utime(path, (before, before))


@pytest.fixture
def watching(inbox: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts watches, and ends those that are still running."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: object) -> subprocess.Popen[bytes]:
        started.append(command.start("batch", "inbox", "--watch", "1s", "-o", "scored", *options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(path: Path, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"no {path}"
        time.sleep(0.05)


def texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


@pytest.mark.slow
def test_watch_scores_what_arrives_and_ends_by_sigterm(
    inbox: Path, workspace: Path, watching: Callable[..., subprocess.Popen[bytes]]
) -> None:
    deliver(inbox / "a.csv", "product,text\nlamp,good film\n,\n")
    deliver(inbox / "bad.csv", b"text\n\xff\xfe\xfa bad\n")
    process = watching()
    wait_for(workspace / "scored" / "a.csv")
    deliver(inbox / "one.txt", "a review\nof two lines")
    deliver(inbox / "two.txt", "another")
    deliver(inbox / "b.jsonl", json.dumps({"text": "bad film"}) + "\n")
    wait_for(workspace / "scored" / "b.jsonl")
    until = time.monotonic() + 60
    while not (found := list((workspace / "scored").glob("texts-*.csv"))):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1.2)  # another look, in which nothing may happen
    process.send_signal(signal.SIGTERM)
    out, err = (stream.decode() for stream in process.communicate(timeout=60))
    assert process.returncode == 143
    assert texts(workspace / "scored" / "a.csv") == ["good film", ""]
    assert sorted(sum((texts(file) for file in found), start=list[str]())) == [
        "a review\nof two lines",
        "another",
    ]
    assert [line for line in out.splitlines() if line.startswith("a.csv: 1 reviews, ")]
    assert out.count("a.csv:") == 1
    assert err.count("Error: bad.csv: ") == 1
    assert "utf" in err.lower()
    assert "Traceback" not in err


@pytest.mark.slow
def test_watch_again_scores_nothing_twice_and_ends_by_ctrl_c(
    inbox: Path, workspace: Path, watching: Callable[..., subprocess.Popen[bytes]]
) -> None:
    deliver(inbox / "a.csv", "text\ngood film\n")
    process = watching("--json", "--output-format", "jsonl", "--sentences")
    wait_for(workspace / "scored" / "a.csv.jsonl")
    time.sleep(0.5)  # its line of the journal
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    summary = json.loads(out)["summary"]
    assert (summary["reviews"], summary["files"]) == (1, ["a.csv"])
    written = (workspace / "scored" / "a.csv.jsonl").read_bytes()
    assert json.loads(written)["sentences"][0]["text"] == "good film"
    deliver(inbox / "b.csv", "text\nbad film\n")
    process = watching("--json", "--output-format", "jsonl")
    wait_for(workspace / "scored" / "b.csv.jsonl")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert [json.loads(line)["summary"]["files"] for line in out.splitlines()] == [["b.csv"]]
    assert (workspace / "scored" / "a.csv.jsonl").read_bytes() == written


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["inbox", "--watch", "soon", "-o", "scored"], "1s to 24h"),
        (["inbox", "--watch", "1m"], "--output scored/"),
        (["inbox", "--watch", "1m", "-o", "-"], "--output scored/"),
        (["inbox", "--watch", "1m", "-o", "inbox"], "in their turn"),
        (["inbox", "inbox", "--watch", "1m", "-o", "scored"], "one folder"),
        (["-", "--watch", "1m", "-o", "scored"], "one folder"),
        (["inbox", "--watch", "1m", "-o", "scored", "--by", "text"], "--by needs all reviews"),
        (["inbox", "--watch", "1m", "-o", "scored", "--report", "r.html"], "--report needs all reviews"),
        (["inbox", "--watch", "1m", "-o", "scored", "--num-files", "3"], "--num-files needs all reviews"),
    ],
)
def test_watch_of_what_cannot_be_is_refused(run: Run, workspace: Path, options: list[str], said: str) -> None:
    (workspace / "inbox").mkdir()
    result = run("batch", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (workspace / "scored").exists()


def test_watch_of_no_folder_is_a_data_error(run: Run, workspace: Path) -> None:
    result = run("batch", "inbox", "--watch", "1m", "-o", "scored")
    assert result.exit_code == 7
    assert "no folder inbox" in result.stderr
