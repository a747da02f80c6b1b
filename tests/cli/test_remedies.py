"""The commands that a message names look where the person's command looked: they repeat its options."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import start
from support.html_page import Page
from support.soup_workspace import answer, kitchen, label, line, write
from support.word_soup import soup
from typer.testing import Result

from bertsent.base.settings.reading import ReadSettings
from bertsent.data.given import GivenOptions

Run = Callable[..., Result]
ANSWERS = ["--labels", "my answers"]


@pytest.fixture
def home(word_soup: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows short texts of common words; its labels are in another folder."""
    shutil.copytree(word_soup, workspace / "model")
    label(workspace / "my answers", soup(40, seed=7), wrong=True)
    return workspace


# the one place


def test_a_command_repeats_the_options_that_it_takes() -> None:
    given = GivenOptions(
        label_folder=Path("my answers"),
        data=(Path("a.csv"), Path("b.csv")),
        reading=ReadSettings(text="body", labels="positive=5 negative=1"),
        margin=0.05,
        ask=True,
    )
    data = "--data a.csv --data b.csv --text body --labels 'positive=5 negative=1' --margin 0.05 --ask"
    folder = "--labels 'my answers'"
    assert given.command("bertsent drift") == f"bertsent drift {folder} {data}"
    assert given.command("bertsent retrain --force") == f"bertsent retrain --force {folder} {data}"
    assert given.command("bertsent label --disputed") == f"bertsent label --disputed {folder}"
    assert given.command("bertsent models rollback 2") == "bertsent models rollback 2"
    assert given.command('bertsent drift --accept "REASON"') == f'bertsent drift --accept "REASON" {folder}'
    assert GivenOptions().command("bertsent drift") == "bertsent drift"


# drift


def test_every_command_that_drift_names_has_the_folder_of_labels(run: Run, home: Path) -> None:
    first = line(run("drift", "--no-retrain", *ANSWERS, "--report", "page.html"), 3)
    assert "to retrain, run bertsent drift --labels 'my answers' without --no-retrain" in first
    said = line(run("drift", "--no-retrain", *ANSWERS), 3)
    remedy = re.search(r"To retrain, run (.*); to leave it, (.*?)\. NOTHING NEW", said)
    assert remedy
    assert remedy.groups() == (
        "bertsent drift --labels 'my answers'",
        "bertsent drift --accept \"REASON\" --labels 'my answers'",
    )
    page = Page((home / "page.html").read_text(encoding="utf-8")).text
    assert "bertsent label --disputed --labels 'my answers'" in page
    assert not re.search(r"bertsent (drift|label|retrain)(?! -)", page.partition("What to do next")[2])
    assert run(*shlex.split(remedy[2])[1:]).exit_code == 0, "the command that it names runs"
    assert run("drift", *ANSWERS).exit_code == 0


def test_swapped_labels_are_asked_for_where_they_are(run: Run, home: Path) -> None:
    said = line(run("drift", *ANSWERS, "--margin", "0.05"), 3)
    assert "bertsent label --disputed --labels 'my answers' asks for them again" in said
    assert "bertsent drift --yes --labels 'my answers' --margin 0.05 trains with them" in said
    assert home.exists()


def test_nothing_to_accept_names_the_folder_too(run: Run, home: Path) -> None:
    assert "bertsent drift --labels 'my answers' checks" in run("drift", "--accept", "so", *ANSWERS).stderr
    assert home.exists()


# drift --texts


def test_texts_are_judged_beside_the_labels_of_another_folder(run: Run, home: Path) -> None:
    run("drift", "--no-retrain", *ANSWERS)
    write(home, soup(220, seed=2))
    said = line(run("drift", "--texts", "new.txt", *ANSWERS), 3)
    assert said.startswith("DRIFT of 20")
    assert "run bertsent drift --labels 'my answers'" in said
    assert line(run("drift", "--texts", "new.txt"), 0).startswith("STABLE"), "the history of labels/"
    write(home, kitchen())
    found = answer(run("drift", "--texts", "new.txt", *ANSWERS, "--json"))
    assert found["label_command"] == "bertsent label new.txt --order foreign --labels 'my answers'"


