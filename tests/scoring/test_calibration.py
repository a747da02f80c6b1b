"""Temperature, bias and unsure band, on data whose true probabilities are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.scoring.calibration import Calibration, ShortTexts, calibrate, logit, sigmoid

ROWS = 5000
SURE = CalibrationSettings().sure
Array = np.ndarray[Any, Any]


def simulate(seed: int, *, rows: int = ROWS, times: float = 1.0, bias: float = 0.0) -> tuple[Array, Array]:
    """Scores whose logits are `bias` too low and then `times` too large, and labels drawn with the true
    probabilities."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, rows)
    gold = (random.random(rows) < sigmoid(logits)).astype(np.int64)
    return sigmoid(times * (logits - bias)), gold


def applied(found: Calibration, scores: Array) -> Array:
    return found.apply(logit(scores), 0)


def log_loss(scores: Array, gold: Array) -> float:
    return float(-np.log(np.where(gold == 1, scores, 1 - scores)).mean())


def right(scores: Array, gold: Array) -> Array:
    answers: Array = (scores >= DEFAULT_THRESHOLD) == (gold == 1)
    return answers


def inside(found: Calibration, scores: Array) -> Array:
    """The rows that get no answer: strictly between both ends, as `Scorer.label` has it."""
    return (found.unsure[0] < scores) & (scores < found.unsure[1])


# temperature and bias


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_calibrate_finds_by_how_much_logits_are_too_large(times: float) -> None:
    found = calibrate(*simulate(1, times=times))
    assert found.temperature == pytest.approx(times, rel=0.08)  # ten seeds: 7 % at most
    assert found.rows == ROWS


@pytest.mark.parametrize("bias", [-1.0, 0.0, 0.4])
@pytest.mark.parametrize("times", [0.5, 3.0])
def test_calibrate_finds_by_how_much_logits_are_too_low(times: float, bias: float) -> None:
    assert calibrate(*simulate(1, times=times, bias=bias)).bias == pytest.approx(bias, abs=0.1)


def test_bias_rights_the_answers_of_a_classifier_that_leans_to_one_side() -> None:
    found = calibrate(*simulate(10, bias=0.7))
    scores, gold = simulate(11, rows=20_000, bias=0.7)
    assert right(applied(found, scores), gold).mean() > right(scores, gold).mean() + 0.01


@pytest.mark.parametrize("seed", range(20))
def test_a_few_rows_hardly_move_the_bias(seed: int) -> None:
    assert abs(calibrate(*simulate(seed, rows=8)).bias) < 0.6
    assert abs(calibrate(np.full(8, 0.5), np.ones(8, np.int64)).bias) < 1


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_calibrate_keeps_the_order_of_the_scores(times: float) -> None:
    scores, gold = simulate(2, times=times)
    assert (np.diff(applied(calibrate(scores, gold), scores)[np.argsort(scores)]) >= 0).all()


@pytest.mark.parametrize("times", [0.3, 0.5, 0.9, 1.0, 1.1, 3.0])
@pytest.mark.parametrize("rows", [20, 500, ROWS])
def test_calibrate_never_raises_the_log_loss(times: float, rows: int) -> None:
    scores, gold = simulate(3, rows=rows, times=times)
    found = calibrate(scores, gold)
    least = log_loss(applied(found, scores), gold)
    assert least <= log_loss(scores, gold) + 1e-9
    for other in (0.9, 1.1):  # and there is no better temperature beside it
        moved = dataclasses.replace(found, temperature=other * found.temperature)
        assert log_loss(applied(moved, scores), gold) > least


def test_calibrate_takes_scores_of_exactly_0_and_1() -> None:
    scores, gold = simulate(4, times=3.0)
    scores[scores < 0.01], scores[scores > 0.99] = 0, 1
    found = calibrate(scores.astype(np.float32), gold)
    assert np.isfinite([found.temperature, found.bias, *found.unsure]).all()
    assert found.temperature > 3  # being wrong at 0 or 1 costs more than before


def test_calibrate_keeps_to_its_bounds_where_scores_say_nothing() -> None:
    settings = CalibrationSettings()
    gold = np.arange(100) % 2
    contrary, perfect = (calibrate(np.where(gold == 1, *pair), gold) for pair in ((0.1, 0.9), (0.9, 0.1)))
    assert settings.coolest <= perfect.temperature < 1 < contrary.temperature <= settings.hottest


# band


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_band_of_simulated_scores_is_where_four_of_five_answers_are_right(seed: int, times: float) -> None:
    low, high = calibrate(*simulate(seed, rows=20_000, times=times)).unsure
    assert (low, high) == pytest.approx((1 - SURE, SURE), abs=0.05)


def test_band_follows_the_share_that_is_asked_for() -> None:
    scores, gold = simulate(5, rows=20_000)
    low, high = calibrate(scores, gold, CalibrationSettings(sure=0.9)).unsure
    assert (low, high) == pytest.approx((0.1, 0.9), abs=0.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [100, ROWS])
def test_band_parts_answers_by_how_often_they_are_right(seed: int, rows: int) -> None:
    scores, gold = simulate(seed, rows=rows, times=1.7)
    found = calibrate(scores, gold)
    calibrated = applied(found, scores)
    between, answers = inside(found, calibrated), right(calibrated, gold)
    assert 0 < between.sum() < rows
    assert answers[between].mean() < SURE <= answers[~between].mean()


