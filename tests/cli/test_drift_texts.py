"""`bertsent drift --texts`: from texts without labels to a verdict, a line, an exit code and a page."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.command import call
from support.html_page import Page
from support.listener import Listener
from support.word_soup import KITCHEN, PACKAGED, soup
from typer.testing import Result

from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.source import Source
from bertsent.drift.history import DriftHistory
from bertsent.retraining.texts_monitor import TextsRun

Run = Callable[..., Result]


@pytest.fixture
def home(word_soup: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows short texts of common words."""
    shutil.copytree(word_soup, workspace / "model")
    return workspace


def write(home: Path, texts: list[str], name: str = "new.txt") -> Path:
    path = home / name
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def kitchen(count: int = 60) -> list[str]:
    """Reviews of kitchenware, which no version here knows."""
    rows = KITCHEN.read_text(encoding="utf-8").splitlines()[:count]
    return [json.loads(row)["text"] for row in rows]


def line(result: Result) -> str:
    (only,) = result.stdout.splitlines()
    return only


def answer(result: Result) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(line(result))
    return value


def history(home: Path) -> DriftHistory:
    return DriftHistory(Workspace(home))


# the verdict


def test_foreign_texts_are_drift_without_labels_and_next_comes_labelling(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run("drift", "--texts", "new.txt")
    assert result.exit_code == 3, result.stderr
    found = re.fullmatch(
        r"DRIFT without labels: headline \d\.\d{3} \(text\), threshold 0\.1, fired: text \d\.\d{3}.*; "
        r"60 new texts, check 1 of version 1; about (\d+) of 60 texts look foreign; "
        r"label the most foreign ones next: bertsent label new\.txt --order foreign",
        line(result),
    )
    assert found
    assert 40 <= int(found[1]) <= 60
    (check,) = history(home).texts_checks()
    assert (check.verdict, check.look, check.report["without_labels"]) == ("drift", 1, True)
    assert sorted(path.name for path in (home / "model").iterdir()) == ["1"], "nothing is retrained"


def test_texts_that_the_version_knows_are_stable(run: Run, home: Path) -> None:
    write(home, soup(220, seed=2))
    result = run("drift", "--texts", "new.txt", "--json")
    assert result.exit_code == 0, result.stderr
    found = answer(result)
    assert (found["verdict"], found["action"], found["without_labels"]) == ("stable", "none", True)
    assert list(found["measures"]) == ["text", "scores", "estimated_error"]
    assert all(one["value"] < 0.1 for one in found["measures"].values())
    accuracy = found["estimated_accuracy"]
    assert 0.5 <= accuracy["new"] <= 1
    assert accuracy["new"] == pytest.approx(accuracy["reference"], abs=0.05)


def test_texts_that_are_positive_all_at_once_are_drift_by_their_scores(run: Run, home: Path) -> None:
    write(home, [f"{text} wonderful great lovely" for text in soup(120, seed=2)])
    found = answer(run("drift", "--texts", "new.txt", "--json"))
    assert found["verdict"] == "drift"
    assert "scores" in found["fired"]


def test_the_same_texts_get_the_same_answer_and_no_second_check(run: Run, home: Path) -> None:
    path = write(home, kitchen())
    first = run("drift", "--texts", "new.txt", "--json")
    path.write_text("\n".join(reversed(path.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    again = run("drift", "--texts", "new.txt", "--json")
    assert (first.exit_code, again.exit_code) == (3, 3)
    before, after = answer(first), answer(again)
    assert (before.pop("continued"), after.pop("continued")) == (False, True)
    assert before == after
    assert len(history(home).texts_checks()) == 1
    assert " of 20" in line(run("drift", "--texts", "new.txt")), "it says when they were judged"


def test_too_few_texts_wait_for_more(run: Run, home: Path) -> None:
    texts = soup(90, seed=3)
    write(home, texts[:29])
    few = run("drift", "--texts", "new.txt")
    assert few.exit_code == 4
    assert line(few) == "CANNOT TELL without labels: 29 new texts; next check at 30 new texts"
    assert history(home).events == []
    write(home, texts[:40])
    assert run("drift", "--texts", "new.txt").exit_code == 4
    write(home, texts[:79])
    waits = run("drift", "--texts", "new.txt")
    assert waits.exit_code == 4
    assert line(waits) == "CANNOT TELL without labels: 79 new texts; next check at 80 new texts"
    write(home, texts)
    run("drift", "--texts", "new.txt")
    assert [(check.look, len(check.rows)) for check in history(home).texts_checks()] == [(1, 40), (2, 90)]


def test_texts_that_were_settled_are_not_judged_again_beside_new_ones(run: Run, home: Path) -> None:
    write(home, kitchen(60))
    run("drift", "--texts", "new.txt")
    write(home, kitchen(110))
    found = answer(run("drift", "--texts", "new.txt", "--json"))
    assert (found["look"], found["new_rows"]) == (2, 50)


def test_another_version_only_reports(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run("drift", "--texts", "new.txt", "--model", "packaged")
    assert result.exit_code == 3
    assert line(result).endswith("bertsent label new.txt --model packaged --order foreign")
    assert history(home).events == []


def test_a_check_of_texts_leaves_labels_and_their_checks_alone(run: Run, home: Path) -> None:
    write(home, kitchen())
    run("drift", "--texts", "new.txt")
    labelled = run("drift", "--json")
    assert labelled.exit_code == 3, "the drift without labels is open"
    assert (answer(labelled)["looks"], answer(labelled)["verdict"]) == (0, None)
    assert [path.name for path in (home / "labels").iterdir()] == ["drift.jsonl"]


# what is read


def test_labels_of_a_table_are_not_used_and_that_is_said(run: Run, home: Path) -> None:
    shutil.copyfile(KITCHEN, home / "new.jsonl")
    result = run("drift", "--texts", "new.jsonl")
    assert result.exit_code == 3
    assert "are not used: bertsent drift --labels new.jsonl judges with them" in result.stderr


def test_texts_come_by_a_pipe(run: Run, home: Path) -> None:
    texts = kitchen()
    result = run("drift", "--texts", "-", "--format", "lines", input="\n".join([*texts, texts[0]]))
    assert result.exit_code == 3, result.stderr
    assert "60 new texts" in line(result)
    assert "write them to a file, then bertsent label FILE --order foreign" in line(result)
    assert "1 repeated" in result.stderr


def test_of_many_texts_a_random_part_is_judged(home: Path) -> None:
    write(home, soup(100, seed=4))
    heard = Listener()
    run = TextsRun(
        workspace=Workspace(home),
        settings=replace(DriftSettings(), most_texts=40),
        source=Source.of(home / "new.txt"),
        progress=heard,
    )
    first = run.go()
    assert first.check is not None
    assert len(first.check.rows) == 40
    assert any("Of 100 texts 40 are judged" in note for note in heard.notes)
    again = TextsRun(workspace=run.workspace, settings=run.settings, source=run.source).go()
    assert (again.continued, again.check) == (True, first.check)


# refusals


@pytest.mark.parametrize(
    "options",
    [
        ["--no-retrain"],
        ["--margin", "0.1"],
        ["--labels", "positive=4 negative=1"],
        ["--label", "stars"],
        ["--data", "data"],
    ],
    ids=lambda options: options[0],
)
def test_options_about_labels_and_retraining_are_refused(run: Run, home: Path, options: list[str]) -> None:
    write(home, kitchen())
    result = run("drift", "--texts", "new.txt", *options)
    assert result.exit_code == 2
    assert f"Received: {options[0]}" in result.stderr
    assert result.stdout == ""
    assert history(home).events == []


@pytest.mark.parametrize(("content", "code"), [(None, 7), ("", 7), ("\n  \n", 7)])
def test_nothing_to_judge_is_refused(run: Run, home: Path, content: str | None, code: int) -> None:
    if content is not None:
        (home / "new.txt").write_text(content, encoding="utf-8")
    result = run("drift", "--texts", "new.txt")
    assert result.exit_code == code
    assert "new.txt" in result.stderr
    assert result.stdout == ""


# the page, the terminal


def test_page_says_that_there_were_no_labels(run: Run, home: Path) -> None:
    write(home, [*kitchen(), "<script>alert(1)</script> \x1b[2J the kettle leaks"])
    for _ in range(2):
        assert run("drift", "--texts", "new.txt", "--report", "page.html", "--quiet").exit_code == 3
        made = (home / "page.html").read_text(encoding="utf-8")
        text = " ".join(Page(made).text.split())
        for fact in (
            "Drift without labels at version 1",
            "The three measures without labels",
            "look foreign",
            "bertsent label new.txt --order foreign",
            "1 check",
            "61 new, against 250 reviews",
            "scored",
        ):
            assert fact in text, fact
        assert made.count("<article") == 10
        assert "<script" not in made
        assert "\x1b" not in made


def test_terminal_shows_the_measures_in_80_columns(home: Path) -> None:
    import pty

    write(home, kitchen())
    reader, writer = pty.openpty()
    ended = call("drift", "--texts", "new.txt", "--quiet", stdout=writer)
    os.close(writer)
    assert ended.returncode == 3, ended.stderr.decode()
    shown = os.read(reader, 100_000).decode().splitlines()
    os.close(reader)
    for name in ("text", "scores", "estimated error"):
        assert any(row.strip().startswith(name) for row in shown)
    assert any("Estimated accuracy" in row for row in shown)
    assert all(len(row) <= 80 for row in shown[1:])


def test_packaged_version_judges_where_there_is_no_model(run: Run, workspace: Path) -> None:
    assert PACKAGED.is_dir()
    write(workspace, kitchen())
    result = run("drift", "--texts", "new.txt")
    assert result.exit_code == 3, result.stderr
    assert "the packaged version" in line(result)
    assert not (workspace / "model").exists()
