"""Reads reviews that come with scores, such as those of a large model, to be learnt instead of labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.reading import MISSING
from bertsent.data.labels import NO_VALUE
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source

SCORE = "score"  # the column that `batch` writes


class ScoredReviews:
    """The reviews of a table with the scores of one of its columns.

    Attributes:
        column: The name of that column.
        left_out: How many rows of the last iteration have no text ("empty") or no score ("unscored").
    """

    def __init__(self, reviews: Reviews, index: int) -> None:
        self._reviews, self._index = reviews, index
        self.column = reviews.columns[index]
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[Review, float]]:
        """Yields reviews with a text, and P(positive) of each, a float in [0, 1].

        Raises:
            DataError: naming the row, if a score is no number in [0, 1]; and as `Reviews.__iter__`.
        """
        self.left_out.clear()
        for review in self._reviews:
            score = self._score((review.cells or ())[self._index], str(review.path))
            if not review.text:
                self.left_out["empty"] += 1
            elif score is None:
                self.left_out["unscored"] += 1
            else:
                yield review, score

    def _score(self, value: object, row: str) -> float | None:
        if value is None or value is MISSING or value != value:  # NaN is no value
            return None
        if isinstance(value, str) and value.strip().lower() in NO_VALUE:
            return None
        try:
            score = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            score = math.nan
        if not 0 <= score <= 1:
            raise DataError(
                f"{visible(row)}: a score is the probability of positive, a number from 0 to 1.",
                received=f"{visible(str(value))[:40]} in column {visible(self.column)}",
                hint="give rows that have labels by --data, or name the column of the scores",
            )
        return score


def open_scored(
    source: Path | Source, column: str = "", *, progress: Progress = silent
) -> ScoredReviews | None:
    """Opens reviews with scores; None if there is no such column.

    Args:
        source: As for `reviews.open_reviews`.
        column: The name of the column, in any case; "" for `score`.
        progress: Told of the first pass over the rows.

    Raises:
        DataError, UsageError, MissingExtraError: as `reviews.open_reviews`.
    """
    wanted = (column or SCORE).lower()
    if wanted not in map(str.lower, open_reviews(source).columns):
        return None
    reviews = open_reviews(source, cells=True)
    reviews.survey(progress)
    return ScoredReviews(reviews, [name.lower() for name in reviews.columns].index(wanted))
