"""Where people run it: other locales, names that are not UTF-8, users without a home."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.command import call

QUOTED = "a “dull” film — 退屈"


def latin_1() -> dict[str, str]:
    """The environment of a terminal with another encoding than UTF-8."""
    return os.environ | {"PYTHONIOENCODING": "latin-1"}


@pytest.mark.parametrize("command", ["predict", "batch", "damage"])
def test_terminal_of_latin_1_shows_other_characters_as_escapes(model: Path, command: str) -> None:
    (model.parent / "reviews").mkdir()
    (model.parent / "reviews" / "1.txt").write_text(QUOTED, encoding="utf-8")
    arguments = {
        "predict": ("predict", QUOTED),
        "batch": ("batch", "reviews"),
        "damage": ("predict", "film", "--model", "第"),
    }
    ended = call(*arguments[command], env=latin_1())
    assert b"Traceback" not in ended.stderr
    assert ended.returncode == (2 if command == "damage" else 0), ended.stderr
    if command == "predict":
        assert rb"a \u201cdull\u201d film \u2014 \u9000\u5c48" in ended.stdout


@pytest.mark.parametrize("name", [b"lat\xe9in", "café".encode(), b"a b'c"], ids=repr)
def test_workspace_may_have_any_name(model: Path, name: bytes) -> None:
    home = model.parent / os.fsdecode(name)
    home.mkdir()
    shutil.copytree(model, home / "model")
    for arguments in (("predict", "a dull film"), ("models",), ("models", "show", "1")):
        ended = call(*arguments, env=os.environ | {"BERTSENT_HOME": os.fsdecode(name)}, cwd=model.parent)
        assert ended.returncode == 0, ended.stderr


def test_page_is_drawn_without_a_word_where_the_home_cannot_be_written(model: Path, sample: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": "/proc/1",
    }
    ended = call("evaluate", sample / "test", "--report", "page.html", "--quiet", env=environment)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == b""
