"""A drift that texts without labels show is open until it is handled, and every command says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.html_page import Page
from support.soup_workspace import answer, kitchen, label, line, write
from support.word_soup import soup
from typer.testing import Result

from bertsent.base import journal
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import NAME
from bertsent.retraining.open_drift import find_open
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, read_version

Run = Callable[..., Result]
TEXTS = ["drift", "--texts", "new.txt"]
CALM = ["drift", "--texts", "calm.txt"]
ACCEPT = ["drift", "--accept", "the sale is over"]


@pytest.fixture
def home(word_soup: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows short texts of common words; calm.txt holds such texts."""
    shutil.copytree(word_soup, workspace / "model")
    write(workspace, soup(220, seed=2), "calm.txt")
    return workspace


@pytest.fixture
def foreign(run: Run, home: Path) -> Path:
    """The same with a drift that texts showed."""
    write(home, kitchen())
    assert run(*TEXTS).exit_code == 3
    return home


@pytest.fixture
def labelled(run: Run, home: Path) -> Path:
    """The same with a drift that labels showed, and that was only reported."""
    label(home / "labels", soup(40, seed=7), wrong=True)
    assert run("drift", "--no-retrain").exit_code == 3
    return home


def page(home: Path) -> str:
    return " ".join(Page((home / "page.html").read_text(encoding="utf-8")).text.split())


def other_version(home: Path) -> None:
    """Publishes a version that scores as version 1 does, and has another classifier file."""
    first = read_version(home / "model" / "1")
    with store.staging(home / "model", needed=0) as path:
        for name in first.manifest.files:
            shutil.copyfile(first.path / name, path / name)
        (path / CLASSIFIER).write_bytes((path / CLASSIFIER).read_bytes() + bytes(8))
        store.publish(path, first.manifest, folder=home / "model")


# an open drift of labels, and texts that are calm


def test_calm_texts_do_not_hide_a_drift_of_labels(run: Run, labelled: Path) -> None:
    said = line(run(*CALM, "--report", "page.html"), 3)
    assert said.startswith("DRIFT of 20")
    assert (
        "is open (reported only). To retrain, run bertsent drift; to leave it, bertsent drift --accept"
        in said
    )
    assert ". STABLE without labels: headline" in said
    shown = page(labelled)
    assert "is open (reported only" in shown
    assert 'bertsent drift --accept "REASON"' in shown
    again = run(*CALM, "--json")
    assert again.exit_code == 3
    open_ = answer(again)["open"]
    assert (open_["state"], open_["without_labels"], open_["remedy"]) == (
        "reported only",
        False,
        "bertsent drift",
    )


def test_too_few_texts_do_not_hide_a_drift_of_labels(run: Run, labelled: Path) -> None:
    write(labelled, soup(12, seed=3), "few.txt")
    said = line(run("drift", "--texts", "few.txt"), 3)
    assert said.startswith("DRIFT of 20")
    assert said.endswith("CANNOT TELL without labels: 12 new texts; next check at 30 new texts")


@pytest.mark.usefixtures("labelled")
def test_a_check_by_another_version_says_nothing_of_the_current_one(run: Run) -> None:
    result = run(*CALM, "--model", "packaged", "--json")
    assert answer(result)["open"] is None


# a drift of texts stays open


def test_every_run_says_that_a_drift_of_texts_is_open(run: Run, foreign: Path) -> None:
    said = line(run("drift", "--report", "page.html"), 3)
    path = foreign / "new.txt"
    assert said.startswith("DRIFT without labels of 20")
    assert (
        f"(reported only). To see whether the model is wrong, run bertsent label {path} --order foreign; "
        in said
    )
    assert said.endswith("NOTHING NEW: no label to judge")
    assert "Drift without labels of 20" in page(foreign)
    open_ = answer(run("drift", "--json"))["open"]
    assert (open_["without_labels"], open_["remedy"]) == (True, f"bertsent label {path} --order foreign")
    write(foreign, soup(12, seed=3), "few.txt")
    assert line(run("drift", "--texts", "few.txt"), 3).startswith("DRIFT without labels of 20")


@pytest.mark.usefixtures("foreign")
def test_the_run_that_finds_it_says_it_once(run: Run) -> None:
    said = line(run(*TEXTS), 3)
    assert said.startswith("DRIFT without labels: headline")
    assert answer(run(*TEXTS, "--json"))["open"]["without_labels"] is True


def test_a_drift_of_labels_comes_before_one_of_texts(run: Run, foreign: Path) -> None:
    label(foreign / "labels", soup(40, seed=7), wrong=True)
    said = line(run("drift", "--no-retrain"), 3)
    assert said.startswith("DRIFT: headline")
    assert line(run(*CALM), 3).startswith("DRIFT of 20")


# what closes it


