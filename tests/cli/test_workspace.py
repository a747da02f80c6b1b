"""The right workspace and the right model: nothing else answers under the name of what was asked for."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import fake_versions
from typer.testing import Result

from bertsent.cli._app import LIFE_CYCLE
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, MANIFEST

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]

# Each command with arguments that are right in a workspace.
COMMANDS = {
    "download": ["--sample"],
    "preview": ["--list"],
    "check": ["reviews.csv"],
    "train": [],
    "predict": ["great film"],
    "label": ["--export", "out.csv"],
    "batch": ["reviews.csv"],
    "evaluate": ["reviews.csv"],
    "drift": ["--quiet"],
    "retrain": [],
    "models": [],
    "export": ["litert", "out"],
}


def one_line(result: Result, code: int) -> str:
    """The only line on stderr of a command that failed."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    return line


# BERTSENT_HOME


@pytest.mark.parametrize("words", [["predict", "--help"], ["models", "show", "-h"]], ids=" ".join)
def test_help_comes_whatever_home_is(run: Run, words: list[str]) -> None:
    result = run(*words, env={"BERTSENT_HOME": "/nowhere"})
    assert result.exit_code == 0
    assert result.stdout.lstrip().startswith("Usage: bertsent")


@pytest.mark.parametrize("words", [[name, *COMMANDS[name]] for name in LIFE_CYCLE], ids=" ".join)
@pytest.mark.parametrize("json_too", [False, True], ids=["text", "json"])
def test_home_that_is_not_there_is_refused_by_every_command(
    run: Run, workspace: Path, words: list[str], json_too: bool
) -> None:
    named = workspace / "disk" / "reviews"
    result = run(*words, *["--json"] * json_too, env={"BERTSENT_HOME": str(named)})
    line = one_line(result, 2)
    assert line.startswith("Error: BERTSENT_HOME must name a folder: this is not there.")
    assert f"Received: {named}." in line
    assert line.endswith(f"mkdir -p {named}")
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("command", ["predict", "drift", "models", "label"])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda path: path.write_text("x", encoding="utf-8"), "this is not a folder"),
        (lambda path: path.symlink_to("unmounted"), "a link that leads to no folder"),
        (lambda path: path.symlink_to(path), "a link that leads to no folder"),
    ],
    ids=["file", "dangling link", "link to itself"],
)
def test_home_that_is_something_else_is_refused(
    run: Run, workspace: Path, command: str, made: Callable[[Path], object], said: str
) -> None:
    made(workspace / "home")
    result = run(command, *COMMANDS[command], env={"BERTSENT_HOME": str(workspace / "home")})
    assert said in one_line(result, 2)
    assert [path.name for path in workspace.iterdir()] == ["home"]


