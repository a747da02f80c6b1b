"""Two versions on the same rows: the interval against its definition, and scores on one scale."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit

from bertsent.retraining import paired
from bertsent.retraining.paired import PairedScores


def scores(right: int, gained: int, lost: int) -> PairedScores:
    """So many rows that both, only the challenger, and only the champion get right."""
    champion = [0.9] * right + [0.1] * gained + [0.9] * lost
    challenger = [0.9] * right + [0.9] * gained + [0.1] * lost
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
    for end, z in zip(paired.score_interval(gained, lost, n, confidence=0.95), (1.645, -1.645), strict=True):
        one, other = likeliest(gained, lost, n, end)
        variance = (one + other - end**2) / n
        assert ((gained - lost) / n - end) / math.sqrt(variance) == pytest.approx(z, abs=0.01)


def test_score_interval_without_a_change_has_a_width() -> None:
    low, high = paired.score_interval(0, 0, 100, confidence=0.95)
    assert low == pytest.approx(-(1.645**2) / (100 + 1.645**2), abs=1e-4)
    assert high == -low


@pytest.mark.parametrize(("gained", "lost", "n"), [(0, 4, 4), (4, 0, 4), (0, 1, 1), (3, 0, 50), (0, 3, 50)])
def test_score_interval_stays_within_one_and_holds_the_estimate(gained: int, lost: int, n: int) -> None:
    low, high = paired.score_interval(gained, lost, n, confidence=0.95)
    assert -1 <= low <= (gained - lost) / n <= high <= 1


def test_score_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    n, gained, lost = 80, 0.05, 0.08
    drawn = random.multinomial(n, [gained, lost, 1 - gained - lost], size=1500)
    lows = [paired.score_interval(b, c, n, confidence=0.95)[0] for b, c, _ in drawn.tolist()]
    assert 0.93 <= np.mean(np.array(lows) <= gained - lost) <= 0.975


def test_compare_counts_pairwise_and_takes_no_number_for_a_wrong_prediction() -> None:
    rows = PairedScores("d", [0, 0, 1, 1, 1], [0.1, 0.9, 0.2, 0.8, 0.5], [0.2, 0.1, 0.9, 0.3, math.nan])
    found = paired.compare(rows)
    assert (found.n, found.champion, found.challenger) == (5, 3, 3)
    assert (found.gained, found.lost) == (2, 2)
    assert found.difference == 0
    assert found.p_value == 1


def test_compare_gives_the_exact_p_of_mcnemar() -> None:
    found = paired.compare(scores(80, 9, 1))
    assert found.p_better == pytest.approx(11 / 1024)
    assert found.p_value == pytest.approx(22 / 1024)


# Agreement of scores and labels


@pytest.mark.parametrize("sureness", [0.3, 1, 3])
def test_agreement_is_the_same_however_sure_a_version_is_of_all_its_answers(sureness: float) -> None:
    random = np.random.default_rng(1)
    odds, gold = random.normal(0, 1, 50), random.integers(0, 2, 50)
    expected = paired.agreement(expit(odds), gold)
    assert paired.agreement(expit(sureness * odds), gold) == pytest.approx(expected, abs=1e-6)


def test_agreement_lies_between_a_right_answer_and_a_wrong_one() -> None:
    found = paired.agreement([0.9, 0.9, 0.5, 0.45], [1, 0, 1, 1])
    assert found[:3] == pytest.approx([1, 0, 0.5], abs=1e-4)
    assert 0.05 < found[3] < 0.45


def test_agreement_is_the_probability_where_the_scores_have_that_sharpness() -> None:
    scores = np.array([0.2, 0.6, 0.9])
    found = paired.agreement(scores, [1, 1, 1], sharpness=float(np.abs(logit(scores)).mean()))
    assert found == pytest.approx(scores)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([0.5, 0.5], [0.5, 0.5]),
        ([math.nan, math.inf], [0, 0]),
        ([1.0, 0.0, math.nan], [1, 0, 0]),
    ],
)
def test_agreement_of_scores_without_a_size(scores: list[float], expected: list[float]) -> None:
    assert paired.agreement(scores, [1] * len(scores)) == pytest.approx(expected, abs=1e-4)
