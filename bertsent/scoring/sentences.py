"""Splits English texts into sentences, and scores each sentence beside the whole text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields

from bertsent.base.records.core import Prediction, Review
from bertsent.base.records.sentences import Sentence, SentencePrediction
from bertsent.base.text import clean
from bertsent.scoring.rows import Predicts

# An empty line, a <br> or an item of a list ends a sentence; a lone line break may only wrap the text.
_PARAGRAPH = re.compile(r"(?:<br\s*/?>\s*)+|\n\s*\n|\n(?=[ \t]*(?:[-*•]|\d{1,2}[.)])\s)", re.IGNORECASE)
_MARKS = ".!?…"
_OPENING, _CLOSING = "\"'([“\u2018«*_", "\"')]”\u2019»*_"
_INITIALS = re.compile(r"(?:[a-z]\.)+[a-z]")  # u.s, a.m
# A dot behind one of these ends no sentence, because a name or a number follows.
_BEFORE_MORE = frozenset(
    (
        *("mr", "mrs", "ms", "dr", "prof", "st", "mt", "gen", "lt", "col", "sgt", "capt", "rev", "hon"),
        *("pres", "gov", "sen", "rep", "messrs", "vs", "cf", "e.g", "i.e", "viz", "approx", "fig", "vol"),
        *("pp", "nos"),
    )
)
# A dot behind one of these ends a sentence if the next word begins with a capital.
_AT_END_TOO = frozenset(
    ("etc", "inc", "ltd", "co", "corp", "jr", "sr", "ph.d", "dept", "min", "max", "oz", "lb", "ft", "al")
)


_OF_WHOLE = tuple(field.name for field in fields(Prediction))


class SentenceScorer:
    """Scores each sentence of a review beside the whole, in the same chunks as other texts.

    The score of the whole is that which the scorer gives without sentences.

    Args:
        scorer: What scores whole texts and sentences.
    """

    def __init__(self, scorer: Predicts) -> None:
        self._scorer = scorer
        self.version, self.threshold = scorer.version, scorer.threshold

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[SentencePrediction]:
        """Yields the prediction for each review with those for its sentences."""
        split: deque[list[str]] = deque()  # of the reviews that were read and are not scored yet

        def texts() -> Iterator[Review]:
            for review in reviews:
                parts = sentences(review.text)
                split.append(parts)
                yield review
                if len(parts) > 1:
                    yield from map(Review, parts)

        predictions = self._scorer.predict_reviews(texts())
        for whole in predictions:
            parts = split.popleft() or [""]
            scored = [next(predictions) for _ in parts] if len(parts) > 1 else [whole]
            found = tuple(map(_sentence, parts, scored))
            yield SentencePrediction(**{name: getattr(whole, name) for name in _OF_WHOLE}, sentences=found)


def _sentence(text: str, scored: Prediction) -> Sentence:
    return Sentence(text, scored.score, scored.label)


def sentences(text: str) -> list[str]:
    """The sentences of an English text, in their order, each in its clean form; none of an empty text.

    A sentence ends with a dot, an exclamation or question mark, an ellipsis before a capital, an empty line,
    a `<br>`, or before an item of a list. Abbreviations, initials and numbers of a list end none. People
    write "great film. loved it", so no capital is needed behind a dot. It takes time in proportion to the
    length of the text.
    """
    found: list[str] = []
    for paragraph in _PARAGRAPH.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        found += _of_paragraph(clean(paragraph).split())
    return _without_bare_marks(found)


def _of_paragraph(words: list[str]) -> Iterator[str]:
    start = 0
    for end, word in enumerate(words, start=1):
        if end == len(words) or _ends(word, words[end], first=end - 1 == start):
            yield " ".join(words[start:end])
            start = end


def _ends(word: str, following: str, *, first: bool) -> bool:
    """Whether a sentence ends with a word.

    Args:
        following: The next word.
        first: Whether the sentence begins with the word.
    """
    core = word.rstrip(_CLOSING)
    if not core or core[-1] not in _MARKS:
        return False
    begin = following.lstrip(_OPENING)[:1]
    goes_on = begin.islower()
    if core is not word and len(core) < len(word) and goes_on:
        return False  # "Really?" he asked
    if core[-1] in "!?":
        return True
    stem = core.rstrip(_MARKS).lstrip(_OPENING).lower()
    if core[-1] == "…" or core.endswith(".."):
        return not goes_on
    if stem in _BEFORE_MORE or (first and stem.isdigit()):
        return False
    if len(stem) == 1 and stem.isalpha() and begin.isupper():
        return False  # J. K. Rowling
    if stem in _AT_END_TOO or _INITIALS.fullmatch(stem):
        return begin.isupper()
    return True


def _without_bare_marks(parts: list[str]) -> list[str]:
    """Joins parts without a letter or digit, such as `:-)` or `***`, to the sentence before them."""
    runs: list[list[str]] = []  # each with one part that has a word, except where no part has one
    complete = False  # whether the last run has it
    for part in parts:
        word = any(map(str.isalnum, part))
        if not runs or (word and complete):
            runs.append([part])
            complete = word
        else:
            runs[-1].append(part)
            complete = complete or word
    return [" ".join(run) for run in runs]
