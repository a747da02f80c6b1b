"""Rows and their predictions: in order, whatever lies between, and in bounded memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import cast

import pytest

from bertsent.base.errors import DataError
from bertsent.base.records.core import Prediction, Review
from bertsent.base.settings.scoring import RowSettings
from bertsent.scoring.rows import predict_rows
from bertsent.scoring.scorer import Scorer


class Chunked:
    """Takes the place of a Scorer: reads two chunks ahead, as it does. A score is the text itself."""

    def __init__(self, chunk: int = 8) -> None:
        self.chunk = chunk
        self.calls = 0
        self.scored = 0

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
        self.calls += 1
        held: list[Review] = []
        for review in reviews:
            held.append(review)
            if len(held) == 2 * self.chunk:
                yield from map(self._predict, held[: self.chunk])
                del held[: self.chunk]
        yield from map(self._predict, held)

    def _predict(self, review: Review) -> Prediction:
        assert review.text, "an empty text is not scored"
        self.scored += 1
        return Prediction(review.text, float(review.text), "positive", 1, False, "7", review.path)


def predicted(
    texts: Iterable[str], scorer: Chunked, settings: RowSettings | None = None
) -> Iterator[tuple[Review, Prediction | None]]:
    reviews = (Review(text, path=str(number)) for number, text in enumerate(texts))
    return predict_rows(reviews, scorer=cast(Scorer, scorer), settings=settings)


def in_order(texts: list[str], settings: RowSettings | None = None, chunk: int = 8) -> Chunked:
    """Checks that all rows come out in order, each with its own prediction."""
    scorer = Chunked(chunk)
    rows = list(predicted(texts, scorer, settings))
    assert [review.path for review, _ in rows] == [str(number) for number in range(len(texts))]
    for review, prediction in rows:
        if review.text:
            assert prediction is not None
            assert (prediction.path, prediction.score) == (review.path, float(review.text))
        else:
            assert prediction is None
    assert scorer.scored == sum(map(bool, texts))
    return scorer


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["", "", "1"],
        ["1", "", ""],
        ["1", *[""] * 50, "2", *[""] * 3, "3"],
        [*[""] * 50, *["4"] * 20, *[""] * 50],
        ["5"] * 40,
    ],
    ids=["nothing", "one empty", "first", "last", "between", "around", "none"],
)
def test_rows_keep_their_order(texts: list[str]) -> None:
    in_order(texts)
    in_order(texts, RowSettings(empty=4))
    in_order(texts, RowSettings(characters=1))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_rows_keep_their_order_at_random(share: float) -> None:
    generator = random.Random(share)
    texts = ["" if generator.random() < share else str(number) for number in range(3000)]
    for settings in (None, RowSettings(empty=5), RowSettings(empty=100, characters=200)):
        in_order(texts, settings)


def test_scorer_gets_whole_chunks_past_empty_rows() -> None:
    texts = ["" if number % 2 else str(number) for number in range(1000)]
    assert in_order(texts).calls == 1


def test_long_run_of_empty_rows_comes_out_before_its_end() -> None:
    def endless() -> Iterator[str]:
        yield "1"
        while True:
            yield ""

    rows = predicted(endless(), Chunked(), RowSettings(empty=10))
    assert [prediction is None for _, prediction in (next(rows) for _ in range(500))] == [False] + [
        True
    ] * 499


def test_memory_does_not_grow_with_empty_rows() -> None:
    texts = ("1" if number % 10_000 == 0 else "" for number in range(50_000))  # 12 MB of rows
    tracemalloc.start()
    for _ in predicted(texts, Chunked(), RowSettings(empty=1000)):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_memory_does_not_grow_with_large_cells() -> None:
    reviews = (Review("1", cells=("x" * 100_000, [number])) for number in range(2000))  # 200 MB
    tracemalloc.start()
    scorer = cast(Scorer, Chunked(1000))
    for _ in predict_rows(reviews, scorer=scorer, settings=RowSettings(characters=2_000_000)):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_rows_before_a_failure_come_out_first() -> None:
    def broken() -> Iterator[str]:
        yield from ["1", "", "2"]
        raise DataError("Row 4 is bad.")

    class Single(Chunked):
        def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
            return map(self._predict, reviews)

    rows = predicted(broken(), Single())
    assert [next(rows)[0].text for _ in range(3)] == ["1", "", "2"]
    with pytest.raises(DataError):
        next(rows)
