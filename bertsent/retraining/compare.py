"""Compares two versions on the same labelled reviews: where they differ, and which is better."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bertsent.base.records.core import Prediction, Progress, Review, silent
from bertsent.base.settings.retraining import VersionSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.retraining.paired import Paired, PairedScores, compare
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version

_SETTINGS = VersionSettings()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the predictions of two versions differ."""

    reviews: int
    differ: int
    pairs: tuple[tuple[Prediction, Prediction], ...]  # the farthest apart first
    paired: Paired  # on the reviews with a label; the second version is the challenger


def diff(
    first: Version,
    second: Version,
    reviews: Iterable[Review],
    *,
    settings: VersionSettings = _SETTINGS,
    progress: Progress = silent,
) -> Difference:
    """Scores reviews by two versions and keeps those on which their predictions differ.

    A prediction here is the nearer label, so two predictions in the unsure band can differ too.

    Args:
        reviews: With or without labels; reviews without text should be left out.
    """
    scorers = Scorer(first), Scorer(second)
    gold: list[int] = []
    scores: tuple[list[float], list[float]] = [], []
    seen = differ = 0

    def differing() -> Iterator[tuple[Prediction, Prediction]]:
        nonlocal seen, differ
        stream = iter(reviews)
        while chunk := list(itertools.islice(stream, settings.chunk)):
            for one, other in zip(*(scorer.predict_reviews(chunk) for scorer in scorers), strict=True):
                seen += 1
                if one.gold is not None:
                    gold.append(one.gold)
                    scores[0].append(one.score)
                    scores[1].append(other.score)
                if (one.score >= DEFAULT_THRESHOLD) != (other.score >= DEFAULT_THRESHOLD):
                    differ += 1
                    yield one, other
            progress.advance(seen)

    progress.start("Scoring by both", None, "reviews")
    pairs = heapq.nlargest(settings.shown, differing(), key=lambda pair: abs(pair[0].score - pair[1].score))
    progress.finish()
    return Difference(
        reviews=seen, differ=differ, pairs=tuple(pairs), paired=compare(PairedScores("", gold, *scores))
    )