@pytest.mark.parametrize("command", ["predict", "drift", "label"])
@pytest.mark.parametrize("there", [False, True], ids=["no such folder", "as 0.4.0 made it"])
@pytest.mark.parametrize("name", ["~", "~/reviews"])
def test_home_whose_tilde_was_not_expanded_says_where_that_happens(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch, command: str, there: bool, name: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    if there:
        (workspace / name).mkdir(parents=True)
    line = one_line(run(command, *COMMANDS[command], env={"BERTSENT_HOME": name}), 2)
    assert f"Received: {name}." in line
    assert "cron, systemd and docker -e expand no ~" in line
    assert line.endswith(f"BERTSENT_HOME={name.replace('~', '/home/ann')}")


def test_home_is_shown_safely(run: Run) -> None:
    line = one_line(run("predict", "x", env={"BERTSENT_HOME": "a\x1b[2J b"}), 2)
    assert line.isprintable()
    assert line.endswith(r"mkdir -p 'a\x1b[2J b'")


def test_home_may_be_a_link_to_a_folder(run: Run, workspace: Path) -> None:
    (workspace / "real").mkdir()
    (workspace / "link").symlink_to("real")
    assert run("download", "--sample", env={"BERTSENT_HOME": str(workspace / "link")}).exit_code == 0
    assert (workspace / "real" / "data" / "sample").is_dir()


def test_current_folder_that_was_removed_is_one_line(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "gone").mkdir()
    monkeypatch.chdir(workspace / "gone")
    monkeypatch.delenv("BERTSENT_HOME")
    (workspace / "gone").rmdir()
    assert "The current folder was removed." in one_line(run("predict", "x"), 2)


# the packaged version has a name


def scored(run: Run, *options: object) -> dict[str, object]:
    result = run("predict", "A warm, funny film.", "--json", *options)
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_packaged_version_says_its_name_in_every_output(run: Run, workspace: Path) -> None:
    Path("reviews.csv").write_text("text,label\nGreat fun.,positive\nA bore.,negative\n", encoding="utf-8")
    assert scored(run)["version"] == "packaged"
    assert scored(run, "--model", "packaged") == scored(run)
    assert scored(run, "--model", ROOT / "model" / "1") == scored(run), "it is that folder"
    said = run("batch", "reviews.csv", "-o", "out.csv")
    assert "the packaged version: " in said.stdout
    with Path("out.csv").open(encoding="utf-8", newline="") as rows:
        assert {row["version"] for row in csv.DictReader(rows)} == {"packaged"}
    summary = json.loads(run("batch", "reviews.csv", "-o", "out.jsonl", "--json").stdout)["summary"]
    assert summary["version"] == "packaged"
    page = ["evaluate", "reviews.csv", "--report", "page.html"]
    assert "the packaged version, threshold" in run(*page).stdout
    assert "<h1>The packaged version on" in Path("page.html").read_text(encoding="utf-8")
    assert json.loads(run(*page, "--force", "--json").stdout)["version"] == "packaged"
    assert run("models", "why", "packaged").stdout.startswith("The packaged version, ")
    assert json.loads(run("models", "why", "packaged", "--json").stdout)["version"] == "packaged"
    assert json.loads(run("models", "show", "packaged", "--json").stdout)["version"] == "packaged"
    (entry,) = json.loads(run("models", "--json").stdout)
    assert (entry["version"], entry["packaged"], entry["current"]) == ("packaged", True, True)
    assert run("models").stdout.splitlines()[1].split()[:2] == ["*", "packaged"]


def test_packaged_version_is_named_in_the_label_log(run: Run, workspace: Path) -> None:
    assert run("predict", "A warm film.", "--sentiment", "positive").exit_code == 0
    (line,) = (workspace / "labels" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["version"] == "packaged"


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "x", "--model", "1"],
        ["batch", "reviews.csv", "--model", "1"],
        ["export", "litert", "out", "--model", "1"],
        ["drift", "--model", "1"],
        ["models", "show", "1"],
        ["models", "why", "1"],
        ["models", "rollback", "1"],
        ["models", "diff", "packaged", "1", "reviews.csv"],
    ],
    ids=" ".join,
)
def test_number_never_means_the_packaged_version(run: Run, words: list[str]) -> None:
    Path("reviews.csv").write_text("text,label\nGreat fun.,positive\n", encoding="utf-8")
    line = one_line(run(*words), 2)
    assert "There is no version 1 in" in line
    assert "packaged is the version that came with bertsent" in line
    assert not Path("model").exists()


def test_number_of_a_pruned_version_does_not_come_back(run: Run, workspace: Path) -> None:
    for content in (b"one", b"two"):
        fake_versions.publish(workspace / "model", classifier=content)
    assert re.fullmatch(r"Removed: 1 \(.*\). Kept: 2.\n", run("models", "prune", "--keep", "1").stdout)
    assert "There is no version 1" in one_line(run("predict", "x", "--model", "1"), 2)
    assert "There is no version 1" in one_line(run("models", "rollback", "1"), 2)
    line = one_line(run("models", "rollback"), 2)
    assert "bertsent models rollback packaged" in line
    assert [path.name for path in (workspace / "model").iterdir()] == ["2"]


def test_rollback_to_the_packaged_version_says_so(run: Run, workspace: Path) -> None:
    fake_versions.publish(workspace / "model")
    back = run("models", "rollback", "packaged")
    assert back.stdout == "Version 2, a copy of the packaged version, is now current and replaces version 1\n"
    assert "rollback packaged" in run("models").stdout
    why = "It has the files of the packaged version and replaced version 1."
    assert why in run("models", "why", "2").stdout
    assert why in (workspace / "model" / "2" / "README.md").read_text(encoding="utf-8")
    entry = json.loads(run("models", "--json").stdout)[-1]
    assert (entry["version"], entry["republished_from"]) == (2, "packaged")
    assert scored(run)["version"] == "2"
    forth = json.loads(run("models", "rollback", "1", "--json").stdout)
    assert (forth["before"], forth["version"], forth["republished_from"]) == (2, 3, 1)


