"""The pages say what the program says: README, CONTRIBUTING, CHANGELOG and docs/."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from support import markdown
from support.markdown import Call
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import Result

import bertsent
from bertsent.base.presets import Preset
from bertsent.base.records.core import to_json
from bertsent.base.records.metrics import Confusion, Metrics, Quantised
from bertsent.base.records.training import Download, Preview, Trained, Tree
from bertsent.cli import app
from bertsent.cli._app import LIFE_CYCLE
from bertsent.cli.train import _as_json as train_as_json
from bertsent.drift.history import Look, Outcome
from bertsent.labelling.decisions import Decision
from bertsent.labelling.exports import Exported
from bertsent.labelling.imports import Conflict
from bertsent.retraining.gate import GateResult
from bertsent.retraining.outcomes import ledger_line
from bertsent.retraining.paired import Paired
from bertsent.retraining.records import Retrained

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README, CHANGELOG, REFERENCE = ROOT / "README.md", ROOT / "CHANGELOG.md", DOCS / "reference.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", CHANGELOG, *sorted(DOCS.rglob("*.md"))]
CALLS = [call for page in PAGES for call in markdown.calls(page, ROOT)]
LONGEST_README = 200  # lines

# The calls that no test here runs, by the first words of their arguments, and why.
NOT_RUN = {
    "train": "trains; tests/cli/test_train.py runs it",
    "retrain": "trains; tests/cli/test_retrain.py runs it",
    "preview": "needs TensorFlow; tests/cli/test_preview.py runs it",
    "export saved-model": "needs TensorFlow; tests/cli/test_export.py runs it",
    "batch inbox": "watches until a signal ends it; tests/cli/test_batch_watch.py runs it",
    "drift --texts inbox": "watches until a signal ends it; tests/cli/test_remedies.py runs it",
    "download --encoder": "needs the network",
    "download": "needs the network; `download --sample` does not, and is run",
    "label --import": "reads files of other programs; tests/labelling/test_imports.py runs it",
    "label": "asks at a terminal; tests/cli/test_label.py runs it. From a pipe it is run",
}
IN_DOCKER = "needs Docker"


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(value: object) -> str:
    if isinstance(value, Path):
        return str(value.relative_to(ROOT))
    return f"{value.page}: {value.line}" if isinstance(value, Call) else str(value)


# what is generated, what has to be there


def test_generated_pages_are_the_programs_own() -> None:
    main = runpy.run_path(str(ROOT / "scripts" / "docs_generate.py"))["main"]
    assert main(["--check"]) == 0, "run: make fmt"


def test_every_command_has_a_place_in_the_life_cycle() -> None:
    folder = ROOT / "bertsent" / "cli"
    commands = {path.stem for path in folder.glob("[a-z]*.py")} | {"models"}
    assert commands == set(LIFE_CYCLE)


@pytest.mark.parametrize("command", LIFE_CYCLE)
def test_every_command_is_in_the_list_of_commands_and_in_readme(command: str) -> None:
    listed = markdown.headings(text_of(DOCS / "commands.md"))
    assert {f"bertsent {' '.join([command, *more])}" for more in sub_commands(command)} <= set(listed)
    assert re.search(rf"^\| *`(bertsent )?{command}\b", text_of(README), re.MULTILINE), "no row in its table"


def sub_commands(command: str) -> Iterator[list[str]]:
    """[] for the command itself, and the words of each command below it."""
    yield []
    found = command_of([command])[0]
    if isinstance(found, TyperGroup):
        yield from ([name] for name in found.commands)


def test_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= LONGEST_README


def test_changelog_begins_with_the_present_version() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", text_of(CHANGELOG), re.MULTILINE)
    if versions[0] == "Unreleased":
        versions = versions[1:]
    assert versions[0] == bertsent.__version__


def test_the_site_has_every_page() -> None:
    named = set(re.findall(r"[\w/-]+\.md", text_of(ROOT / "mkdocs.yml")))
    assert named == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


# links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_something(page: Path) -> None:
    for link in markdown.links(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue  # an address elsewhere; no test uses the network
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        inside = DOCS in target.parents
        assert inside or DOCS not in page.parents, f"{link} leaves docs/, so the site cannot have it"
        if anchor:
            assert anchor in markdown.github_anchors(text_of(target)), link
            assert not inside or anchor in markdown.site_anchors(text_of(target)), link


def test_files_named_in_pages_and_in_the_code_exist() -> None:
    sources = [path for name in ("bertsent", "tests", "scripts") for path in (ROOT / name).rglob("*.py")]
    for page in [*PAGES, ROOT / "Makefile", ROOT / "pyproject.toml", *sources]:
        named = re.findall(r"(?<![\w/.-])(?:docs|tests|scripts)/[\w/-]+\.(?:md|py|sh)\b", text_of(page))
        missing = [name for name in named if not (ROOT / name).exists()]
        assert not missing, (page, missing)


def test_anchors_are_those_of_github_and_of_the_site() -> None:
    text = "# Retrain, and go back\n## model/1: `a_b` é\n```text\n# none\n```\n## Twice\n## Twice\n"
    assert markdown.github_anchors(text) == {"retrain-and-go-back", "model1-a_b-é", "twice", "twice-1"}
    assert markdown.site_anchors(text) == {"retrain-and-go-back", "model1-a_b-e", "twice", "twice_1"}


# command lines


def command_of(words: list[str]) -> tuple[Any, list[str], Any]:
    """The command that the words name, the words behind its name, and its context."""
    command: Any = get_command(app)
    context = typer.Context(command, info_name="bertsent")
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            break
        context = typer.Context(found, info_name=words[0], parent=context)
        command, words = found, words[1:]
    return command, words, context


@pytest.mark.parametrize("call", CALLS, ids=name_of)
def test_command_lines_parse(call: Call) -> None:
    command, words, context = command_of(list(call.words))
    if {"--help", "-h", "--version"} & {*words}:
        assert options(words) <= known_options(command, context)
    else:
        command.make_context("bertsent", words, parent=context.parent)  # raises where Typer would complain


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_text_exist_with_their_options(page: Path) -> None:
    for mentioned in markdown.mentions(text_of(page)):
        command, words, context = command_of(mentioned)
        assert not isinstance(command, TyperGroup) or not words or words[0].startswith("-"), mentioned
        assert options(words) <= known_options(command, context), mentioned


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}


def known_options(command: Any, context: Any) -> set[str]:
    parameters = command.get_params(context)
    return {name for parameter in parameters for name in [*parameter.opts, *parameter.secondary_opts]}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_scripts_and_targets_in_command_lines_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for line in markdown.command_lines(text_of(page)):
        for target in re.findall(r"(?:^|&& )make ([a-z]+)", line):
            assert target in targets, line
        for script, rest in re.findall(r"python ((?:tests|scripts)/\S+)([^#]*)", line):
            source = text_of(ROOT / script)
            assert all(f'"{option}"' in source for option in options(rest.split())), line


# command lines, run


def why_not(call: Call) -> str:
    """Why a call is not run; "" if it is."""
    if call.docker:
        return IN_DOCKER
    if call.words[:2] in {("download", "--sample"), ("label", "--export")}:
        return ""
    if call.words[:1] == ("label",) and from_pipe(call):
        return ""
    named = " ".join(call.words)
    return next((why for first, why in NOT_RUN.items() if f"{named} ".startswith(f"{first} ")), "")


def from_pipe(call: Call) -> bool:
    return bool(call.before or call.stdin)


def test_each_reason_not_to_run_a_call_is_needed() -> None:
    assert {*map(why_not, CALLS)} == {"", IN_DOCKER, *NOT_RUN.values()}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with all that the pages name: versions 1 and 2, and small files of reviews."""
    from bertsent.data.sample import read_sample
    from bertsent.versions import store
    from bertsent.versions.manifest import CLASSIFIER, read_version

    home = tmp_path_factory.mktemp("docs") / "home"
    shutil.copytree(ROOT / "model" / "1", home / "model" / "1")
    first = read_version(home / "model" / "1")
    with store.staging(home / "model", needed=0) as path:
        for name in first.manifest.files:
            os.link(first.path / name, path / name)
        (path / CLASSIFIER).unlink()  # another file with the same scores, so that there is a way back
        (path / CLASSIFIER).write_bytes(first.file(CLASSIFIER).read_bytes() + b"\0")
        store.publish(path, first.manifest, folder=home / "model")
    rows = list(read_sample())[:40]
    for number, row in enumerate(rows):
        for half in ("train", "test"):
            file = home / "data" / "aclImdb" / half / row.label[:3] / f"{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(row.text, encoding="utf-8")
    texts = [row.text for row in rows[:3]]
    (home / "review.txt").write_text(texts[0], encoding="utf-8")
    (home / "reviews.txt").write_text("\n".join(texts), encoding="utf-8")
    (home / "reviews.csv").write_text(
        "text,label\nGreat fun.,positive\nA bore.,negative\nI slept.,0\nI laughed.,1\n", encoding="utf-8"
    )
    (home / "sales.csv").write_text(
        "product,date,text\nlamp,2026-01-31,Warm light. It broke.\nkettle,2026-02-01,Loud.\n",
        encoding="utf-8",
    )
    shutil.copyfile(ROOT / "bertsent" / "data" / "sample" / "kitchen.jsonl", home / "kitchen.jsonl")
    return home


