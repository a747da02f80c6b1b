"""`bertsent batch --monitor`: what was scored is judged without labels, and scored only once."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.soup_workspace import answer, kitchen, label, line, write
from support.word_soup import soup
from typer.testing import Result

from bertsent.base.files import lock
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory
from bertsent.drift.texts_sample import TextsSample

Run = Callable[..., Result]
SCORED = ["batch", "new.txt", "--output", "out.csv", "--force", "--format", "lines"]
BATCH = [*SCORED, "--monitor"]


@pytest.fixture
def home(word_soup: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows short texts of common words."""
    shutil.copytree(word_soup, workspace / "model")
    return workspace


def verdict(result: Result) -> str:
    """The line on stderr that says the verdict."""
    (only,) = [row for row in result.stderr.splitlines() if "without labels" in row]
    return only


def monitor(result: Result) -> dict[str, Any]:
    """The key `monitor` of the summary."""
    value: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])["summary"]["monitor"]
    return value


# the verdict


def test_foreign_reviews_are_scored_and_said_to_be_drift(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run(*BATCH)
    assert result.exit_code == 3, result.stderr
    assert "60 reviews in" in result.stdout
    assert "DRIFT" not in result.stdout
    said = verdict(result)
    assert said.startswith("DRIFT without labels: headline ")
    assert said.endswith("bertsent label new.txt --format lines --order foreign")
    assert (home / "out.csv").read_text(encoding="utf-8").count("\n") == 61
    (check,) = DriftHistory(Workspace(home)).texts_checks()
    assert (check.verdict, check.source) == ("drift", f"{home / 'new.txt'} --format lines")


def test_it_is_the_check_of_drift_texts_and_in_the_same_history(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run(*BATCH, "--json")
    assert result.exit_code == 3
    by_batch = monitor(result)
    by_drift = answer(run("drift", "--texts", "new.txt", "--format", "lines", "--json"))
    assert (by_batch.pop("continued"), by_drift.pop("continued")) == (False, True)
    assert by_batch == by_drift
    shutil.rmtree(home / "labels")
    judged_anew = answer(run("drift", "--texts", "new.txt", "--format", "lines", "--json"))
    for name, row in judged_anew["measures"].items():
        assert row["value"] == pytest.approx(by_batch["measures"][name]["value"], abs=1e-6)


def test_reviews_that_the_version_knows_are_stable(run: Run, home: Path) -> None:
    write(home, soup(220, seed=2))
    result = run(*BATCH)
    assert result.exit_code == 0, result.stderr
    assert verdict(result).startswith("STABLE without labels")
    again = run(*BATCH, "--json")
    assert (again.exit_code, monitor(again)["continued"]) == (0, True)
    assert len(DriftHistory(Workspace(home)).texts_checks()) == 1


def test_a_small_batch_is_scored_and_cannot_tell(run: Run, home: Path) -> None:
    write(home, soup(12, seed=2))
    result = run(*BATCH)
    assert result.exit_code == 0
    assert verdict(result) == "CANNOT TELL without labels: 12 new texts; next check at 30 new texts"


def test_a_drift_that_is_open_is_said_after_every_batch(run: Run, home: Path) -> None:
    label(home / "labels", soup(40, seed=7), wrong=True)
    run("drift", "--no-retrain")
    for count in (12, 220):
        write(home, soup(count, seed=2))
        result = run(*BATCH)
        assert result.exit_code == 3
        said = verdict(result)
        assert said.startswith("DRIFT of 20")
        assert "is open (reported only)" in said
    assert monitor(run(*BATCH, "--json"))["open"]["state"] == "reported only"


def test_without_the_option_a_batch_judges_nothing(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run(*SCORED, "--json")
    assert result.exit_code == 0
    assert "monitor" not in json.loads(result.stdout)["summary"]
    assert not (home / "labels").exists()


def test_rows_that_go_to_stdout_leave_it_to_themselves(run: Run, home: Path) -> None:
    write(home, kitchen())
    result = run("batch", "new.txt", "--format", "lines", "-o", "-", "--monitor", "--json")
    assert result.exit_code == 3
    assert "DRIFT" not in result.stdout
    (summary,) = [json.loads(row) for row in result.stderr.splitlines() if row.startswith("{")]
    assert summary["summary"]["monitor"]["verdict"] == "drift"
    assert "DRIFT" not in result.stderr


def test_sentences_groups_and_a_pipe_are_judged_too(run: Run, home: Path) -> None:
    texts = [*kitchen(), ""]
    result = run(
        *["batch", "-", "--format", "lines", "-o", "out.csv", "--sentences", "--by", "text", "--monitor"],
        input="\n".join([*texts, texts[0], ""]),
    )
    assert result.exit_code == 3, result.stderr
    assert "60 new texts" in verdict(result)
    assert "write them to a file, then bertsent label FILE --order foreign" in verdict(result)


# what goes wrong


def test_a_run_of_drift_at_work_leaves_the_scores_and_says_that_nothing_was_judged(
    run: Run, home: Path
) -> None:
    write(home, kitchen())
    with lock(home / ".bertsent" / "drift.lock", "drift"):
        result = run(*BATCH, "--json")
    assert result.exit_code == 75
    assert "Error: The reviews are scored, and not judged: " in result.stderr
    assert (home / "out.csv").exists()
    assert monitor(result) is None


def test_a_version_without_a_reference_is_refused_before_the_scoring(run: Run, home: Path) -> None:
    write(home, kitchen())
    (home / "model" / "1" / "reference.npz").unlink()
    result = run(*BATCH)
    assert result.exit_code == 6
    assert "reference.npz" in result.stderr
    assert not (home / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--watch", "1m"], "bertsent drift --texts . --watch 1m judges what comes"),
        (["--engine", "tensorflow"], "--monitor needs a version with a WordPiece vocabulary"),
    ],
)
def test_what_cannot_be_judged_is_refused(run: Run, home: Path, options: list[str], said: str) -> None:
    result = run("batch", ".", "--output", "scored", "--monitor", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert line(run("drift"), 0).startswith("NOTHING NEW")
    assert home.exists()


# the sample


def test_many_texts_take_bounded_memory_and_are_a_sample_whatever_their_order() -> None:
    def taken(numbers: Any) -> TextsSample:
        sample = TextsSample(most=200)
        for number in numbers:
            sample.add(f"review {number} of many")
        return sample

    small = taken(range(20_000))
    tracemalloc.start()
    large = taken(range(100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000, "200 texts, not 100,000"
    assert large.drawn.keys() == taken(reversed(range(100_000))).drawn.keys()
    assert len(large.drawn) == len(large.rows) == 200
    assert (small.texts, large.texts) == (20_000, 100_000)
    assert small.fresh == pytest.approx(20_000, rel=0.3)
    assert large.fresh == pytest.approx(100_000, rel=0.3)
    assert large.is_part


def test_a_text_that_stands_there_often_counts_once() -> None:
    sample = TextsSample(most=50)
    for number in range(2000):
        sample.add(f"review {number % 40}")
    sample.add("  ")
    assert (sample.fresh, len(sample.drawn), sample.is_part) == (40, 40, False)
    assert dict(sample.left_out) == {"repeated": 1960, "without text": 1}
