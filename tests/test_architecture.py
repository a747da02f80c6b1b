"""The shape of the package: who may import whom, and how long things are."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

import bertsent

PACKAGE = Path(bertsent.__file__).parent
ROOT = Path(__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))

# Left may import right, never the other way; packages joined by | do not import each other.
ORDER = (
    "cli | serving -> retraining -> tf -> export | reports -> drift -> labelling -> scoring -> "
    "versions | data -> base"
)
RANKS = {
    package: rank for rank, packages in enumerate(ORDER.split(" -> ")) for package in packages.split(" | ")
}
TO_COME = {"serving"}  # may be missing

TENSORFLOW = {"tensorflow", "tensorflow_hub", "tensorflow_text", "tf_keras", "official"}
BANNED = {
    "click": "Typer carries its own",
    "keras": "Keras 3; ours is tf_keras",
    "pickle": "data from outside must not run",
}
LONGEST_FILE, LONGEST_FUNCTION = 350, 60  # lines; of a function those that do something


def package(path: Path) -> str:
    """The package a file belongs to; "" for `bertsent/__init__.py` and `__main__.py`."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else ""


def imports(path: Path) -> Iterator[str]:
    """The full names that a file imports, in functions too, and those given to `import_module`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = node.args[0]  # a text, or one whose beginning at least stands there
            if isinstance(named, ast.Name) and PACKAGE not in path.parents:
                continue  # a test may take it from a list
            yield ast.literal_eval(named.values[0] if isinstance(named, ast.JoinedStr) else named)


def own_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Package and full name of what a file imports of bertsent; `bertsent.__version__` is of none."""
    for name in imports(path):
        first, _, rest = name.partition(".")
        if first == "bertsent" and (imported := rest.partition(".")[0]) in RANKS:
            yield imported, name


def body_length(function: ast.FunctionDef) -> int:
    """The lines of a function below its signature and docstring."""
    first = function.body[1:][:1] if ast.get_docstring(function) else function.body[:1]
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


# who imports whom


def test_bertsent_holds_its_packages_and_nothing_else() -> None:
    there = {path.name for path in PACKAGE.iterdir() if path.is_file() or any(path.rglob("*.py"))}
    assert there - RANKS.keys() == {"__init__.py", "__main__.py", "py.typed"}
    assert RANKS.keys() - TO_COME <= there
    assert all((PACKAGE / name / "__init__.py").is_file() for name in there & RANKS.keys())


@pytest.mark.parametrize("name", [name for name in RANKS if (PACKAGE / name).is_dir()])
def test_package_imports_go_one_way(name: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for path in sorted((PACKAGE / name).rglob("*.py"))
        for other, imported in own_imports(path)
        if other != name and RANKS[other] <= RANKS[name]
    ]
    assert wrong == [], f"against the order {ORDER}"


def test_package_itself_and_the_door_to_tensorflow_are_leaves() -> None:
    assert not list(imports(PACKAGE / "__init__.py"))
    assert {name for name, _ in own_imports(PACKAGE / "tf" / "__init__.py")} <= {"base"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tensorflow_is_imported_below_tf_only(path: Path) -> None:
    names = {name.split(".")[0] for name in imports(path)}
    assert package(path) == "tf" or not names & TENSORFLOW
    assert not names & BANNED.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_neither_prints_nor_exits_nor_catches_everything(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"print", "input", "exit", "quit", "sys.exit", "os._exit"}
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    assert not any(isinstance(node, ast.ExceptHandler) and node.type is None for node in ast.walk(tree))
    assert package(path) == "cli" or not {name for name in imports(path) if name.split(".")[0] == "typer"}


# tests, benchmarks and scripts, which mypy does not read


@cache
def named(module: Path) -> set[str]:
    """Every name that a module imports, defines or assigns."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def exists(name: str, folders: Sequence[Path]) -> bool:
    """Whether a full name is a module below one of the folders, or a name in such a module."""
    *parents, last = name.split(".")
    for path in (folder.joinpath(*parents) for folder in folders):
        if (path / f"{last}.py").is_file() or (path / last / "__init__.py").is_file():
            return True
        modules = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
        if parents and any(last in named(module) for module in modules):
            return True
    return False


PROGRAMS = [path for folder in ("tests", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_tests_and_programs_import_exists(path: Path) -> None:
    folders = [path.parent, ROOT / "tests", ROOT]
    here = {"bertsent", "support"} | {file.stem for file in path.parent.glob("*.py")}
    ours = [name for name in imports(path) if name.partition(".")[0] in here]
    assert [name for name in ours if not exists(name, folders)] == []


def test_bundle_minilm_writes_where_the_encoder_lies() -> None:
    target = runpy.run_path(str(ROOT / "scripts" / "bundle_minilm.py"))["TARGET"]
    assert (target / "encoder.safetensors").is_file()


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
