"""The gate: intervals against their definition, and who passes."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from bertsent.base.records.core import to_json
from bertsent.base.settings.retraining import GateSettings
from bertsent.retraining import gate
from bertsent.retraining.gate import GateResult, PairedScores

NONE = PairedScores("", [], [], [])
SAME = PairedScores("d", [1] * 60, [0.9] * 50 + [0.1] * 10, [0.9] * 50 + [0.1] * 10)


def scores(right: int, gained: int, lost: int, wrong: int = 0) -> PairedScores:
    """So many rows that both, only the challenger, only the champion and nobody gets right."""
    champion = [0.9] * right + [0.1] * gained + [0.9] * lost + [0.1] * wrong
    challenger = [0.9] * right + [0.9] * gained + [0.1] * lost + [0.1] * wrong
    return PairedScores("digest", [1] * len(champion), champion, challenger)


def likeliest(gained: int, lost: int, n: int, delta: float) -> tuple[float, float]:
    """The shares of gained and lost rows that make the counts likeliest under a difference, by search."""
    shares = np.linspace(max(0.0, -delta), (1 - delta) / 2, 400_001)[1:-1]
    with np.errstate(divide="ignore"):
        said = gained * np.log(shares + delta) + lost * np.log(shares)
        said += (n - gained - lost) * np.log(1 - 2 * shares - delta)
    best = shares[np.nanargmax(said)]
    return best + delta, best


@pytest.mark.parametrize(("gained", "lost", "n"), [(5, 9, 60), (1, 7, 40), (12, 3, 25), (150, 86, 1600)])
def test_score_interval_ends_where_the_score_test_rejects(gained: int, lost: int, n: int) -> None:
    for end, z in zip(gate.score_interval(gained, lost, n, confidence=0.95), (1.645, -1.645), strict=True):
        one, other = likeliest(gained, lost, n, end)
        variance = (one + other - end**2) / n
        assert ((gained - lost) / n - end) / math.sqrt(variance) == pytest.approx(z, abs=0.01)


def test_score_interval_without_a_change_has_a_width() -> None:
    low, high = gate.score_interval(0, 0, 100, confidence=0.95)
    assert low == pytest.approx(-(1.645**2) / (100 + 1.645**2), abs=1e-4)
    assert high == -low


@pytest.mark.parametrize(("gained", "lost", "n"), [(0, 4, 4), (4, 0, 4), (0, 1, 1), (3, 0, 50), (0, 3, 50)])
def test_score_interval_stays_within_one_and_holds_the_estimate(gained: int, lost: int, n: int) -> None:
    low, high = gate.score_interval(gained, lost, n, confidence=0.95)
    assert -1 <= low <= (gained - lost) / n <= high <= 1


def test_score_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    n, gained, lost = 80, 0.05, 0.08
    drawn = random.multinomial(n, [gained, lost, 1 - gained - lost], size=1500)
    above = [gate.score_interval(b, c, n, confidence=0.95)[0] <= gained - lost for b, c, _ in drawn.tolist()]
    assert 0.93 <= np.mean(above) <= 0.975


def test_compare_counts_pairwise_and_takes_no_number_for_a_wrong_prediction() -> None:
    rows = PairedScores("d", [0, 0, 1, 1, 1], [0.1, 0.9, 0.2, 0.8, 0.5], [0.2, 0.1, 0.9, 0.3, math.nan])
    found = gate.compare(rows)
    assert (found.n, found.champion, found.challenger) == (5, 3, 3)
    assert (found.gained, found.lost) == (2, 2)
    assert found.difference == 0
    assert found.p_value == 1


def test_compare_gives_the_exact_p_of_mcnemar() -> None:
    found = gate.compare(scores(80, 9, 1))
    assert found.p_better == pytest.approx(11 / 1024)
    assert found.p_value == pytest.approx(22 / 1024)


# Who passes


def test_judge_passes_what_is_better_on_reserved_rows_and_not_worse_on_test_rows() -> None:
    result = gate.judge(scores(950, 10, 10, 30), scores(40, 12, 1, 7), drift=False)
    assert result.passed
    assert "better on the reserved rows" in result.reason


def test_judge_refuses_what_may_be_worse_by_the_margin() -> None:
    result = gate.judge(scores(940, 10, 20, 30), scores(40, 12, 1, 7), drift=True)
    assert not result.passed
    assert result.test.low < -0.01 < result.test.difference + 1e-9
    assert "cannot be ruled out" in result.reason


def test_judge_refuses_what_has_fewer_right_answers_on_reserved_rows() -> None:
    result = gate.judge(scores(950, 10, 10, 30), scores(40, 2, 3, 7), drift=True)
    assert not result.passed
    assert "it is right on 42 of 52 reserved rows, the champion on 43" in result.reason


def test_judge_refuses_what_is_as_good_unless_drift_was_the_reason() -> None:
    rows = scores(950, 10, 10, 30), scores(40, 3, 3, 7)
    assert not gate.judge(*rows, drift=False).passed
    assert gate.judge(*rows, drift=True).passed


def test_judge_refuses_what_follows_labels_that_contradict_the_test_rows_no_further_than_them() -> None:
    flipped = scores(4, 11, 0, 45)  # better by McNemar, and wrong three times of four
    for drift in (False, True):
        result = gate.judge(scores(950, 10, 10, 30), flipped, drift=drift)
        assert not result.passed
        assert "are the labels right" in result.reason


@pytest.mark.parametrize("right", [33, 36])  # of 60: a coin reaches 36 in 8 of 100 times, 37 in 5
def test_judge_refuses_after_drift_what_answers_reserved_rows_as_a_coin_might(right: int) -> None:
    assert not gate.judge(scores(950, 10, 10, 30), scores(right, 0, 0, 60 - right), drift=True).passed
    assert gate.judge(scores(950, 10, 10, 30), scores(37, 0, 0, 23), drift=True).passed


def test_judge_refuses_after_drift_without_reserved_rows() -> None:
    assert not gate.judge(scores(950, 10, 10, 30), NONE, drift=True).passed


def test_judge_refuses_without_test_rows_and_does_without_reserved_ones() -> None:
    assert not gate.judge(NONE, scores(40, 12, 1), drift=True).passed
    assert gate.judge(scores(950, 40, 10), NONE, drift=False).passed


@pytest.mark.parametrize("margin", [0.01, 0.05])
def test_least_rows_is_where_no_change_begins_to_pass(margin: float) -> None:
    settings = GateSettings(margin=margin)
    least = gate.least_rows(settings)
    assert gate.judge(scores(least, 0, 0), SAME, drift=True, settings=settings).passed
    assert not gate.judge(scores(least - 1, 0, 0), SAME, drift=True, settings=settings).passed


def test_judge_lets_a_worse_one_through_as_seldom_as_it_says() -> None:
    random = np.random.default_rng(2)
    n, gained, lost = 2000, 0.02, 0.03  # worse by the margin itself
    passed = 0
    for gains, losses, rest in random.multinomial(n, [gained, lost, 1 - gained - lost], size=400).tolist():
        passed += gate.judge(scores(rest, gains, losses), SAME, drift=True).passed
    assert passed / 400 <= 0.075


def test_judge_refuses_labels_that_a_coin_predicts_better_only_where_bags_stand_for_test_rows() -> None:
    test, turned = scores(950, 10, 10, 30), scores(10, 48, 1, 1)
    assert gate.judge(test, turned, drift=False).passed
    refused = gate.judge(test, turned, drift=False, stand_in=True)
    assert not refused.passed
    assert "the champion is right on 11 of 60 reserved rows, worse than a coin" in refused.reason
    assert gate.judge(test, scores(25, 30, 1, 4), drift=False, stand_in=True).passed, "26 of 60 may be chance"


def test_result_without_the_data_set_names_its_rows() -> None:
    result = gate.judge(scores(940, 10, 20, 30), NONE, drift=True, stand_in=True)
    assert result.reason.startswith("on 1000 stand-in rows")
    assert GateResult.from_json(json.loads(json.dumps(to_json(result)))).stand_in


def test_result_of_an_earlier_version_had_the_data_set() -> None:
    values = json.loads(json.dumps(to_json(gate.judge(scores(950, 10, 10, 30), NONE, drift=False))))
    del values["stand_in"]
    assert GateResult.from_json(values).stand_in is False


@pytest.mark.parametrize("reserved", [scores(40, 12, 1, 7), NONE], ids=["rows", "none"])
def test_result_is_read_back_from_json(reserved: PairedScores) -> None:
    result = gate.judge(scores(950, 10, 10, 30), reserved, drift=False)
    text = json.dumps(to_json(result), allow_nan=False)
    again: Any = GateResult.from_json(json.loads(text))
    assert to_json(again) == to_json(result)
    assert again.test == result.test