def become_calm(home: Path) -> None:
    """New texts of the same source are calm."""
    shutil.copyfile(home / "calm.txt", home / "new.txt")


def test_calm_texts_of_the_same_source_that_came_later_close_it(run: Run, foreign: Path) -> None:
    become_calm(foreign)
    said = line(run(*TEXTS), 0)
    assert said.startswith("STABLE without labels")
    assert "; the drift without labels of 20" in said
    assert said.endswith(" is gone")
    assert line(run("drift"), 0).startswith("NOTHING NEW")
    write(foreign, kitchen())
    again = line(run(*TEXTS, "--report", "page.html"), 0)
    assert again.endswith("; a later check found it gone")
    assert find_open(Workspace(foreign)) is None


@pytest.mark.usefixtures("foreign")
def test_calm_texts_from_elsewhere_do_not_close_it(run: Run) -> None:
    for _ in range(2):
        said = line(run(*CALM), 3)
        assert said.startswith("DRIFT without labels of 20")
        assert ". STABLE without labels: headline" in said
    assert run("drift").exit_code == 3


def test_a_person_closes_it_and_the_same_texts_say_why(run: Run, foreign: Path) -> None:
    said = line(run(*ACCEPT), 0)
    assert said.startswith("Accepted: DRIFT without labels of 20")
    assert line(run(*TEXTS, "--report", "page.html"), 0).endswith(
        "; that drift was accepted: the sale is over"
    )
    assert "accepted: the sale is over" in page(foreign)
    assert line(run("drift"), 0).startswith("NOTHING NEW")


@pytest.mark.parametrize(("time", "code"), [("", 0), ("2020-01-01T00:00:00Z", 3)])
def test_labels_that_came_later_close_it_if_they_judge(run: Run, foreign: Path, time: str, code: int) -> None:
    label(foreign / "labels", soup(220, seed=5), time=time)
    said = line(run("drift", "--no-retrain"), code)
    assert "STABLE: headline" in said
    assert said.startswith("STABLE") == (code == 0)
    assert run("drift").exit_code == code


def test_labels_that_drift_take_its_place(run: Run, foreign: Path) -> None:
    label(foreign / "labels", soup(40, seed=7), wrong=True)
    run("drift", "--no-retrain")
    open_ = answer(run("drift", "--no-retrain", "--json"))["open"]
    assert open_["without_labels"] is False
    run(*ACCEPT)
    assert find_open(Workspace(foreign)) is None


def test_a_new_version_judges_the_texts_again_before_it_is_closed(run: Run, foreign: Path) -> None:
    other_version(foreign)
    said = line(run("drift"), 3)
    assert f"To judge the texts by version 2, run bertsent drift --texts {foreign / 'new.txt'}; " in said
    become_calm(foreign)
    assert line(run(*TEXTS), 0).endswith(" is gone")
    back = run("models", "rollback", "1")
    assert back.exit_code == 0
    assert back.stderr.startswith("The drift without labels of 20")
    assert "is open again, as a check by version 2 had closed it." in back.stderr
    assert run("drift").exit_code == 3


def test_a_history_without_the_source_is_read(run: Run, foreign: Path) -> None:
    path = foreign / "labels" / NAME
    ((event,), _) = journal.read(path)
    assert event.pop("source") == str(foreign / "new.txt")
    path.unlink()
    journal.append(path, event)
    assert "run bertsent label FILE --order foreign;" in line(run("drift"), 3)


# other commands


def test_commands_about_versions_say_that_a_drift_is_open(run: Run, labelled: Path) -> None:
    for words in (["models"], ["models", "why", "1"], ["models", "rollback", "1"]):
        result = run(*words)
        assert result.exit_code == 0, result.stderr
        assert "DRIFT of 20" in result.stderr, words
        assert "is open (reported only). To retrain, run bertsent drift;" in result.stderr
    (entry,) = answer_list(run("models", "--json"))
    assert entry["open_drift"]["state"] == "reported only"
    run(*ACCEPT)
    (entry,) = answer_list(run("models", "--json"))
    assert "open_drift" not in entry
    assert run("models").stderr == ""
    assert labelled.exists()


def test_models_say_that_damaged_labels_do_not_tell(run: Run, labelled: Path) -> None:
    log = labelled / "labels" / "log.jsonl"
    log.write_text(log.read_text(encoding="utf-8").replace("positive", "positiv", 1), encoding="utf-8")
    result = run("models")
    assert result.exit_code == 0
    assert result.stderr.startswith("Whether a drift is open is not known:")
    (entry,) = answer_list(run("models", "--json"))
    assert "open_drift" not in entry


def answer_list(result: Result) -> list[dict[str, dict[str, str]]]:
    value: list[dict[str, dict[str, str]]] = json.loads(result.stdout)
    return value
