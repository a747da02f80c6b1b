"""`judge` without labels: words, scores and estimated accuracy, on synthetic reviews."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from support.drift_rows import SHOPS, make_reference, make_two_kinds, new_rows, sentence_rows

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.judge import judge
from bertsent.drift.records import DriftReport, Measure, NewRow
from bertsent.drift.reference import Reference
from bertsent.drift.texts_only import NAMES, match_scores, wasserstein

FEWER = replace(DriftSettings(), shuffles=99)  # the runs here ask for rates, not for small p-values


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Pages, whose held-out rows are of unknown length, as an older version has them."""
    return make_reference(tmp_path_factory.mktemp("reference") / "reference.npz")


@pytest.fixture(scope="module")
def two_kinds(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return make_two_kinds(tmp_path_factory.mktemp("reference") / "reference.npz")


def unlabelled(rows: list[NewRow]) -> list[NewRow]:
    """Rows with the predicted labels in place of their own."""
    return [replace(row, label=int(row.score >= 0.5)) for row in rows]


def judged(reference: Reference, rows: list[NewRow], **more: int) -> DriftReport:
    return judge(reference, unlabelled(rows), settings=FEWER, without_labels=True, **more)


def measure(report: DriftReport, name: str) -> Measure:
    return next(each for each in report.measures if each.name == name)


def unsure(rows: list[NewRow], *, by: float) -> list[NewRow]:
    """The rows with scores nearer to a half by this share of the way; no label changes."""
    return [replace(row, score=0.5 + (row.score - 0.5) * (1 - by)) for row in rows]


# nothing drifted


@pytest.mark.slow
def test_texts_of_the_same_kind_are_no_drift(pages: Reference) -> None:
    reports = [judged(pages, new_rows(200, seed=seed)) for seed in range(12)]
    assert not any(report.verdict == "drift" for report in reports)
    for name in NAMES:
        p_values = [measure(report, name).p_value for report in reports]
        assert sum(p < 0.05 for p in p_values) <= 3  # 99.8 % of honest tests
        assert np.mean(p_values) == pytest.approx(0.5, abs=0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("long", "short"), [(0, 200), (100, 100), (180, 20)], ids=str)
def test_sentences_pages_and_their_mix_are_no_drift(two_kinds: Reference, long: int, short: int) -> None:
    rows = [new_rows(long, seed=seed, accuracy=0.97) + sentence_rows(short, seed=seed) for seed in range(4)]
    reports = [judged(two_kinds, each) for each in rows]
    assert not any(report.verdict == "drift" for report in reports)
    assert np.mean([measure(report, "scores").value for report in reports]) < 0.08


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_texts_are_not_judged(pages: Reference, count: int) -> None:
    report = judged(pages, new_rows(count, seed=1))
    assert report.verdict == "cannot_tell"
    assert [measure.name for measure in report.measures] == list(NAMES)
    assert all(math.isnan(measure.value) for measure in report.measures)
    assert (report.foreign_rows, report.estimated_accuracy) == (None, None)


def test_equal_scores_are_not_judged_and_no_drift(pages: Reference) -> None:
    same = replace(pages, heldout_score=np.full(len(pages.heldout_score), 0.9, np.float32))
    rows = [replace(row, score=float(np.float32(0.9))) for row in new_rows(60, seed=1, positive=1.0)]
    report = judged(same, rows)
    assert report.verdict == "cannot_tell"
    assert "equal" in measure(report, "scores").why


# each kind of drift


@pytest.mark.slow
def test_foreign_texts_fire_by_their_words_and_are_counted(pages: Reference) -> None:
    report = judged(pages, new_rows(150, seed=1) + new_rows(50, seed=2, of=SHOPS))
    assert report.verdict == "drift"
    assert report.fired == ("text",)
    assert report.foreign_rows == pytest.approx(50, abs=20)
    assert report.foreign_rows == round(measure(report, "text").value * 200)


def test_more_positive_texts_move_the_scores_and_leave_the_words(pages: Reference) -> None:
    report = judged(pages, new_rows(200, seed=3, positive=0.9))
    assert report.fired == ("scores",)
    # The share of positive predictions moved by 0.4 (0.93 - 0.07), and their scores lie 0.6 apart.
    assert measure(report, "scores").value == pytest.approx(0.4 * 0.86 * 0.6, abs=0.06)
    assert measure(report, "estimated_error").p_value > 0.01


def test_less_sure_scores_cost_estimated_accuracy(pages: Reference) -> None:
    report = judged(pages, unsure(new_rows(200, seed=4), by=0.6))
    assert "estimated_error" in report.fired
    assert report.estimated_accuracy is not None
    # Confidence is uniform from 0.6 to 1; then from 0.54 to 0.7.
    assert report.estimated_accuracy.reference == pytest.approx(0.8, abs=0.01)
    assert report.estimated_accuracy.new == pytest.approx(0.62, abs=0.01)
    lost = report.estimated_accuracy.reference - report.estimated_accuracy.new
    assert measure(report, "estimated_error").value == pytest.approx(lost)
    one = measure(report, "estimated_error")
    assert one.low < one.value < one.high


def test_surer_scores_are_no_estimated_error(pages: Reference) -> None:
    report = judged(pages, unsure(new_rows(200, seed=4), by=-0.2))
    assert measure(report, "estimated_error").value == 0


# how scores are compared


def test_wasserstein_is_scipys() -> None:
    random = np.random.default_rng(1)
    scores = np.round(random.random(60), 1)  # with ties
    new = (random.random((60, 4)) < 0.3).astype(float)
    expected = [wasserstein_distance(scores[of == 1], scores[of == 0]) for of in new.T]
    assert wasserstein(scores, new) == pytest.approx(expected)


def test_scores_of_sentences_are_compared_with_sentences(two_kinds: Reference) -> None:
    rows = new_rows(60, seed=1) + sentence_rows(40, seed=1)
    matched = match_scores(two_kinds, rows, settings=FEWER, random=np.random.default_rng(1))
    assert matched is not None
    new, old = (float(matched.is_short[matched.is_new == side].mean()) for side in (True, False))
    assert new == sum(len(row.pieces) <= 64 for row in rows) / 100
    assert old == pytest.approx(new, abs=0.02)


def test_scores_of_a_kind_without_held_out_rows_are_left_out(pages: Reference) -> None:
    mixed = judged(pages, new_rows(60, seed=1) + sentence_rows(40, seed=1))
    assert measure(mixed, "scores").n == sum(len(row.pieces) > 64 for row in new_rows(60, seed=1))
    alone = judged(pages, sentence_rows(60, seed=1))
    assert "as long as the held-out reviews" in measure(alone, "scores").why
    assert alone.verdict != "stable"


def test_order_of_the_rows_changes_nothing(pages: Reference) -> None:
    rows = new_rows(60, seed=5)
    assert judged(pages, rows).as_json() == judged(pages, rows[::-1]).as_json()


def test_report_says_that_there_were_no_labels(pages: Reference) -> None:
    rows = new_rows(60, seed=6)
    without = json.loads(json.dumps(judged(pages, rows).as_json()))
    labelled = judge(pages, rows, settings=FEWER).as_json()
    assert (without["without_labels"], labelled["without_labels"]) == (True, False)
    assert without["estimated_accuracy"].keys() == {"reference", "new"}
    assert "estimated_accuracy" not in labelled
