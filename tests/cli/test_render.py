"""How answers and progress look: JSON, durations, a bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
from collections.abc import Callable, Iterator

import pytest

from bertsent.base.records.core import Prediction, Progress
from bertsent.cli import _render
from bertsent.cli._render import duration, prediction_line, print_json, progress

Read = Callable[[], str]


def prediction(text: str) -> Prediction:
    return Prediction(text=text, score=0.75, label="positive", tokens=1, truncated=False, version="1")


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """A real terminal, 80 columns wide, as stdout and stderr; gives what was written to it so far."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    written: list[str] = []

    def read() -> str:
        while True:
            try:
                written.append(os.read(master, 65_536).decode())
            except BlockingIOError:
                return "".join(written)

    with os.fdopen(slave, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        patch.setattr("sys.stdout", stream)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "80")
        yield read
    os.close(master)


def work(shown: Progress) -> None:
    shown.start("Reading \x1b[2J[bold]", 10, "reviews")
    shown.advance(5, loss=0.25, validation_accuracy=0.5)
    shown.note("beside it \x1b[2J[bold]")
    shown.finish()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90_061, "25 h 1 min"),
    ],
)
def test_duration_reads_as_people_say_it(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_print_json_is_one_line_with_null_for_what_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5, {"c": float("-inf")}], "d": "x\ny", "e": (1,)})
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert json.loads(printed) == {"a": None, "b": [None, 1.5, {"c": None}], "d": "x\ny", "e": [1]}


@pytest.mark.parametrize("text", ["\x9b\x7f", "\u202e", "\ud800", "\U000e0041", "naïve 🎬", "\x00\x1b"])
def test_print_json_gives_any_text_back(capsys: pytest.CaptureFixture[str], text: str) -> None:
    print_json(text)
    printed = capsys.readouterr().out.removesuffix("\n")
    assert printed.isprintable()
    assert json.loads(printed) == text


def test_prediction_line_is_whole_in_a_pipe() -> None:
    assert prediction_line(prediction("word\n " * 100)).split() == ["positive", "0.7500", *["word"] * 100]


@pytest.mark.parametrize(("reserved", "width"), [(0, 80), (2, 78)])
def test_prediction_line_fits_a_terminal(monkeypatch: pytest.MonkeyPatch, reserved: int, width: int) -> None:
    with terminal(monkeypatch):
        long = prediction_line(prediction("word " * 100), reserved=reserved)
        short = prediction_line(prediction("word"), reserved=reserved)
    assert len(long) == width
    assert long.endswith("…")
    assert short.endswith("word")


# progress


def test_progress_on_a_terminal_is_a_bar_with_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as written, progress() as shown:
        work(shown)
        seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written())
    assert r"Reading \x1b[2J[bold]" in seen
    assert "5/10" in seen
    assert "loss 0.25" in seen
    assert "validation accuracy 0.5" in seen
    assert r"beside it \x1b[2J[bold]" in seen


def test_progress_on_a_terminal_counts_bytes_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as written:
        with progress() as shown:
            shown.start("Fetching", 2_000_000, "bytes")
            shown.advance(1_000_000)
        assert "1.0/2.0 MB" in written()


def test_progress_on_a_terminal_shows_the_cursor_again_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch) as written:
        with contextlib.suppress(KeyError), progress() as shown:
            shown.start("Reading", None)
            raise KeyError
        seen = written()
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def test_progress_elsewhere_is_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_render, "_PLAIN_INTERVAL", 0.0)
    with progress() as shown:
        work(shown)
        shown.start("Fetching", None, "bytes")
        shown.advance(4200)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == r"Reading \x1b[2J[bold] ..."
    assert "5 reviews of 10" in lines[1]
    assert "loss 0.25" in lines[1]
    assert lines[2] == r"beside it \x1b[2J[bold]"
    assert lines[-1] == "Fetching: 4.2 kB"


def test_progress_elsewhere_is_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as shown:
        shown.start("Reading", 1000)
        for done in range(1000):
            shown.advance(done)
    assert capsys.readouterr().err == "Reading ...\n"


def test_progress_when_quiet_keeps_notes_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True) as shown:
        work(shown)
    assert capsys.readouterr().err == "beside it \\x1b[2J[bold]\n"
