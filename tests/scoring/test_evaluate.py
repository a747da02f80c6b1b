"""The core of `evaluate`: what it counts, keeps and tells, on scores that are known."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pytest
from support.fake_scorer import Known, evaluated, judged, table

from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.metrics import Confusion
from bertsent.base.settings.evaluation import EvaluateSettings

ROWS = [("0.9 fine", 1), ("0.8 poor", 0), ("0.45 fine", 1), ("0.1 poor", 0), ("0.02 fine", 1)]


class Recorder:
    """A Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        self.told.append((what, total))

    def advance(self, done: int, **figures: float) -> None:
        self.told.append(done)

    def finish(self) -> None:
        self.told.append("finished")

    def note(self, message: str) -> None:
        self.told.append(message)


@pytest.mark.slow
def test_evaluate_compares_predictions_with_labels(workspace: Path) -> None:
    found = evaluated(workspace, ROWS)
    assert found.metrics.confusion == Confusion(
        true_negative=1, false_positive=1, false_negative=2, true_positive=1
    )
    assert (found.n, found.version, found.threshold) == (5, "7", 0.5)
    assert found.metrics.roc_auc == pytest.approx(3 / 6)
    assert set(found.metrics.intervals) == set(found.metrics.values)
    assert found.reviews_per_second == pytest.approx(5 / found.seconds)


def test_evaluate_goes_by_the_scorers_threshold(workspace: Path) -> None:
    found = evaluated(workspace, ROWS, Known(threshold=0.85))
    assert found.threshold == 0.85
    assert found.metrics.confusion.true_negative == 2


def test_evaluate_keeps_the_most_confidently_wrong(workspace: Path) -> None:
    found = evaluated(workspace, ROWS, errors=2)
    assert [(each.text, each.gold) for each in found.wrong] == [("0.02 fine", 1), ("0.8 poor", 0)]
    assert [each.path.rsplit(":", 1)[1] for each in found.wrong] == ["5", "2"]
    assert evaluated(workspace, ROWS, errors=0).wrong == ()


def test_evaluate_keeps_the_first_of_equally_wrong(workspace: Path) -> None:
    rows = [(f"0.9 number {number}", 0) for number in range(30)]
    assert [each.text for each in evaluated(workspace, rows, errors=3).wrong] == [
        "0.9 number 0",
        "0.9 number 1",
        "0.9 number 2",
    ]


def test_evaluate_leaves_out_and_counts_what_cannot_be_right_or_wrong(workspace: Path) -> None:
    rows = [*ROWS, ("", 1), ("0.3 no label", None), ("<br />", 0), ("", None), ("0.4 none", None)]
    found = evaluated(workspace, rows)
    assert (found.n, found.empty, found.unlabelled) == (5, 3, 2)


def test_evaluate_counts_unsure_predictions_and_the_accuracy_of_the_others(workspace: Path) -> None:
    found = evaluated(workspace, ROWS, Known(unsure=(0.4, 0.85)))
    assert found.unsure == 2
    assert found.accuracy_of_the_others == pytest.approx(2 / 3)
    assert found.metrics.confusion.n == 5
    assert math.isnan(evaluated(workspace, ROWS, Known(unsure=(0, 1))).accuracy_of_the_others)


def test_evaluate_gives_accuracy_by_length(workspace: Path) -> None:
    rows = [("0.9" + " word" * (length - 1), label) for length, label in ((3, 1), (32, 0), (33, 1), (600, 0))]
    found = evaluated(workspace, rows)
    assert [(band.first, band.last, band.n, band.accuracy) for band in found.by_length] == [
        (1, 32, 2, 0.5),
        (33, 64, 1, 1.0),
        (513, None, 1, 0.0),
    ]
    assert found.truncated == 1


def test_evaluate_of_one_class_has_no_figure_that_needs_two(workspace: Path) -> None:
    found = evaluated(workspace, [("0.9", 1), ("0.3", 1)])
    assert math.isnan(found.metrics.roc_auc)
    assert found.roc == ()
    assert found.metrics.confusion.recall == 0.5


@pytest.mark.parametrize("rows", [[("0.5 none", None)], [("0.5 none", None), ("", 1)]])
def test_evaluate_without_a_labelled_review_is_refused(
    workspace: Path, rows: list[tuple[str, int | None]]
) -> None:
    with pytest.raises(DataError, match="no labelled review"):
        evaluated(workspace, rows)


def test_evaluate_refuses_to_keep_less_than_no_errors(workspace: Path) -> None:
    with pytest.raises(UsageError, match="errors"):
        evaluated(workspace, ROWS, errors=-1)


def test_evaluate_twice_says_the_same_save_the_time(workspace: Path) -> None:
    path = table(workspace, ((f"0.{number}", number % 3 // 2) for number in range(100, 200)))
    first, second = judged(path), judged(path)
    assert (first.metrics, first.wrong) == (second.metrics, second.wrong)
    assert judged(path, seed=1).metrics.intervals != first.metrics.intervals


def test_evaluate_tells_how_far_it_is(workspace: Path) -> None:
    for label in ("pos", "neg"):
        (workspace / "reviews" / label).mkdir(parents=True)
        for number in range(40):
            (workspace / "reviews" / label / f"{number}.txt").write_text("0.7", encoding="utf-8")
    told = Recorder()
    judged(workspace / "reviews", progress=told)
    assert told.told == [
        *(("Reading", 80), "finished"),
        *(("Scoring", 80), 64, "finished"),
        *(("Computing intervals", None), "finished"),
    ]


@pytest.mark.slow
def test_evaluate_keeps_no_text_but_of_the_worst(workspace: Path) -> None:
    long = "word " * 20_000  # 0.1 MB, 10 MB in all
    path = table(workspace, ((f"0.{number:03d} {long}", number % 2) for number in range(100, 200)))
    tracemalloc.start()
    found = judged(path, errors=2, settings=EvaluateSettings(resamples=10))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.wrong) == 2
    assert most < 4_000_000


@pytest.mark.parametrize(
    "values",
    [
        {"bins": 0},
        {"resamples": 0},
        {"score_bands": 0},
        {"length_bands": (64, 32)},
        {"length_bands": (0, 5)},
        {"errors": -1},
    ],
)
def test_evaluate_settings_refuse_what_cannot_be(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        EvaluateSettings(**values)  # type: ignore[arg-type]