def test_band_parts_also_the_answers_on_rows_not_seen() -> None:
    found = calibrate(*simulate(6))
    scores, gold = simulate(7, rows=20_000)
    calibrated = applied(found, scores)
    between, answers = inside(found, calibrated), right(calibrated, gold)
    assert answers[between].mean() < SURE - 0.1
    assert answers[~between].mean() > SURE + 0.1


def test_band_of_parted_classes_holds_no_row() -> None:
    random = np.random.default_rng(8)
    gold = np.arange(200) % 2
    scores = np.where(gold == 1, random.uniform(0.6, 1, 200), random.uniform(0, 0.4, 200))
    found = calibrate(scores, gold)
    assert not inside(found, applied(found, scores)).any()


def test_band_holds_what_the_middle_parts_wrongly() -> None:
    gold = np.repeat([0, 1, 0, 1], 100)
    scores = np.repeat([0.1, 0.4, 0.6, 0.9], 100)
    found = calibrate(scores, gold)
    assert inside(found, applied(found, scores)).tolist() == (abs(scores - DEFAULT_THRESHOLD) < 0.2).tolist()


def test_band_is_everything_where_no_answer_is_right_often_enough() -> None:
    gold = np.arange(100) % 2
    found = calibrate(np.full(100, 0.6), gold)
    assert found.unsure == (0, 1)


def test_band_reaches_as_far_down_as_up() -> None:
    scores, gold = simulate(9)
    low, high = calibrate(scores, gold).unsure
    assert low + high == pytest.approx(1)
    assert calibrate(1 - scores, 1 - gold).unsure == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_twenty_rows_give_a_band_around_the_middle(seed: int) -> None:
    scores, gold = simulate(seed, rows=20)
    found = calibrate(scores, gold)
    assert 0 <= found.unsure[0] <= DEFAULT_THRESHOLD <= found.unsure[1] <= 1
    assert found.temperature > 0
    assert found.rows == 20


def test_as_json_is_what_the_manifest_has() -> None:
    one = Calibration(temperature=1.5, bias=0.2, unsure=(0.25, 0.75), rows=9)
    values = {"temperature": 1.5, "bias": 0.2, "unsure": [0.25, 0.75], "rows": 9}
    assert one.as_json() == values
    two = dataclasses.replace(one, short=ShortTexts(2.0, -0.1, tokens=32, long=128))
    assert two.as_json() == values | {"short": {"temperature": 2.0, "bias": -0.1, "tokens": 32, "long": 128}}
    assert [Calibration.of(each.as_json()) for each in (one, two)] == [one, two]


def test_older_manifest_has_less() -> None:
    assert Calibration.of({}) == Calibration(1.0, 0.0, (0.5, 0.5), 0, None)
    assert Calibration.of({"temperature": 2, "unsure": [0.3, 0.7]}) == Calibration(2.0, unsure=(0.3, 0.7))


# short texts

SHORT, LONG = CalibrationSettings().short, CalibrationSettings().long


def both_kinds(seed: int, *, rows: int = 2000, times: float = 2.0, bias: float = 0.8) -> tuple[Array, ...]:
    """Well-calibrated pages, and sentences whose logits are `bias` too low and `times` too large."""
    pages, sentences = simulate(seed, rows=rows), simulate(seed + 1, rows=rows, times=times, bias=bias)
    tokens = np.repeat([LONG + 50, SHORT - 10], rows)
    scores, gold = (np.concatenate(pair) for pair in zip(pages, sentences, strict=True))
    return scores, gold, tokens


def test_short_texts_get_a_calibration_of_their_own_where_they_need_one() -> None:
    scores, gold, tokens = both_kinds(1)
    found = calibrate(scores, gold, tokens=tokens)
    assert found.short is not None
    assert (found.temperature, found.bias) == pytest.approx((1.0, 0.0), abs=0.15)
    assert found.short.temperature == pytest.approx(2.0, rel=0.1)
    assert found.short.bias == pytest.approx(0.8, abs=0.15)
    one = calibrate(scores, gold)
    loss = [log_loss(each.apply(logit(scores), tokens), gold) for each in (found, one)]
    assert loss[0] < loss[1] - 0.01


@pytest.mark.parametrize("seed", range(20))
def test_short_texts_that_are_like_the_others_have_no_calibration_of_their_own(seed: int) -> None:
    scores, gold, tokens = both_kinds(2 * seed, rows=500, times=1.0, bias=0.0)
    assert calibrate(scores, gold, tokens=tokens).short is None


@pytest.mark.parametrize("tokens", [SHORT - 1, LONG + 1])
def test_texts_of_one_length_have_one_calibration(tokens: int) -> None:
    scores, gold = simulate(3, times=2.0, bias=0.5)
    found = calibrate(scores, gold, tokens=np.full(ROWS, tokens))
    assert found.short is None
    assert found == calibrate(scores, gold)


def test_texts_between_short_and_long_lie_between() -> None:
    found = Calibration(temperature=1.0, bias=0.0, short=ShortTexts(2.0, 1.0, tokens=SHORT, long=LONG))
    tokens = [1, SHORT, (SHORT + LONG) // 2, LONG, 500]
    assert logit(found.apply([2.0] * 5, tokens)) == pytest.approx([2.0, 2.0, 2.0, 2.0, 2.0])
    assert logit(found.apply([4.0] * 5, tokens)) == pytest.approx([3.0, 3.0, 3.5, 4.0, 4.0])
