"""The gate: who passes."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from bertsent.base.records.core import to_json
from bertsent.base.settings.retraining import GateSettings
from bertsent.retraining import gate
from bertsent.retraining.coin import chance
from bertsent.retraining.gate import GateResult, Taught
from bertsent.retraining.paired import PairedScores, score_interval

NONE = PairedScores("", [], [], [])
SAME = PairedScores("d", [1] * 60, [0.9] * 50 + [0.1] * 10, [0.9] * 50 + [0.1] * 10)


def scores(right: int, gained: int, lost: int, wrong: int = 0) -> PairedScores:
    """So many rows that both, only the challenger, only the champion and nobody gets right."""
    champion = [0.9] * right + [0.1] * gained + [0.9] * lost + [0.1] * wrong
    challenger = [0.9] * right + [0.9] * gained + [0.1] * lost + [0.1] * wrong
    return PairedScores("digest", [1] * len(champion), champion, challenger)


# Could a coin have given the labels?


def test_chance_is_that_of_a_coin_where_all_scores_are_sure() -> None:
    for right, rows in ((5, 5), (9, 12), (20, 30)):
        found = chance([1.0] * right + [0.0] * (rows - right), [1] * rows)
        assert found == pytest.approx(binomtest(right, rows, alternative="greater").pvalue, abs=0.01)


def test_chance_of_many_rows_is_that_of_few() -> None:
    random = np.random.default_rng(1)
    scores = random.random(400)
    gold = random.random(400) < 0.4 + 0.2 * scores
    assert 0.001 < chance(scores, gold) < 0.2
    assert chance(scores[:300], gold[:300]) == pytest.approx(chance(scores[:301], gold[:301]), abs=0.02)


def test_chance_weighs_sure_answers_more() -> None:
    gold = [1] * 12
    assert chance([0.95] * 9 + [0.45] * 3, gold) < chance([0.55] * 9 + [0.05] * 3, gold)


@pytest.mark.parametrize("rows", [0, 5, 40, 400])
def test_chance_of_no_row_and_of_rows_that_lean_nowhere_is_certain(rows: int) -> None:
    assert chance([0.5] * rows, [1] * rows) == 1


def test_labels_of_a_coin_are_seldom_taken_for_right_ones() -> None:
    random = np.random.default_rng(3)
    below = [chance(random.random(40), random.integers(0, 2, 40)) <= 0.05 for _ in range(400)]
    assert 0.02 <= np.mean(below) <= 0.08


# Who passes

GOOD = Taught([1] * 40, [0.9] * 34 + [0.2] * 6)  # labels that the champion mostly agrees with
NO_LABELS = Taught([], [])


def drawn(rows: int, *, lost: float = 0.0, sureness: float = 1.0, seed: int = 1) -> PairedScores:
    """Rows of which both versions get some 93 in 100 right, by scores that differ a little.

    Args:
        lost: A share of the rows: so many right answers of the challenger, any of them, become wrong.
        sureness: Multiplies the challenger's log-odds.
    """
    random = np.random.default_rng(seed)
    champion = random.normal(3.5, 2.3, rows)
    challenger = champion + random.normal(0, 0.3, rows)
    turned = random.choice(np.flatnonzero(challenger > 0), round(lost * rows), replace=False)
    challenger[turned] *= -1
    return PairedScores("digest", [1] * rows, expit(champion), expit(sureness * challenger))


def test_judge_passes_what_is_better_on_reserved_rows_and_not_worse_on_test_rows() -> None:
    result = gate.judge(drawn(1000), scores(40, 12, 1, 7), GOOD)
    assert result.passed
    assert "better on the reserved rows" in result.reason
    assert (result.labels, result.margin) == (100, 0.01)


def test_judge_passes_what_is_equal() -> None:
    result = gate.judge(drawn(1000), SAME, GOOD)
    assert result.passed
    assert "it is right on 50 of 60 reserved rows, before 50" in result.reason


def test_judge_refuses_what_may_be_worse_by_the_margin() -> None:
    result = gate.judge(drawn(4000, lost=0.02), scores(40, 12, 1, 7), GOOD)
    assert not result.passed
    assert result.test.score_low < -0.01
    assert "a loss of 1.0 points or more cannot be ruled out" in result.reason


def test_few_test_rows_decide_by_a_wider_margin() -> None:
    equal, worse = drawn(60), drawn(60, lost=0.05)
    assert not score_interval(0, 0, 60, confidence=0.95)[0] > -0.01, "right and wrong could not tell"
    passed = gate.judge(equal, SAME, GOOD)
    assert passed.passed
    assert 0.01 < passed.margin <= GateSettings().widest
    refused = gate.judge(worse, SAME, GOOD)
    assert not refused.passed
    assert "300 of them or more can show less" in refused.reason


def test_margin_that_was_asked_for_is_never_narrowed() -> None:
    settings = GateSettings(margin=0.2)
    result = gate.judge(drawn(60, lost=0.05), SAME, GOOD, settings=settings)
    assert result.passed
    assert result.margin == 0.2


def test_judge_refuses_what_is_shown_to_be_worse_on_reserved_rows() -> None:
    result = gate.judge(drawn(1000), scores(40, 2, 12, 6), GOOD)
    assert not result.passed
    assert "it is right on 42 of 60 reserved rows, the champion on 52" in result.reason


def test_one_right_answer_less_on_reserved_rows_shows_nothing() -> None:
    assert gate.judge(drawn(1000), scores(40, 2, 3, 7), GOOD).passed


def test_judge_refuses_labels_of_a_coin() -> None:
    coin = Taught([1, 0] * 20, [0.9] * 20 + [0.1] * 20)
    result = gate.judge(drawn(1000), scores(4, 1, 1, 4), coin)
    assert not result.passed
    assert (
        "new labels agree with a version that was not trained on them, which could be chance" in result.reason
    )
    assert result.p_chance > 0.001


def test_judge_refuses_labels_that_are_turned_around_however_well_they_are_learnt() -> None:
    turned = Taught([0] * 40, [0.9] * 36 + [0.1] * 4)
    result = gate.judge(drawn(1000), scores(0, 10, 0, 0), turned)
    assert not result.passed
    assert "are positive and negative swapped?" in result.reason
    assert result.p_chance > 0.5


def test_judge_refuses_labels_too_few_to_tell() -> None:
    result = gate.judge(drawn(1000), scores(6, 0, 0), NO_LABELS)
    assert not result.passed
    assert "label more reviews" in result.reason


def test_judge_refuses_without_test_rows_and_does_without_new_labels() -> None:
    assert not gate.judge(NONE, scores(40, 12, 1), GOOD).passed
    assert gate.judge(scores(950, 40, 10), NONE, NO_LABELS).passed
    refused = gate.judge(drawn(1000), NONE, NO_LABELS)
    assert not refused.passed
    assert "there is no new label" in refused.reason


@pytest.mark.parametrize(("lost", "least", "most"), [(0.0, 0.9, 1.0), (0.05, 0.0, 0.05)])
@pytest.mark.parametrize("sureness", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("rows", [60, 1000])
def test_judge_lets_an_equal_one_through_and_a_worse_one_as_seldom_as_it_says(
    rows: int, sureness: float, lost: float, least: float, most: float
) -> None:
    many = Taught([1] * 320, [0.9] * 320)  # of so many the third rule is quick
    passed = [
        gate.judge(drawn(rows, lost=lost, sureness=sureness, seed=seed), SAME, many).passed
        for seed in range(300)
    ]
    assert least <= np.mean(passed) <= most


def test_score_that_is_no_number_counts_as_wrong() -> None:
    rows = PairedScores("d", [1] * 60, [0.9] * 60, [math.nan] * 60)
    result = gate.judge(rows, SAME, GOOD)
    assert not result.passed
    assert result.test.score_difference == pytest.approx(-1, abs=1e-3)


def test_result_without_the_data_set_names_its_rows() -> None:
    result = gate.judge(drawn(1000, lost=0.05), NONE, GOOD, stand_in=True)
    assert result.reason.startswith("on 1000 stand-in rows")
    assert GateResult.from_json(json.loads(json.dumps(to_json(result)))).stand_in


def test_result_of_an_earlier_version_had_the_data_set_and_no_scores() -> None:
    values = json.loads(json.dumps(to_json(gate.judge(drawn(1000), NONE, GOOD))))
    assert not gate.is_of_earlier_rule(GateResult.from_json(values))
    for key in ("stand_in", "labels", "p_chance"):
        del values[key]
    for side in ("test", "reserved"):
        for key in ("score_difference", "score_low", "score_high"):
            del values[side][key]
    earlier = GateResult.from_json(values)
    assert earlier.stand_in is False
    assert gate.is_of_earlier_rule(earlier)


@pytest.mark.parametrize("reserved", [scores(40, 12, 1, 7), NONE], ids=["rows", "none"])
def test_result_is_read_back_from_json(reserved: PairedScores) -> None:
    result = gate.judge(scores(950, 10, 10, 30), reserved, GOOD)
    text = json.dumps(to_json(result), allow_nan=False)
    again: Any = GateResult.from_json(json.loads(text))
    assert to_json(again) == to_json(result)
    assert again.test == result.test
