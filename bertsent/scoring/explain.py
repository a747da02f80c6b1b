"""Which words made a score: what changes when they are left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bertsent.base.settings.evaluation import ExplainSettings
from bertsent.base.text import clean

_SETTINGS = ExplainSettings()
_EDGE = 1e-6  # scores nearer to 0 and 1 differ by rounding only

Part = tuple[int, int]  # words from the first up to, not including, the second


@dataclass(frozen=True, slots=True)
class Explanation:
    """A text by words. A weight is how far the word moved the score, in log odds: above 0 to positive."""

    words: tuple[str, ...]
    weights: tuple[float, ...]
    score: float

    def least(self, settings: ExplainSettings = _SETTINGS) -> float:
        """The weight from which on a word counts as one that made the score."""
        return max(settings.least, settings.share * max(map(abs, self.weights), default=0.0))

    def strongest(self, *, sign: int, settings: ExplainSettings = _SETTINGS) -> list[str]:
        """The words that pushed most to positive (`sign` 1) or negative (-1), strongest first."""
        least = self.least(settings)
        order = sorted(range(len(self.words)), key=lambda place: -sign * self.weights[place])
        found = [self.words[place] for place in order if sign * self.weights[place] >= least]
        return list(dict.fromkeys(found))[: settings.shown]


def explain(
    text: str, scores: Callable[[Sequence[str]], Sequence[float]], *, settings: ExplainSettings = _SETTINGS
) -> Explanation:
    """Leaves words out and looks at the scores: first runs of words, then the words of the strongest runs.

    Of a text with few words each is left out by itself. The number of texts scored is bounded by the
    settings, however long the text is; a word whose run counted little gets its share of that little.

    Args:
        text: Any text; its words are those of its clean form.
        scores: Texts -> P(positive), for example `lambda texts: [p.score for p in scorer.predict(texts)]`.
    """
    words = clean(text).split()
    parts = _parts(len(words), settings.parts)
    whole, *left = scores([" ".join(words), *(_without(words, part) for part in parts)])
    weights = [0.0] * len(words)
    moved = {part: _log_odds(whole) - _log_odds(score) for part, score in zip(parts, left, strict=True)}
    for (start, end), weight in moved.items():
        weights[start:end] = [weight / (end - start)] * (end - start)
    single = _strongest(moved, settings.refined)
    for place, score in zip(single, scores([_without(words, (n, n + 1)) for n in single]), strict=True):
        weights[place] = _log_odds(whole) - _log_odds(score)
    return Explanation(tuple(words), tuple(weights), whole)


def _parts(count: int, most: int) -> list[Part]:
    """Runs of words of like length, at most `most` of them."""
    length = max(1, math.ceil(count / most))
    return [(start, min(start + length, count)) for start in range(0, count, length)]


def _strongest(moved: dict[Part, float], most: int) -> list[int]:
    """The words of the runs that moved the score most, at most `most`; none of runs of one word."""
    found: list[int] = []
    for start, end in sorted(moved, key=lambda part: -abs(moved[part])):
        if end - start > 1 and len(found) + end - start <= most:
            found += range(start, end)
    return found


def _without(words: Sequence[str], part: Part) -> str:
    return " ".join([*words[: part[0]], *words[part[1] :]])


def _log_odds(score: float) -> float:
    score = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(score / (1 - score))
