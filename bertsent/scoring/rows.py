"""Scores the rows of an input in their order, those without text among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from bertsent.base.records.core import Prediction, Review
from bertsent.base.settings.scoring import RowSettings

_NESTED = (list, tuple, dict)


class Predicts(Protocol):
    """What scores reviews: a `Scorer`, or what adds to its predictions."""

    version: str
    threshold: float

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
        """Yields the prediction for each review, in their order."""
        ...


def predict_rows(
    reviews: Iterable[Review], *, scorer: Predicts, settings: RowSettings | None = None
) -> Iterator[tuple[Review, Prediction | None]]:
    """Yields every review with its prediction, in order; None for one without text, which is not scored.

    The scorer reads ahead, so rows wait for the predictions before them. Where too many wait, the scorer is
    given no more until they are through, so that memory stays bounded whatever the input.

    Args:
        reviews: An empty text is "".
        scorer: What scores them.
        settings: How many may wait.
    """
    rows = _Rows(reviews, settings or RowSettings())
    while not rows.ended:
        for prediction in scorer.predict_reviews(rows.texts()):
            yield from rows.pop_empty()
            yield rows.pop(), prediction
        yield from rows.pop_empty()


class _Rows:
    """The rows that the scorer was given, or that lie between those; they wait for its predictions."""

    def __init__(self, reviews: Iterable[Review], settings: RowSettings) -> None:
        self._reviews = iter(reviews)
        self._settings = settings
        self._waiting: deque[tuple[Review, int]] = deque()  # with their characters
        self._empty = self._characters = 0  # of those that wait
        self.ended = False

    def texts(self) -> Iterator[Review]:
        """The next rows with text; ends when too much waits, or at the end of the input."""
        most_empty, most_characters = self._settings.empty, self._settings.characters
        for review in self._reviews:
            characters = _characters(review)
            self._waiting.append((review, characters))
            self._characters += characters
            if review.text:
                yield review
            else:
                self._empty += 1
            if self._empty >= most_empty or self._characters >= most_characters:
                return
        self.ended = True

    def pop(self) -> Review:
        """Takes out the row that has waited longest."""
        review, characters = self._waiting.popleft()
        self._characters -= characters
        self._empty -= not review.text
        return review

    def pop_empty(self) -> Iterator[tuple[Review, None]]:
        """Takes out the rows without text before the next one with text."""
        while self._waiting and not self._waiting[0][0].text:
            yield self.pop(), None


def _characters(review: Review) -> int:
    """About how many characters a row holds in memory."""
    if review.cells is None:
        return len(review.text)
    return sum(
        len(cell) if isinstance(cell, str) else len(str(cell)) if isinstance(cell, _NESTED) else 0
        for cell in review.cells
    )
