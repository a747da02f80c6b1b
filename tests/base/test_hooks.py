"""Hooks: what they are told, and that they cannot stop a run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bertsent.base.hooks import run_hook
from bertsent.base.settings.hooks import HookSettings


def run(command: str, **event: object) -> list[str]:
    notes: list[str] = []
    run_hook(command, event, option="--hook", note=notes.append, settings=HookSettings(seconds=2.0))
    return notes


def test_hook_gets_the_event_as_one_line(tmp_path: Path) -> None:
    path = tmp_path / "told"
    assert run(f"cat > {path}", text="one\ntwo \x1b", number=float("nan"), path=path) == []
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {"text": "one\ntwo \x1b", "number": None, "path": str(path)}
    assert line.isascii()


@pytest.mark.parametrize("command", ["true", "exec <&-; exit 0"])
def test_hook_need_not_read(command: str) -> None:
    assert run(command, text="x" * 1_000_000) == []


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("/no/such/command", 127)])
def test_hook_that_fails_is_noted(command: str, code: int) -> None:
    assert run(command) == [f"--hook ended with {code}: {command}"]


def test_hook_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    assert run(f"(sleep 4; touch {tmp_path}/late) & sleep 60") == [
        f"--hook was ended after 2 s: (sleep 4; touch {tmp_path}/late) & sleep 60"
    ]
    assert time.monotonic() - began < 30
    time.sleep(max(0.0, began + 5 - time.monotonic()))
    assert not (tmp_path / "late").exists()
