"""What each command loads, and no more: a start is fast because of what it leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TYPER = {"typer", "annotated_doc", "shellingham"}  # and what it needs to read a command line
OTHERS = {"scipy", "matplotlib", "pyarrow"}  # packages that load packages of their own
SLOW = {"asyncio", "concurrent", "http", "logging", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}
LIGHT = {
    "cli",
    "errors",
    "files",
    "lazy",
    "records",
    "settings",
    "utf8",
}  # rooms of all commands with options
OPEN = {"ahead", "sealed", "store"}  # rooms that read a version
READ = {"listing", "reviews", "tables"}
SCORE = OPEN | {"leases", "litert", "machine", "scorer", "texts", "tokenizer"}
LABELS = {"labels", "texts"}
LITERT = {"ai_edge_litert", "numpy"}

RUN = """
import sys
before = set(sys.modules)
sys.argv[0] = "bertsent"
try:
    from bertsent.cli import main; main()
finally:
    print("", *sys.modules.keys() - before, file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a process loaded beyond the interpreter's own."""

    packages: set[str] = field(default_factory=set)  # of others, without what Typer needs
    rooms: set[str] = field(default_factory=set)  # of bertsent, without the light ones
    commands: set[str] = field(default_factory=set)  # modules of bertsent.cli that declare one
    slow: set[str] = field(default_factory=set)  # of the standard library


def loaded(*arguments: object, **environment: str) -> Loaded:
    """What the command line loads for some arguments."""
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert ended.returncode == 0, ended.stderr[:2000]
    names = [name.split(".") for name in ended.stderr.splitlines()[-1].split()]
    tops = {first for first, *_ in names}
    own = [inside for first, *inside in names if first == "bertsent" and inside]
    return Loaded(
        packages={
            name
            for name in tops - set(sys.stdlib_module_names) - TYPER - {"bertsent"}
            if name[0] != "_"  # parts of others, and the interpreter's own data
        },
        rooms={room for room, *_ in own} - LIGHT,
        commands={inside[1] for inside in own if inside[0] == "cli" and inside[1:] and inside[1][0] != "_"},
        slow=tops & SLOW,
    )


def test_version_loads_no_command() -> None:
    assert loaded("--version") == Loaded()


def test_help_loads_no_command() -> None:
    assert loaded("--help") == Loaded()


@pytest.mark.parametrize("words", ["bertsent pre", "bertsent predict --m"])
def test_completion_loads_the_command_in_question_and_no_package(words: str) -> None:
    found = loaded(
        _BERTSENT_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
    )
    assert found.packages == set()
    assert found.slow == set()
    assert "predict" in found.commands <= {"predict", "preview"}
    assert found.rooms <= {"draw", "presets"}


@pytest.mark.parametrize(
    ("arguments", "packages", "rooms"),
    [
        (["download", "--help"], set(), set()),
        (["train", "--help"], set(), {"config", "recipes"}),
        (["preview", "--list"], set(), {"draw", "presets"}),
        (["predict", "great film"], LITERT, SCORE),
        (["predict", "great film", "--sentiment", "1"], LITERT, SCORE | LABELS | {"tables"}),
        (["label"], set(), LABELS | {"tables"}),
        (["batch", "table.jsonl", "-o", "out.jsonl"], LITERT, SCORE | READ | {"batch", "metrics", "writers"}),
        (
            ["batch", "table.jsonl", "-o", "out.parquet"],
            LITERT | {"pyarrow"},
            SCORE | READ | {"batch", "metrics", "writers"},
        ),
        (
            ["evaluate", "table.jsonl"],
            LITERT | {"scipy"},
            SCORE | READ | {"draw", "evaluation", "metrics", "report"},
        ),
        (
            ["evaluate", "table.jsonl", "--report", "r.html"],
            LITERT | {"scipy", "jinja2", "matplotlib"},
            SCORE | READ | {"draw", "evaluation", "metrics", "report"},
        ),
        (
            ["models"],
            {"numpy"},
            SCORE | {"card", "config", "gate", "ledger", "lineage", "recipes", "succession"},
        ),
        (["models", "show", "1"], set(), OPEN | {"config", "recipes"}),
        (
            ["models", "rollback", "1"],
            {"filelock"},
            OPEN | {"card", "config", "leases", "recipes", "succession"},
        ),
        (["export", "litert", "out"], LITERT, SCORE | READ | {"exports", "presets"}),
        (["download", "--sample"], {"filelock"}, {"archive"}),
        (
            ["drift"],
            {"filelock"},
            OPEN | LABELS | {"draw", "draw_drift", "loop", "report", "report_drift", "trail"},
        ),
    ],
    ids=lambda words: "" if isinstance(words, set) else " ".join(words),
)
def test_command_loads_what_it_needs_and_no_more(
    model: Path, workspace: Path, arguments: list[str], packages: set[str], rooms: set[str]
) -> None:
    if "pyarrow" in packages:
        pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    (workspace / "table.jsonl").write_text('{"text": "good", "label": 1}\n', encoding="utf-8")
    found = loaded(*arguments)
    assert packages <= found.packages
    if not packages & OTHERS:
        assert found.packages <= packages
        slow = {"logging"} if "filelock" in packages else set()
        assert found.slow <= slow | ({"http", "ssl"} if "archive" in rooms else set())
    assert found.rooms == rooms
    assert arguments[0] in found.commands
    assert found.commands - {arguments[0]} <= (
        {"models_compare", "retrain"} if arguments[0] == "models" else set()
    )
