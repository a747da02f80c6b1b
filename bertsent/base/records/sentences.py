"""The records of a prediction with the sentences of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bertsent.base.records.core import Label, Prediction


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a review, scored as if it were a review of its own."""

    text: str
    score: float  # P(positive), 0 to 1
    label: Label


@dataclass(frozen=True, slots=True)
class SentencePrediction(Prediction):
    """A prediction for a text, and those for its sentences, in their order; at least one."""

    sentences: tuple[Sentence, ...] = ()

    @property
    def worst(self) -> Sentence:
        """The most negative sentence, the first of equals."""
        return min(self.sentences, key=lambda sentence: sentence.score)

    @property
    def best(self) -> Sentence:
        """The most positive sentence, the first of equals."""
        return max(self.sentences, key=lambda sentence: sentence.score)

    def as_json(self) -> dict[str, Any]:
        """The documented keys of a prediction with its sentences."""
        return {
            # by name: in a dataclass with slots, `super()` without arguments does not know its class
            **Prediction.as_json(self),
            **self.columns(),
            "sentences": self.sentences,
        }

    def columns(self) -> dict[str, Any]:
        """The documented columns of the worst and of the best sentence."""
        return {
            "worst_sentence": self.worst.text,
            "worst_score": self.worst.score,
            "best_sentence": self.best.text,
            "best_score": self.best.score,
        }