SECONDS = {"README.md", "docs/guide/export.md"}  # their commands judge drift and export: some seconds


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if name_of(page) in SECONDS else ()) for page in PAGES],
    ids=map(name_of, PAGES),
)
def test_commands_of_a_page_run(
    page: Path,
    template: Path,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after the other, in a workspace of the page. `drift` gets --no-retrain: it judges, and trains
    nothing."""
    calls = [call for call in markdown.calls(page, ROOT) if not why_not(call)]
    if not calls:
        return
    home = tmp_path / "home"
    shutil.copytree(template, home, copy_function=os.link)
    monkeypatch.chdir(home)
    monkeypatch.setenv("BERTSENT_HOME", str(home))
    compare_on_few_reviews(monkeypatch)
    for call in calls:
        drift = call.words[:1] == ("drift",)
        retrains = drift and "--texts" not in call.words
        result = run(*call.words, *["--no-retrain"] * retrains, input=stdin_of(call, home))
        expected = {0, 3, 4} if drift else {0}
        assert result.exit_code in expected, (call.line, result.output, result.exception)


def stdin_of(call: Call, home: Path) -> bytes:
    if call.stdin:
        return (home / call.stdin).read_bytes()
    before = call.before.replace("tail -f", "cat")  # which ends
    return subprocess.run(["bash", "-c", before], cwd=home, stdout=subprocess.PIPE, check=True).stdout


def compare_on_few_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are compared on one bundled review and a few odd texts: more take seconds."""
    from bertsent.base.settings.export import ExportSettings
    from bertsent.export import litert_onnx

    monkeypatch.setitem(litert_onnx.export.__kwdefaults__, "settings", ExportSettings(sample=1, long=0))


# JSON keys


@pytest.fixture
def home(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = Path(shutil.copytree(template, tmp_path / "home", copy_function=os.link))
    monkeypatch.setenv("BERTSENT_HOME", str(home))
    monkeypatch.chdir(home)
    return home


FREE = {
    "counts",
    "data",
    "encoder",
    "examples",
    "files",
    "left_out",
    "libraries",
    "probes",
    "renamed",
    "report",
    "settings",
}
JSON = [
    ("Predictions", ["predict", "great film"]),
    ("Batch summary", ["batch", "reviews.csv", "-o", "scored.csv"]),
    ("Predictions; Batch summary", ["batch", "reviews.csv", "--sentences", "--by", "label"]),
    ("Evaluations", ["evaluate", "reviews.csv"]),
    ("Evaluations", ["evaluate", "reviews.csv", "--choose-threshold", "cost=5:1"]),
    ("Checks", ["check", "reviews.csv"]),
    ("Checks", ["check", "data/aclImdb"]),
    ("Labelling", ["label"]),
    ("Labelling", ["label", "--import", "kitchen.jsonl"]),
    ("Labelling", ["label", "--export", "labels.csv"]),
    ("Drift", ["drift", "--no-retrain"]),
    ("Drift", ["drift", "--no-retrain"]),
    ("Drift", ["drift", "--texts", "kitchen.jsonl"]),
    ("Versions", ["models"]),
    ("Versions; Training; Evaluations", ["models", "show", "1"]),
    ("Versions", ["models", "why", "1"]),
    ("Versions", ["models", "diff", "1", "2"]),
    ("Versions", ["models", "curve"]),
    ("Versions", ["models", "rollback"]),
    ("Versions", ["models", "prune"]),
    ("Exports", ["export", "litert", "phone"]),
    ("Downloads", ["download", "--sample"]),
    ("Previews", ["preview", "--list"]),
]


@pytest.mark.slow
def test_reference_names_the_json_keys_that_commands_print(
    run: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_on_few_reviews(monkeypatch)
    labels = (home / "kitchen.jsonl").read_bytes()
    for heading, words in JSON:
        result = run(*words, "--json", input=labels if words == ["label"] else None)
        assert result.exit_code in {0, 3}, (words, result.output)
        named = documented(heading)
        for line in result.stdout.splitlines():
            assert keys(json.loads(line)) <= named, words
    exported = json.loads((home / "phone" / "export.json").read_text(encoding="utf-8"))
    assert keys(exported) <= documented("Exports")


@pytest.mark.parametrize(
    ("heading", "records"),
    [
        ("Retraining", [Retrained, GateResult, Paired]),
        ("Previews", [Preview, Tree, Preset]),
        ("Training", [Metrics]),
        ("The label log", [Decision]),
        ("Labelling", [Conflict, Exported]),
        ("Downloads", [Download]),
        ("The drift history", [Look, Outcome]),
    ],
)
def test_reference_names_the_keys_of_records(heading: str, records: list[Any]) -> None:
    assert {field.name for record in records for field in fields(record)} <= documented(heading)


def test_reference_names_the_keys_of_the_ledger_and_of_train() -> None:
    lineage: dict[str, Any] = dict.fromkeys(("rows", "keys", "champion", "start"))
    lineage |= {"because": {"kind": "drift", "batch": ""}, "labels": {"n": 1}, "gate": {"reason": ""}}
    assert ledger_line("published", lineage, 2).keys() <= documented("The ledger")
    metrics = Metrics(Confusion(), 0.0, 0.0, 0.0, {"accuracy": (0.0, 0.0)})
    trained = Trained(1, Path("1"), 1, (), {"test": metrics}, Quantised(1.0, 1.0, 1), 1.0)
    assert keys(to_json(train_as_json(trained))) <= documented("Training; Evaluations")


def documented(headings: str) -> set[str]:
    """The words in code of these sections of the reference."""
    texts = [markdown.section(text_of(REFERENCE), heading) for heading in headings.split("; ")]
    return {
        word for text in texts for code in markdown.inline_code(text) for word in re.findall(r"\w+", code)
    }


def keys(value: Any) -> set[str]:
    """The keys of an object and of those in it, except where keys are data."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys(inner) for key, inner in value.items() if key not in FREE))