def test_a_table_of_labels_is_not_the_folder_of_a_history(run: Run, home: Path) -> None:
    write(home, kitchen())
    (home / "table.csv").write_text("text,label\ngood,1\n", encoding="utf-8")
    refused = run("drift", "--texts", "new.txt", "--labels", "table.csv")
    assert refused.exit_code == 2
    assert "Received: --labels" in refused.stderr


# label and retrain


def test_label_writes_into_the_folder_that_is_named(run: Run, home: Path) -> None:
    count = (home / "my answers" / "log.jsonl").read_text(encoding="utf-8").count("\n")
    result = run("label", *ANSWERS, input="positive\ta fine pan, and light\n")
    assert result.exit_code == 0, result.stderr
    assert (home / "my answers" / "log.jsonl").read_text(encoding="utf-8").count("\n") == count + 1
    assert "a fine pan" in "".join(
        path.read_text(encoding="utf-8") for path in (home / "my answers" / "pos").iterdir()
    )
    assert not (home / "labels").exists()


def test_label_still_takes_a_map_of_labels(run: Run, home: Path) -> None:
    (home / "stars.csv").write_text("text,label\nfine pan,5\nbad pan,1\n", encoding="utf-8")
    words = ["--import", "stars.csv", "--labels", "positive=5 negative=1", "--json"]
    imported = json.loads(run("label", *ANSWERS, *words).stdout)
    assert (imported["positive"], imported["negative"]) == (1, 1)
    refused = run("label", "--labels", "stars.csv")
    assert refused.exit_code == 2
    assert "Hint: bertsent label --import stars.csv, then bertsent drift" in refused.stderr


def test_retrain_with_too_few_labels_names_the_folder(run: Run, home: Path, sample: Path) -> None:
    shutil.rmtree(home / "my answers")
    label(home / "my answers", soup(5, seed=7))
    refused = run("retrain", "--data", sample, *ANSWERS)
    assert refused.exit_code == 7
    assert "Hint: bertsent label --labels 'my answers'" in refused.stderr


# a watch


def watching(*options: str) -> subprocess.Popen[bytes]:
    return start("drift", "--texts", "new.txt", "--watch", "1s", "--quiet", *options)


def test_a_watch_of_texts_judges_what_comes_and_says_the_same_once(home: Path) -> None:
    path = write(home, soup(20, seed=3))
    with watching() as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == b"CANNOT TELL without labels: 20 new texts; next check at 30 new texts\n"
        path.write_text("\n".join([*soup(20, seed=3), *kitchen()]), encoding="utf-8")
        second = process.stdout.readline()
        assert second.startswith(b"DRIFT without labels: headline"), "and not the first line again"
        path.unlink()
        assert process.stderr is not None
        assert b"new.txt" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, 143}
        assert b"Traceback" not in process.stderr.read()
        said = process.stdout.read().splitlines()
        assert len(said) == len(set(said)) <= 1, "the same check is said again at most as an earlier one"


def test_a_watch_of_labels_says_the_same_once_too(home: Path) -> None:
    with start("drift", "--watch", "1s", "--quiet", "--json", *ANSWERS, "--no-retrain") as process:
        assert process.stdout is not None
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        assert (first["action"], second["action"]) == ("reported", "none")
        label(home / "my answers", soup(52, seed=7)[40:], wrong=True)
        third = json.loads(process.stdout.readline())
        assert (third["action"], third["new_rows"]) == ("collect", 12)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_a_watch_of_a_pipe_is_refused(run: Run, home: Path) -> None:
    refused = run("drift", "--texts", "-", "--format", "lines", "--watch", "1h", input="good\n")
    assert refused.exit_code == 2
    assert "a pipe gives them once" in refused.stderr
    assert home.exists()
