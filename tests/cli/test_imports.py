"""What each command loads, and no more: a start is fast because of what it leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import fake_versions

TYPER = {"typer", "annotated_doc", "shellingham"}  # and what it needs to read a command line
OTHERS = {"scipy", "matplotlib", "pyarrow"}  # packages that load packages of their own
SLOW = {"asyncio", "concurrent", "http", "logging", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}
LITERT = {"ai_edge_litert", "numpy"}
SCORE = {"scoring", "versions"}  # packages of bertsent, beyond base and cli
BUNDLED = ("--model", Path(__file__).parents[2] / "model" / "1")

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
    own: set[str] = field(default_factory=set)  # packages of bertsent, without base and cli
    commands: set[str] = field(default_factory=set)  # modules and folders of bertsent.cli that declare one
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
        own={package for package, *_ in own} - {"base", "cli"},
        commands={inside[1] for inside in own if inside[0] == "cli" and inside[1:] and inside[1][0] != "_"}
        - {"terminal"},
        slow=tops & SLOW,
    )


def test_version_loads_no_command() -> None:
    assert loaded("--version") == Loaded()


def test_help_loads_no_command() -> None:
    assert loaded("--help") == Loaded()


@pytest.mark.parametrize("words", ["bertsent pre", "bertsent predict --m"])
def test_completion_loads_the_command_in_question_and_no_package(words: str) -> None:
    completion = loaded(
        _BERTSENT_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
    )
    assert completion.packages == set()
    assert completion.slow == set()
    assert "predict" in completion.commands <= {"predict", "preview"}
    assert completion.own <= {"reports"}


def case(line: str, *options: object, packages: set[str], own: set[str], slow: bool = False) -> object:
    """A command line, the packages of others that it loads, and those of bertsent it may load."""
    marks = [pytest.mark.slow] if slow else []
    return pytest.param([*line.split(), *options], packages, own, id=line, marks=marks)


@pytest.mark.parametrize(
    ("arguments", "packages", "own"),
    [
        case("download --help", packages=set(), own=set()),
        case("train --help", packages=set(), own={"data"}),
        case("preview --list", packages=set(), own={"reports"}),
        case("predict great", *BUNDLED, packages=LITERT, own=SCORE),
        case("predict great --sentiment 1", *BUNDLED, packages=LITERT, own=SCORE | {"data", "labelling"}),
        case("label", packages=set(), own={"data", "labelling"}),
        case("batch table.jsonl -o out.jsonl", *BUNDLED, packages=LITERT, own=SCORE | {"data"}),
        case(
            "batch table.jsonl -o out.parquet", *BUNDLED, packages=LITERT | {"pyarrow"}, own=SCORE | {"data"}
        ),
        case(
            "batch table.jsonl --by text --sentences -o more.jsonl",
            *BUNDLED,
            packages=LITERT,
            own=SCORE | {"data"},
        ),
        case(
            "evaluate table.jsonl",
            *BUNDLED,
            packages=LITERT | {"scipy"},
            own=SCORE | {"data", "reports"},
            slow=True,
        ),
        case(
            "evaluate table.jsonl --report r.html",
            *BUNDLED,
            packages=LITERT | {"scipy", "jinja2", "matplotlib"},
            own=SCORE | {"data", "reports"},
            slow=True,
        ),
        case(
            "check table.jsonl --sample 0",
            packages={"numpy"},
            own=SCORE | {"data", "labelling", "reports"},
        ),
        case("models", packages=set(), own={"versions"}),
        case("models show 1", packages=set(), own={"versions"}),
        case(
            "models rollback 1",  # says which drift it opens again
            packages={"filelock"},
            own={"data", "drift", "labelling", "retraining", "versions"},
        ),
        case("export litert out", *BUNDLED, packages=LITERT, own=SCORE | {"data", "export"}, slow=True),
        case("download --sample", packages={"filelock"}, own={"data"}),
        case(
            "drift",
            packages={"filelock"},
            own={"data", "drift", "labelling", "reports", "retraining", "versions"},
        ),
    ],
)
def test_command_loads_what_it_needs_and_no_more(
    workspace: Path, arguments: list[str], packages: set[str], own: set[str]
) -> None:
    if "pyarrow" in packages:
        pytest.importorskip("pyarrow", reason="needs bertsent[parquet]")
    (workspace / "table.jsonl").write_text('{"text": "good", "label": 1}\n', encoding="utf-8")
    for _ in range(2):
        fake_versions.publish(workspace / "model")
    start = loaded(*arguments)
    assert packages <= start.packages
    if not packages & OTHERS:
        assert start.packages <= packages
        slow = {"logging"} if "filelock" in packages else set()
        assert start.slow <= slow | ({"http", "ssl"} if arguments[0] == "download" else set())
    assert start.own <= own
    assert arguments[0] in start.commands
    # models_compare and the gate's lines of retrain are read with models
    assert start.commands - {arguments[0]} <= (
        {"models_compare", "retrain"} if arguments[0] == "models" else set()
    )


def test_a_saved_threshold_costs_predict_no_package(workspace: Path) -> None:
    (workspace / "bertsent.toml").write_text("[score]\nthreshold = 0.7\n", encoding="utf-8")
    start = loaded("predict", "great", *BUNDLED)
    assert start.packages <= LITERT
    assert start.own <= SCORE
    assert start.slow == set()
