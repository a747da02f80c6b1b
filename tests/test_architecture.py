"""The shape of the package: who may import whom, and how long things are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bertsent

PACKAGE = Path(bertsent.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Left may import right, never the other way; rooms joined by | do not import each other.
ORDER = (
    "__main__ -> cli -> report_drift -> loop -> retrain -> tf | batch | evaluation | lineage -> teacher -> "
    "gate | drift | pool | explain | mixing | succession | exports -> scorer | card | report | draw_drift -> "
    "store | litert | metrics | draw | reference | calibration | ledger | trail -> "
    "archive | duplicates | labels | tokenizer | writers -> reviews -> tables | listing | config | sealed -> "
    "ahead | utf8 | texts -> files | leases -> records | recipes -> settings | presets | machine -> "
    "errors | lazy"
)
RANKS = {room: rank for rank, rooms in enumerate(ORDER.split(" -> ")) for room in rooms.split(" | ")}
TO_COME: set[str] = set()  # may be missing

TENSORFLOW = {"tensorflow", "tensorflow_hub", "tensorflow_text", "tf_keras", "official"}
BANNED = {
    "click": "Typer carries its own",
    "keras": "Keras 3; ours is tf_keras",
    "pickle": "data from outside must not run",
}
LONGEST_FILE, LONGEST_FUNCTION = 350, 60  # lines; of a function those that do something


def room(path: Path) -> str:
    """The part of the package a file belongs to; "" for `bertsent/__init__.py`."""
    inside = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if inside == ("__init__",) else inside[0]


def imports(path: Path) -> Iterator[str]:
    """The full names that a file imports, in functions too, and those given to `import_module`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = node.args[0]  # a text, or one whose beginning at least stands there
            yield ast.literal_eval(named.values[0] if isinstance(named, ast.JoinedStr) else named)


def rooms_imported(path: Path) -> set[str]:
    """The rooms whose names a file imports; `from bertsent import __version__` is none."""
    own = (name.split(".") for name in imports(path) if name.startswith("bertsent"))
    return {parts[1] for parts in own if len(parts) > 1 and parts[1] in RANKS}


def body_length(function: ast.FunctionDef) -> int:
    """The lines of a function below its signature and docstring."""
    first = function.body[1:][:1] if ast.get_docstring(function) else function.body[:1]
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


# who imports whom


def test_every_room_has_its_place_in_the_order() -> None:
    there = {room(path) for path in FILES} - {""}
    assert RANKS.keys() - TO_COME <= there <= RANKS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    mine = room(path)
    below = {other for other in RANKS if mine and RANKS[other] > RANKS[mine]}
    assert rooms_imported(path) <= below | {mine}


def test_package_itself_and_the_door_to_tensorflow_are_leaves() -> None:
    assert not list(imports(PACKAGE / "__init__.py"))
    assert rooms_imported(PACKAGE / "tf" / "__init__.py") <= {"settings", "errors"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tensorflow_is_imported_below_tf_only(path: Path) -> None:
    names = {name.split(".")[0] for name in imports(path)}
    assert room(path) == "tf" or not names & TENSORFLOW
    assert not names & BANNED.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_neither_prints_nor_exits_nor_catches_everything(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"print", "input", "exit", "quit", "sys.exit", "os._exit"}
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    assert not any(isinstance(node, ast.ExceptHandler) and node.type is None for node in ast.walk(tree))
    assert room(path) == "cli" or not {name for name in imports(path) if name.split(".")[0] == "typer"}


# how long things are, and what they say of themselves


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if body_length(node) > LONGEST_FUNCTION] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    public = [tree, *(node for node in named if node.name[0] != "_")]
    assert [getattr(node, "name", "the module") for node in public if not ast.get_docstring(node)] == []
