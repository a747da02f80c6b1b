"""`bertsent models`: the list, and what can be asked of a version."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_versions
from support import retrain_world as world
from support.pty_terminal import Person
from typer.testing import Result

from bertsent.base.records.core import to_json
from bertsent.retraining.gate import Taught, judge
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.paired import PairedScores
from bertsent.scoring.scorer import Scorer
from bertsent.versions import store
from bertsent.versions.manifest import version_numbers

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, challenged: Path, films: Path) -> Path:
    """A workspace in which drift led from version 1 to version 2."""
    home = Path(shutil.copytree(challenged, tmp_path_factory.mktemp("finished") / "home"))
    assert world.retrain(home, films).version == 2
    return home


@pytest.fixture
def home(finished: Path, workspace: Path) -> Path:
    return Path(shutil.copytree(finished, workspace, dirs_exist_ok=True))


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


# the list


@pytest.mark.usefixtures("home")
def test_models_lists_every_version_and_marks_the_current(run: Run) -> None:
    lines = run("models").stdout.splitlines()
    assert lines[1].split()[:1] == ["1"]
    assert lines[2].split()[:2] == ["*", "2"]
    assert "drift" in lines[2]
    listed = answer(run("models", "--json"))
    assert [(each["version"], each["current"], each["reason"]) for each in listed] == [
        (1, False, "train"),
        (2, True, "drift"),
    ]
    assert listed[1]["parent"] == 1
    assert listed[1]["labels"] == pytest.approx(0.8 * world.LABELS, abs=20)


def test_models_lists_a_damaged_version_as_such(run: Run, home: Path) -> None:
    (home / "model" / "1" / "manifest.json").write_text("{", encoding="utf-8")
    listed = run("models")
    assert listed.exit_code == 0
    assert "1  damaged" in listed.stdout
    assert answer(run("models", "--json"))[0]["damaged"] is True


def test_models_in_an_empty_workspace_lists_what_came_with_bertsent(
    run: Run, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_versions.publish(tmp_path / "package")
    monkeypatch.setattr(store, "packaged_path", lambda: tmp_path / "package" / "1")
    listed = answer(run("models", "--json"))
    assert [(each["version"], each["packaged"], each["current"]) for each in listed] == [
        ("packaged", True, True)
    ]
    monkeypatch.setattr(store, "packaged_path", lambda: None)
    none = run("models")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "No version yet" in none.stderr


def test_models_shows_what_a_manifest_says_safely(run: Run, workspace: Path) -> None:
    fake_versions.publish(
        workspace / "model", reason="\x1b[2J", created="\x1b]0;x\x07", encoder={"name": "\x9b"}
    )
    for words in (["models"], ["models", "show", "1"], ["models", "why", "1"]):
        shown = run(*words)
        assert shown.exit_code == 0, shown.stderr
        assert shown.stdout.replace("\n", "").isprintable()


# show and why


@pytest.mark.usefixtures("home")
def test_show_names_encoder_figures_and_files(run: Run, finished: Path) -> None:
    shown = run("models", "show", "2").stdout
    for word in ("Version 2", "intact", "32 word pieces", "labels:", "classifier.tflite", "accuracy 1.0000"):
        assert word in shown
    assert answer(run("models", "show", "2", "--json"))["version"] == 2


def test_show_of_a_damaged_version_names_the_file(run: Run, home: Path) -> None:
    (home / "model" / "2" / "reference.npz").write_bytes(b"")
    shown = run("models", "show", "2")
    assert shown.exit_code == 6
    assert "reference.npz is not what its manifest says" in shown.stderr


@pytest.mark.usefixtures("home")
def test_why_tells_labels_drift_and_gate(run: Run) -> None:
    said = run("models", "why", "2").stdout
    for word in ("by drift", "to train on", "reserved", "Drift: drift, text 0.900", "Against version 1"):
        assert word in said
    assert "look foreign" in said
    assert "New reviews kept aside: " in said
    assert "Old reviews: 100.0 %, as before (0 put right, 0 broken)." in said
    lineage = answer(run("models", "why", "2", "--json"))["lineage"]
    assert lineage["because"]["batch"] == "b" * 64
    assert lineage["gate"]["passed"] is True


@pytest.mark.usefixtures("home")
def test_why_of_a_trained_version_names_its_data(run: Run) -> None:
    said = run("models", "why", "1").stdout
    assert "by train" in said
    assert "no labels" in said


@pytest.mark.parametrize(
    "words", [["show", "9"], ["why", "nothing"], ["rollback", "9"], ["prune", "--keep", "0"]]
)
@pytest.mark.usefixtures("home")
def test_models_refuses_what_is_not_there(run: Run, words: list[str]) -> None:
    assert run("models", *words).exit_code == 2


# rollback and prune


def test_rollback_says_what_is_current_now(run: Run, home: Path) -> None:
    back = run("models", "rollback")
    assert back.exit_code == 0, back.stderr
    assert back.stdout == "Version 3, a copy of version 1, is now current and replaces version 2\n"
    assert world.current(home).name == "3"
    assert "rollback 1" in run("models").stdout
    assert "It has the files of version 1 and replaced version 2." in run("models", "why", "3").stdout
    card = (home / "model" / "3" / "README.md").read_text(encoding="utf-8")
    assert "It has the files of version 1 and replaced version 2." in card
    assert "Made by `bertsent train`" in card
    again = run("models", "rollback", "1")
    assert again.stdout == "Version 3 is already current: a copy of version 1\n"
    forth = answer(run("models", "rollback", "2", "--json"))
    assert (forth["before"], forth["version"], forth["republished_from"]) == (3, 4, 2)
    assert "Drift: drift" in run("models", "why", "4").stdout


def test_rolled_back_version_scores_as_the_old_one(run: Run, home: Path) -> None:
    before = answer(run("predict", "tasty tasty", "--json", "--model", "1"))["score"]
    run("models", "rollback")
    assert answer(run("predict", "tasty tasty", "--json"))["score"] == before


def test_prune_removes_the_old_and_says_so(run: Run, home: Path) -> None:
    assert run("models", "prune").stdout == "Removed: none. Kept: 1, 2.\n"
    size = sum(path.stat().st_size for path in (home / "model" / "1").iterdir())
    would = run("models", "prune", "--keep", "1", "--dry-run").stdout
    assert re.fullmatch(r"Would remove: 1 \(\S+ [kM]?B\). Would keep: 2.\n", would)
    assert version_numbers(home / "model") == [1, 2]
    planned = answer(run("models", "prune", "--keep", "1", "--dry-run", "--json"))
    assert (planned["removed"], planned["bytes"], planned["dry_run"]) == ([1], size, True)
    pruned = run("models", "prune", "--keep", "1")
    assert pruned.stdout == would.replace("Would remove", "Removed").replace("Would keep", "Kept")
    assert version_numbers(home / "model") == [2]
    assert run("models", "why", "2").exit_code == 0
    assert run("predict", "tasty").exit_code == 0


@pytest.mark.parametrize(
    ("keys", "words", "left"), [("y\r", "Removed: 1", [2]), ("\r", "Would remove: 1", [1, 2])]
)
def test_prune_asks_on_a_terminal(home: Path, keys: str, words: str, left: list[int]) -> None:
    with Person("models", "prune", "--keep", "1") as person:
        person.see("Remove 1 (", "and keep 2?")
        person.press(keys, words)
        assert person.end() == 0
    assert version_numbers(home / "model") == left


def test_prune_with_yes_does_not_ask(home: Path) -> None:
    with Person("models", "prune", "--keep", "1", "--yes") as person:
        person.see("Removed: 1")
        assert person.end() == 0
    assert version_numbers(home / "model") == [2]


def test_prune_keeps_what_a_rollback_replaced(run: Run, home: Path) -> None:
    run("models", "rollback")
    pruned = run("models", "prune", "--keep", "1")
    assert "Replaced by a rollback to the current version, so kept: 2" in pruned.stdout
    assert run("models", "rollback", "2").exit_code == 0


def test_why_of_a_removed_version_is_answered_by_the_ledger(run: Run, home: Path) -> None:
    before = answer(run("models", "why", "2", "--json"))
    shutil.rmtree(home / "model" / "2")
    said = run("models", "why", "2").stdout
    for word in ("Version 2", "by drift", "Its files were removed", "to train on", "Against version 1"):
        assert word in said
    removed = answer(run("models", "why", "2", "--json"))
    assert (removed["removed"], removed["parent"]) == (True, 1)
    assert removed["lineage"]["gate"] == before["lineage"]["gate"]
    assert run("models", "why", "7").exit_code == 2


def test_prune_keeps_a_version_that_is_scored_with(run: Run, home: Path) -> None:
    scorer = Scorer(store.find("1", folder=home / "model"))
    pruned = run("models", "prune", "--keep", "1")
    assert "In use by a process, so kept: 1" in pruned.stdout
    assert len(list(scorer.predict(["tasty"]))) == 1
    del scorer
    assert answer(run("models", "prune", "--keep", "1", "--json"))["removed"] == [1]


# diff


def test_diff_shows_where_two_versions_disagree(run: Run, home: Path) -> None:
    said = run("models", "diff", "1", "2", "--quiet", "--all-labels")
    assert said.exit_code == 0, said.stderr
    assert said.stdout.startswith("Versions 1 and 2 differ on ")
    assert f"of {world.LABELS} reviews" in said.stdout
    assert "McNemar p" in said.stdout
    found = answer(run("models", "diff", "1", "2", "--quiet", "--json", "--all-labels"))
    assert found["versions"] == ["1", "2"]
    assert found["reviews"] == found["labelled"] == world.LABELS
    assert found["right"][1] > found["right"][0]
    apart = [abs(pair["scores"][0] - pair["scores"][1]) for pair in found["pairs"]]
    assert apart == sorted(apart, reverse=True)
    assert len(apart) == min(10, found["differ"])
    for pair in found["pairs"]:
        assert (pair["scores"][0] >= 0.5) != (pair["scores"][1] >= 0.5)
        assert pair["gold"] == ("positive" if world.SHOP[1] in pair["text"] else "negative")


@pytest.mark.usefixtures("home")
def test_diff_takes_the_reserved_reviews_unless_told_otherwise(run: Run) -> None:
    reserved = answer(run("models", "why", "2", "--json"))["lineage"]["reserved"]["n"]
    found = answer(run("models", "diff", "1", "2", "--quiet", "--json"))
    assert found["reviews"] == found["labelled"] == reserved
    assert f"of {reserved} reserved reviews" in run("models", "diff", "1", "2", "--quiet").stdout
    assert run("models", "diff", "1", "2", "some.csv", "--all-labels").exit_code == 2


@pytest.mark.usefixtures("home")
def test_diff_of_a_version_with_itself_finds_nothing(run: Run, films: Path) -> None:
    found = answer(run("models", "diff", "2", "2", films / "test", "--quiet", "--json"))
    assert (found["reviews"], found["differ"], found["pairs"]) == (world.TEST, 0, [])
    assert found["difference"]["value"] == 0


def test_diff_of_reviews_without_labels_compares_answers_only(run: Run, home: Path) -> None:
    (home / "texts.txt.csv").write_text("text\ntasty tasty\nstale stale\n", encoding="utf-8")
    found = answer(run("models", "diff", "1", "2", "texts.txt.csv", "--quiet", "--json"))
    assert (found["reviews"], found["labelled"]) == (2, 0)
    assert found["difference"]["value"] is None


def test_diff_without_labels_or_path_says_what_to_name(run: Run, home: Path) -> None:
    shutil.rmtree(home / "labels")
    refused = run("models", "diff", "1", "2")
    assert refused.exit_code == 7
    assert "name a folder or table of reviews" in refused.stderr


# curve


def write_retrains(home: Path, accuracies: dict[int, float], *, n: int = 400) -> None:
    """A ledger of retrains: labels -> accuracy of the challenger on n reserved rows; the champion had 0.6."""
    ledger = Ledger(home / "reports")
    for version, (labels, accuracy) in enumerate(accuracies.items(), start=2):
        right = round(n * accuracy)
        gold = [1] * n
        both = [[0.9] * count + [0.1] * (n - count) for count in (round(n * 0.6), right)]
        rows = PairedScores("d", gold, *both)
        gate = to_json(judge(rows, rows, Taught([1] * 20, [0.9] * 20)))
        stated = {"event": "published", "version": version, "time": "2026-01-01T00:00:00Z", "labels": labels}
        ledger.append(stated | {"start": "champion", "gate": gate})


@pytest.mark.usefixtures("home")
def test_curve_of_one_retrain_says_what_it_gained_and_that_it_is_too_early(run: Run) -> None:
    said = run("models", "curve").stdout
    assert "version 2" in said
    assert "Too few retrains to say what the next 100 labels would buy: it takes 2 more" in said
    found = answer(run("models", "curve", "--json"))
    assert found["retrains"][0]["gained"] > 0
    assert (found["retrains_needed"], found["expected"]["value"]) == (2, None)


def test_curve_without_a_retrain_says_so(run: Run) -> None:
    said = run("models", "curve")
    assert (said.exit_code, "it takes 3 more" in said.stdout) == (0, True)


def test_curve_estimates_what_more_labels_would_buy(run: Run, workspace: Path) -> None:
    # Five points for every doubling, so log2(900 / 800) of them for the next 100.
    write_retrains(workspace, {100: 0.65, 200: 0.7, 400: 0.75, 800: 0.8})
    found = answer(run("models", "curve", "--json"))["expected"]
    assert found["value"] == pytest.approx(0.0085, abs=0.0005)
    assert found["low"] < found["value"] < found["high"]
    assert found["high"] - found["low"] < 0.02
    assert "The next 100 labels would buy +0.85 points" in run("models", "curve").stdout


def test_curve_is_less_sure_of_fewer_rows(run: Run, workspace: Path) -> None:
    write_retrains(workspace, {100: 0.65, 200: 0.7, 400: 0.75, 800: 0.8}, n=40)
    found = answer(run("models", "curve", "--json"))["expected"]
    assert found["low"] < 0
    assert found["high"] - found["low"] > 0.02
