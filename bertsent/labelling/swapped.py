"""Tells labels that contradict the model throughout: positive and negative are probably swapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertsent.base.errors import DataError
from bertsent.base.records.core import Review
from bertsent.base.settings.labelling import SwapSettings
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.labelling.decisions import Decision

if TYPE_CHECKING:
    from bertsent.scoring.rows import Predicts

_SETTINGS = SwapSettings()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """How many labels say the opposite of the model."""

    labels: int  # compared
    opposite: int

    def __str__(self) -> str:
        return f"{self.opposite} of {self.labels} labels say the opposite of the model"

    @property
    def question(self) -> str:
        """What to ask a person."""
        return f"{self}: are positive and negative swapped?"


Asks = Callable[[Contradiction], bool]  # whether to record the labels all the same


def contradicts(score: float, label: int) -> bool:
    """Whether a score, P(positive), lies on the other side of 0.5 than a label, 0 or 1."""
    return (score >= DEFAULT_THRESHOLD) != bool(label)


def find_contradiction(
    labels: Sequence[int], scores: Sequence[float], settings: SwapSettings = _SETTINGS
) -> Contradiction | None:
    """The contradiction of labels and scores; None if most labels agree, or too few tell.

    A model that is only guessing about a kind of reviews contradicts half of their labels. So there is a
    contradiction if a fair coin would give so many opposite labels with a probability of at most
    `settings.chance` (one-sided binomial test).

    Args:
        labels: 0 or 1.
        scores: P(positive) of the same texts.
    """
    from scipy.stats import binom

    opposite = sum(contradicts(score, label) for label, score in zip(labels, scores, strict=True))
    if len(labels) < settings.least or binom.sf(opposite - 1, len(labels), 0.5) > settings.chance:
        return None
    return Contradiction(len(labels), opposite)


def check_decisions(
    decisions: Sequence[Decision],
    open_scorer: Callable[[], Predicts],
    asks: Asks,
    settings: SwapSettings = _SETTINGS,
) -> None:
    """Compares labels that are about to be recorded with the model's predictions, and asks if most differ.

    Args:
        decisions: The texts with the lowest digests are scored, which is a random sample.
        open_scorer: Opens the current version; not called for a few labels.
        asks: Told of the contradiction.

    Raises:
        DataError: if most labels say the opposite, and `asks` says no.
    """
    labelled = [one for one in decisions if one.label in LABELS]
    if len(labelled) < settings.least:
        return
    sample = sorted(labelled, key=lambda one: one.digest)[: settings.sample]
    reviews = (Review(one.text) for one in sample)
    scores = [prediction.score for prediction in open_scorer().predict_reviews(reviews)]
    contradiction = find_contradiction([LABELS[one.label] for one in sample], scores, settings)
    if contradiction is not None and not asks(contradiction):
        raise DataError(
            f"{contradiction.question} Nothing was recorded.",
            hint="--labels 'positive=0 negative=1' turns them round (with your own values); "
            "--yes records them as they are",
        )