def test_checkout_has_its_packaged_version_as_number_1(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the workspace is the checkout, model/1 is its own."""
    monkeypatch.setenv("BERTSENT_HOME", str(ROOT))
    assert scored(run)["version"] == "1"
    assert scored(run, "--model", "1") == scored(run, "--model", "packaged") == scored(run)
    (entry,) = json.loads(run("models", "--json").stdout)
    assert (entry["version"], entry["packaged"]) == (1, False)


def test_models_lists_the_packaged_version_where_the_own_ones_began_with_it(
    run: Run, workspace: Path
) -> None:
    fake_versions.publish(workspace / "model")
    assert [entry["version"] for entry in json.loads(run("models", "--json").stdout)] == [1]
    (workspace / "model" / "1").rename(workspace / "model" / "2")
    fake_versions.edit(workspace / "model" / "2", version=2)
    listed = json.loads(run("models", "--json").stdout)
    assert [(entry["version"], entry["current"]) for entry in listed] == [("packaged", False), (2, True)]


def test_packaged_version_of_a_checkout_is_the_one_that_the_wheel_gets() -> None:
    path = store.packaged_path()
    assert path is not None
    wheel = f'"{path.relative_to(ROOT)}" = "bertsent/model/{path.name}"'
    assert wheel in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


# what looks like a version and is none


def halved(model: Path) -> None:
    fake_versions.publish(model)
    (model / "1" / MANIFEST).unlink()
    (model / "1").rename(model / "3")


def renamed(model: Path, name: str) -> None:
    fake_versions.publish(model)
    (model / "1").rename(model / name)


def too_deep(model: Path) -> None:
    fake_versions.publish(model / "model")


STRAYS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (halved, "3 (no manifest.json)"),
    "zeros": (lambda model: renamed(model, "01"), "01 (its number begins with 0)"),
    "copy": (lambda model: renamed(model, "3 (copy)"), "3 (copy) (its name is no number)"),
    "v3": (lambda model: renamed(model, "v3"), "v3 (its name is no number)"),
    "best": (lambda model: renamed(model, "best"), "best (its name is no number)"),
    "empty": (lambda model: (model / "7").mkdir(parents=True), "7 (no manifest.json)"),
    "file": (lambda model: (model.mkdir(), (model / "2").touch()), "2 (not a folder)"),
    "too deep": (too_deep, "model (versions lie in it)"),
}


@pytest.mark.parametrize("command", ["predict", "evaluate", "drift", "export"])
@pytest.mark.parametrize("case", STRAYS)
def test_what_looks_like_a_version_is_refused_where_nothing_else_is(
    run: Run, workspace: Path, case: str, command: str
) -> None:
    Path("reviews.csv").write_text("text,label\nGreat fun.,positive\n", encoding="utf-8")
    make, named = STRAYS[case]
    make(workspace / "model")
    line = one_line(run(command, *COMMANDS[command]), 6)
    assert f"holds no whole version. Received: {named}." in line
    assert "--model packaged" in line
    assert scored(run, "--model", "packaged")["version"] == "packaged"


@pytest.mark.parametrize("case", STRAYS)
def test_what_looks_like_a_version_is_told_beside_one(run: Run, workspace: Path, case: str) -> None:
    make, named = STRAYS[case]
    make(workspace / "model")
    shutil.copytree(ROOT / "model" / "1", workspace / "model" / "1")
    for words in (["predict", "x"], ["predict", "x", "--model", "1"], ["models", "show", "1"], ["models"]):
        result = run(*words)
        assert result.exit_code == 0, result.stderr
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"Passed over in {workspace / 'model'}: {named}.")


def test_models_lists_none_as_current_where_only_strays_are(run: Run, workspace: Path) -> None:
    halved(workspace / "model")
    result = run("models", "--json")
    assert [entry["current"] for entry in json.loads(result.stdout)] == [False]
    assert "3 (no manifest.json)" in result.stderr


@pytest.mark.parametrize("name", [".next.x.tmp", "notes", "README.md", "2026-notes"])
def test_what_does_not_look_like_a_version_is_no_news(run: Run, workspace: Path, name: str) -> None:
    (workspace / "model" / name).mkdir(parents=True)
    result = run("predict", "x", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["version"] == "packaged"


@pytest.mark.parametrize("model", ["01", "001", "0"])
def test_number_with_zeros_is_no_number(run: Run, workspace: Path, model: str) -> None:
    fake_versions.publish(workspace / "model")
    assert "takes the number of a version" in one_line(run("predict", "x", "--model", model), 2)


def test_number_with_zeros_names_the_folder_that_has_it(run: Run, workspace: Path) -> None:
    shutil.copytree(ROOT / "model" / "1", workspace / "model" / "01")
    line = one_line(run("predict", "x", "--model", "01"), 2)
    assert line.endswith(f"Hint: name its folder, {workspace / 'model' / '01'}")
    assert scored(run, "--model", "model/01")["version"] == "1"


def test_number_of_half_a_version_says_what_it_lacks(run: Run, workspace: Path) -> None:
    halved(workspace / "model")
    line = one_line(run("predict", "x", "--model", "3"), 6)
    assert "model/3 is no whole version: no manifest.json." in line


@pytest.mark.parametrize("command", ["predict", "drift", "models"])
def test_model_folder_on_a_disk_that_is_gone_is_not_an_empty_one(
    run: Run, workspace: Path, command: str
) -> None:
    (workspace / "model").symlink_to("/nowhere/model")
    line = one_line(run(command, *COMMANDS[command]), 6)
    assert "a link that leads nowhere" in line


def test_classifier_alone_is_what_looks_like_a_version(run: Run, workspace: Path) -> None:
    (workspace / "model" / "mine").mkdir(parents=True)
    (workspace / "model" / "mine" / CLASSIFIER).touch()
    assert "mine (its name is no number)" in one_line(run("predict", "x"), 6)
