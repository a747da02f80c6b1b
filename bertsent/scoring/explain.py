"""Finds the words that made a score by leaving words out and scoring again (occlusion)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bertsent.base.settings.evaluation import ExplainSettings
from bertsent.base.text import clean

_SETTINGS = ExplainSettings()
_EDGE = 1e-6  # scores nearer to 0 and 1 than this differ only by rounding

Part = tuple[int, int]  # words from the first up to, not including, the second


@dataclass(frozen=True, slots=True)
class Explanation:
    """The weight of each word: its effect on the score in log odds, above 0 towards positive."""

    words: tuple[str, ...]
    weights: tuple[float, ...]
    score: float

    def least(self) -> float:
        """The smallest weight of a word that is marked."""
        return max(_SETTINGS.least, _SETTINGS.share * max(map(abs, self.weights), default=0.0))

    def strongest(self, *, sign: int) -> list[str]:
        """The words that pushed most to positive (`sign` 1) or negative (-1), strongest first."""
        pairs = sorted(zip(self.weights, self.words, strict=True), key=lambda pair: -sign * pair[0])
        words = [word for weight, word in pairs if sign * weight >= self.least()]
        return list(dict.fromkeys(words))[: _SETTINGS.listed]


def explain(
    text: str, scores: Callable[[Sequence[str]], Sequence[float]], *, settings: ExplainSettings = _SETTINGS
) -> Explanation:
    """Leaves out words and compares the scores: first runs of words, then single words of the strongest runs.

    In a short text each run is one word. In a long one the words of a weak run share its weight evenly, so
    that the settings bound the number of texts scored.

    Args:
        text: Any text; its words are those of its clean form.
        scores: Texts -> P(positive), for example `lambda texts: [p.score for p in scorer.predict(texts)]`.
    """
    words = clean(text).split()
    parts = _parts(len(words), settings.parts)
    whole, *without = scores([" ".join(words), *(_without(words, part) for part in parts)])
    changes = {part: _log_odds(whole) - _log_odds(score) for part, score in zip(parts, without, strict=True)}
    weights = [0.0] * len(words)
    for (start, end), change in changes.items():
        weights[start:end] = [change / (end - start)] * (end - start)
    single = _strongest(changes, settings.refined)
    for index, score in zip(single, scores([_without(words, (n, n + 1)) for n in single]), strict=True):
        weights[index] = _log_odds(whole) - _log_odds(score)
    return Explanation(tuple(words), tuple(weights), whole)


def _parts(count: int, most: int) -> list[Part]:
    """At most `most` runs of words, all of one length except the last."""
    length = max(1, math.ceil(count / most))
    return [(start, min(start + length, count)) for start in range(0, count, length)]


def _strongest(changes: dict[Part, float], most: int) -> list[int]:
    """At most `most` words from the runs of two and more words that change the score most."""
    words: list[int] = []
    for start, end in sorted(changes, key=lambda part: -abs(changes[part])):
        if end - start > 1 and len(words) + end - start <= most:
            words += range(start, end)
    return words


def _without(words: Sequence[str], part: Part) -> str:
    return " ".join([*words[: part[0]], *words[part[1] :]])


def _log_odds(score: float) -> float:
    score = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(score / (1 - score))
