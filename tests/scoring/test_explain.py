"""Which words made a score, by a scorer whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bertsent.base.settings.evaluation import ExplainSettings
from bertsent.scoring.explain import explain

WEIGHTS = {"great": 2.0, "awful": -3.0, "good": 1.0}


class Counting:
    """Scores a text by its known words, and counts."""

    def __init__(self) -> None:
        self.texts = 0

    def __call__(self, texts: Sequence[str]) -> list[float]:
        self.texts += len(texts)
        return [1 / (1 + math.exp(-sum(WEIGHTS.get(word, 0.0) for word in text.split()))) for text in texts]


def test_explain_gives_every_word_what_it_moved() -> None:
    marks = explain("a great<br />film , an awful  plot", Counting())
    assert marks.words == ("a", "great", "film", ",", "an", "awful", "plot")
    assert marks.weights == pytest.approx((0, 2, 0, 0, 0, -3, 0))
    assert marks.score == pytest.approx(1 / (1 + math.e))


def test_strongest_lists_each_word_once_strongest_first() -> None:
    marks = explain("good great good awful", Counting())
    assert marks.strongest(sign=1) == ["great", "good"]
    assert marks.strongest(sign=-1) == ["awful"]
    assert explain("so so", Counting()).strongest(sign=1) == []


@pytest.mark.parametrize("words", [1, 48, 49, 300, 20_000])
def test_explain_finds_the_word_in_a_text_of_any_length_by_a_bounded_number_of_scores(words: int) -> None:
    text = ["film"] * words
    text[words // 2] = "awful"
    scores = Counting()
    marks = explain(" ".join(text), scores)
    assert scores.texts <= 1 + 48 + 48
    assert min(marks.weights) == pytest.approx(min(marks.weights[words // 2 : words // 2 + 1]))
    if words <= 48 * 48:
        assert marks.strongest(sign=-1) == ["awful"]
        assert marks.weights[words // 2] == pytest.approx(-3)


def test_explain_stays_finite_where_the_score_is_saturated() -> None:
    marks = explain("yes no", lambda texts: [1.0 if "yes" in text else 0.0 for text in texts])
    assert all(map(math.isfinite, marks.weights))
    assert marks.weights[0] > marks.weights[1]


def test_explain_of_a_text_without_words_is_its_score() -> None:
    marks = explain("", Counting(), settings=ExplainSettings())
    assert (marks.words, marks.weights, marks.score) == ((), (), 0.5)
