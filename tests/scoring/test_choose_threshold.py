"""The threshold that serves a goal: against trying all of them, its rounding, its interval, other rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bertsent.base.errors import BertsentError, DataError, UsageError
from bertsent.base.records.core import to_json
from bertsent.base.records.metrics import ChosenThreshold, Confusion
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.goals import parse_goal
from bertsent.scoring.choose_threshold import choose_threshold, require_met, threshold_notes
from bertsent.scoring.metrics import measure

GOALS = ["precision=0.8", "recall=0.9", "f1", "macro-f1", "mcc", "cost=5:1", "cost=1:7.5"]


def sample(n: int, seed: int, *, shift: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores with ties, and labels that follow them; a larger shift makes more of them positive."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(shift, 1.5, n).round(1)
    scores = 1 / (1 + np.exp(-logits))
    return scores, (draw.random(n) < scores).astype(np.int64)


def choose(scores: Any, gold: Any, goal: str, **more: Any) -> ChosenThreshold:
    """A choice whose interval comes from few resamples."""
    settings = EvaluateSettings(resamples=more.pop("resamples", 50))
    values = {"current": 0.5, "settings": settings, **more}
    return choose_threshold(scores, gold, goal=parse_goal(goal), **values)


def counts(scores: Any, gold: Any, threshold: float) -> Confusion:
    return measure(scores, gold, threshold=threshold).confusion


def worth(goal: str, made: Confusion) -> tuple[float, ...]:
    """What a threshold is worth for a goal, written down once more; () if it does not meet it."""
    precision = made.precision if made.true_positive + made.false_positive else -1.0
    name, _, value = goal.partition("=")
    if name == "precision":
        return (made.recall, precision) if precision >= float(value) else ()
    if name == "recall":
        return (precision, made.recall) if made.recall >= float(value) else ()
    if name == "cost":
        alarm, miss = map(float, value.split(":"))
        return (-(alarm * made.false_positive + miss * made.false_negative), made.recall)
    best = {"f1": made.f1, "macro-f1": made.macro_f1, "mcc": made.mcc}[name]
    return (-2.0 if math.isnan(best) else round(best, 12), made.recall)


# which one


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("seed", range(4))
def test_choice_is_the_best_of_all_thresholds(goal: str, seed: int) -> None:
    scores, gold = sample(120, seed)
    every = [*np.unique(scores), (1 + scores.max()) / 2]
    best = max(worth(goal, counts(scores, gold, threshold)) for threshold in every)
    found = choose(scores, gold, goal)
    assert found.met
    assert worth(goal, counts(scores, gold, found.threshold)) == pytest.approx(best)
    assert found.chosen.confusion == counts(scores, gold, found.threshold)


def test_precision_takes_the_highest_recall_though_precision_falls_between() -> None:
    scores, gold = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], [1, 0, 1, 1, 1, 1, 0]
    found = choose(scores, gold, "precision=0.8")  # 0.5 at 0.8, 0.67 at 0.7, 0.75 at 0.6, 0.8 at 0.5
    assert found.threshold == 0.35
    assert found.chosen.values["recall"] == 1


def test_recall_takes_the_highest_precision() -> None:
    found = choose([0.9, 0.8, 0.7, 0.6, 0.2], [1, 1, 0, 1, 0], "recall=0.6")
    assert found.threshold == 0.75
    assert (found.chosen.values["precision"], found.chosen.values["recall"]) == (1, pytest.approx(2 / 3))


def test_cost_counts_a_false_positive_first() -> None:
    scores, gold = [0.9, 0.8, 0.4, 0.2], [1, 0, 1, 0]
    dear = choose(scores, gold, "cost=5:1")
    assert (dear.threshold, dear.chosen.values["cost"]) == (0.85, 1 / 4)
    assert dear.default.values["cost"] == 6 / 4
    assert choose(scores, gold, "cost=1:5").threshold == 0.3


def test_equally_good_thresholds_give_the_one_near_the_middle() -> None:
    assert choose([0.99, 0.2, 0.1], [1, 0, 0], "f1").threshold == 0.595
    assert choose([0.9, 0.52, 0.51, 0.1], [1, 1, 0, 0], "f1").threshold == 0.515


def test_a_goal_may_ask_for_all_to_be_positive() -> None:
    found = choose([0.9, 0.8, 0.4], [0, 0, 1], "recall=1")
    assert (found.threshold, found.chosen.confusion) == (0.2, Confusion(false_positive=2, true_positive=1))


@pytest.mark.parametrize(("goal", "most"), [("f1", 0.5), ("recall=0.5", 0.5)])
def test_scores_of_0_and_1_leave_a_threshold_between(goal: str, most: float) -> None:
    found = choose([1.0, 1.0, 0.0, 0.0], [1, 1, 0, 0], goal)
    assert found.threshold == most


# as it is printed


@pytest.mark.parametrize("low", [1e-12, 2e-5, 0.3, 0.5, 0.99999, 0.9999998])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_rounded_threshold_lies_between_neighbouring_scores(low: float, steps: int) -> None:
    high = np.float32(low)
    for _ in range(steps):
        high = np.nextafter(high, np.float32(1))
    scores = [float(np.float32(low)), float(high)]
    found = choose(scores, [0, 1], "f1")
    written = float(str(found.threshold))
    assert scores[0] < written <= scores[1]
    assert 0 < written < 1


def test_the_threshold_is_rounded_where_no_label_changes() -> None:
    assert choose([0.41237, 0.8123456], [0, 1], "f1").threshold == 0.6124
    assert choose([0.81234, 0.81235], [0, 1], "f1").threshold == 0.812345


# goals that cannot be met


def test_an_unmet_goal_names_the_best_and_a_goal_that_can_be_met() -> None:
    scores, gold = [0.9, 0.8, 0.7, 0.6, 0.2], [0, 1, 1, 1, 0]
    found = choose(scores, gold, "precision=0.9")
    assert not found.met
    with pytest.raises(BertsentError, match=r"No threshold has a precision of 0\.9") as caught:
        require_met(found)
    assert caught.value.exit_code == 1
    assert str(caught.value.received) == "at most 0.7500, at 0.4, with recall 1.0000"
    assert caught.value.hint == "--choose-threshold precision=0.75"
    require_met(choose(scores, gold, "precision=0.75"))


def test_the_goal_of_the_hint_can_be_met_whatever_the_best_is() -> None:
    gold = [0] * 700 + [1] * 2
    scores = [0.9 - row / 10_000 for row in range(702)]
    with pytest.raises(BertsentError) as caught:
        require_met(choose(scores, gold, "precision=0.5"))
    again = caught.value.hint.split()[-1]
    require_met(choose(scores, gold, again))


@pytest.mark.parametrize("gold", [[1, 1], [0, 0]])
def test_one_label_chooses_no_threshold(gold: list[int]) -> None:
    with pytest.raises(DataError, match="both labels"):
        choose([0.2, 0.7], gold, "f1")


# how sure it is


@pytest.mark.parametrize("goal", GOALS)
def test_the_interval_contains_the_threshold_and_follows_no_order(goal: str) -> None:
    scores, gold = sample(150, 8)
    order = np.random.default_rng(0).permutation(150)
    found = choose(scores, gold, goal)
    low, high = found.interval
    assert 0 < low <= found.threshold <= high < 1
    assert to_json(choose(scores[order], gold[order], goal)) == to_json(found)
    assert to_json(choose(scores, gold, goal, seed=1)) != to_json(found)


@pytest.mark.slow
def test_the_interval_covers_the_threshold_of_all_rows() -> None:
    def drawn(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        draw = np.random.default_rng(seed)
        scores = draw.random(n)
        return scores, (draw.random(n) < scores).astype(np.int64)

    truth = math.sqrt(0.1)  # a tenth of the positive rows, whose density is 2s, lies below it
    covered = 0
    for seed in range(100):
        low, high = choose(*drawn(200, seed), "recall=0.9", resamples=100).interval
        covered += low <= truth <= high
    assert covered >= 89  # 95 expected; fewer than 89 once in 200


def test_other_rows_show_what_the_choosing_rows_flatter() -> None:
    flattery, honesty = [], []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        scores, gold = draw.random(60), draw.integers(2, size=60)  # scores that say nothing
        found = choose(scores, gold, "mcc", resamples=1)
        assert found.other_rows is not None
        assert found.other_rows.confusion.n == 60
        assert math.isnan(found.other_rows.threshold)
        flattery.append(found.chosen.values["mcc"])
        honesty.append(found.other_rows.values["mcc"])
    assert found.folds == 10
    assert np.mean(flattery) > 0.1
    assert np.nanmean(honesty) < 0.05


@pytest.mark.slow
def test_other_rows_tell_what_new_rows_will_have() -> None:
    new_scores, new_gold = sample(100_000, 2)
    flattery, honesty = [], []
    for seed in range(60):
        scores, gold = sample(60, 1000 + seed)
        found = choose(scores, gold, "macro-f1", resamples=1)
        assert found.other_rows is not None
        new = counts(new_scores, new_gold, found.threshold).macro_f1
        flattery.append(found.chosen.values["macro_f1"] - new)
        honesty.append(found.other_rows.values["macro_f1"] - new)
    assert np.mean(flattery) > 0.03
    assert abs(np.mean(honesty)) < 0.02


def test_intervals_at_a_threshold_are_those_of_measure() -> None:
    scores, gold = sample(100, 4)
    found = choose(scores, gold, "cost=2:1", resamples=200)
    measured = measure(
        scores, gold, threshold=found.threshold, intervals=True, settings=EvaluateSettings(resamples=200)
    )
    for name in ("accuracy", "precision", "recall", "f1", "macro_f1", "mcc"):
        assert found.chosen.values[name] == measured.values[name]
        assert found.chosen.intervals[name] == measured.intervals[name]
    low, high = found.chosen.intervals["cost"]
    assert low < found.chosen.values["cost"] < high


def test_few_rows_are_said_to_be_few() -> None:
    assert any(
        "Only 2 reviews" in note for note in threshold_notes(choose([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], "f1"))
    )
    single = choose([0.9, 0.8, 0.1], [1, 1, 0], "f1")
    assert (single.folds, single.other_rows) == (0, None)
    assert any("too few" in note for note in threshold_notes(single))
    many = choose(*sample(600, 5), "f1")
    assert list(threshold_notes(many)) == []


def test_a_goal_that_resamples_often_miss_is_said() -> None:
    scores = [0.9 - row / 1000 for row in range(300)]
    gold = [1, 0, 0] * 100
    found = choose(scores, gold, "precision=0.99")  # met by one row only
    assert found.met
    assert 0.2 < found.unmet < 0.6
    assert any("of the bootstrap samples" in note for note in threshold_notes(found))


# the goal as it is written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("precision=0.95", "precision=0.95"),
        ("RECALL = .9", "recall=0.9"),
        ("macro_f1", "macro-f1"),
        ("cost=5:1", "cost=5:1"),
        ("cost=0.25:10", "cost=0.25:10"),
        ("precision=0.9512345", "precision=0.9512345"),
    ],
)
def test_parse_goal_reads_what_it_shows(text: str, shown: str) -> None:
    goal = parse_goal(text)
    assert str(goal) == shown
    assert str(parse_goal(shown)) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "f2", "f1=0.9", "precision", "precision=", "precision=95", "precision=0", "recall=nan"),
        *("recall=1.01", "recall=x", "cost=5", "cost=5:0", "cost=5:-1", "cost=1:2:3", "cost=inf:1", "cost=:"),
    ],
)
def test_parse_goal_refuses_what_is_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_goal(text)


@pytest.mark.parametrize("values", [{"digits": -1}, {"digits": 18}, {"folds": 1}])
def test_settings_of_a_choice_refuse_what_cannot_be(values: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        EvaluateSettings(**values)  # type: ignore[arg-type]
