"""README says what the program says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import bertsent
from bertsent.cli._app import LIFE_CYCLE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_help_texts_and_exit_codes_are_the_programs_own() -> None:
    render = runpy.run_path(str(ROOT / "scripts" / "readme_help.py"))["render"]
    assert render(README) == README, "run: make fmt"


@pytest.mark.parametrize("command", LIFE_CYCLE)
def test_readme_shows_the_help_of_every_command(command: str) -> None:
    assert f"$ bertsent {command} --help" in README


def test_every_command_has_a_place_in_the_life_cycle() -> None:
    folder = ROOT / "bertsent" / "cli"
    commands = {path.stem for path in folder.glob("[a-z]*.py")} | {"models"}
    assert commands == set(LIFE_CYCLE)


def test_changes_begin_with_the_present_version() -> None:
    changes = README.split("## Changes", 1)[1]
    assert re.findall(r"^### (\S+)", changes, re.MULTILINE)[0] == bertsent.__version__


def test_readme_commands_use_options_that_exist() -> None:
    shown = re.findall(r"```text\n\$ bertsent (\w+) --help\n(.*?)```", README, re.DOTALL)
    known = {command: set(re.findall(r"--[a-z][a-z0-9-]*", text)) for command, text in shown}
    used = re.findall(r"bertsent (\w+)((?: +[^`\n#|]+)?)", README)
    for command, rest in used:
        if command in known:
            assert set(re.findall(r"(?<= )--[a-z][a-z0-9-]*", rest)) <= known[command], (command, rest)
