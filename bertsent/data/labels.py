"""What the values of a label column mean: 1 positive, 0 negative, or no label.

A value is first made a word: 1.0 is `1`, a list of one is its element, `__label__positive` is `positive`;
case and blanks around it do not matter. The usual words have a meaning of their own. Where there are numbers
beyond 0 and 1 (stars, -1 and 1), only a map gives numbers a meaning, because 1 of 5 stars is not positive.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bertsent.base.display import shortened, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.reading import MISSING, LabelCounts
from bertsent.base.settings.reading import FOLDERS, LABELS, NEGATIVE, POSITIVE

USUAL = {**LABELS, **FOLDERS, "1": POSITIVE, "true": POSITIVE, "0": NEGATIVE, "false": NEGATIVE}
NO_VALUE = {"", "nan", "none", "null", "na", "n/a", "<na>", "unlabelled", "unlabeled", "unsup"}
NEITHER = {"neutral", "neu", "mixed", "unsure", "unknown", "both", "neither", "?"}  # words of three classes
_LIKELY = {  # words that a proposal takes up, because people write them for the two labels
    POSITIVE: {
        "p", "+", "good", "great", "yes", "y", "t", "like", "liked", "happy", "recommended", "fresh",
        "thumbs up", "\U0001f44d", "satisfied", "label_1", "positive", "pos",
    },
    NEGATIVE: {
        "n", "-", "bad", "poor", "no", "f", "dislike", "disliked", "unhappy", "sad", "rotten",
        "thumbs down", "\U0001f44e", "dissatisfied", "label_0", "negative", "neg",
    },
}  # fmt: skip
_DEGREE = re.compile(r"(very|extremely|strongly|highly|mostly|somewhat|slightly|weakly)[ _-]")
_NOT = re.compile(r"(not|non)[ _-]")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
_WRITTEN = re.compile(r"\+?(-?\d{1,15})(?:[.,](\d{1,15}))?")  # also +1, 4,5 and 1.00
_STARS = re.compile(r"(\d{1,15}(?:[.,]\d{1,15})?) ?(?:stars?|(?:/|out of) ?5(?: stars?)?|%)")
_DRAWN = re.compile("([\u2605\u2b50])\\1*\u2606*")  # full stars, then empty ones
_WRAPPERS = ("choices", "value", "$numberInt", "$numberLong", "$numberDouble")  # of annotations; of MongoDB
_PART = re.compile(r"(positive|negative)\s*=", re.IGNORECASE)
_RANGE = re.compile(rf"({_NUMBER.pattern})\.\.({_NUMBER.pattern})")
_PREFIX = "__label__"  # of fastText
_STARTS = frozenset("+-0123456789")  # of a number
_LONGEST = 60  # characters of a value that is counted; a longer one is no label
_MOST_VALUES = 10_000  # different values that are counted one by one; of a column of texts there are more
_OTHERS = "(other values)"


def label_word(value: object) -> str:
    """The value of a label column as a word, in lower case; "" for no value."""
    if isinstance(value, str):
        return _word(value) if len(value) <= _LONGEST else _word.__wrapped__(value)  # hold no long text
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else label_word(str(value))
    if isinstance(value, bytes):
        return label_word(value.decode("utf-8", "replace"))
    if isinstance(value, list | tuple):
        if len(value) > 1:
            return json.dumps(value, ensure_ascii=False, default=str).lower()
        return label_word(value[0]) if value else ""
    if isinstance(value, dict) and (key := next((key for key in _WRAPPERS if key in value), None)):
        return label_word(value[key])
    return label_word(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))


def _plain_number(word: str) -> str:
    """A number as all the others are written: 1 for +1 and 1.00, 4.5 for 4,5; any other word as it is."""
    match = _WRITTEN.fullmatch(word)
    if match is None:
        return word
    fraction = (match[2] or "").rstrip("0")
    return f"{match[1]}.{fraction}" if fraction else match[1]


def _number_of(word: str) -> float | None:
    """The number that a word means: 4 for `4`, `4 stars`, `4/5`, `4.0 out of 5 stars`, and four stars."""
    if _NUMBER.fullmatch(word):
        return float(word)
    if stars := _STARS.fullmatch(word):
        return float(stars[1].replace(",", "."))
    return float(len(word.rstrip("\u2606"))) if _DRAWN.fullmatch(word) else None


def parse_label(value: str, *, where: str) -> int | None:
    """The label that one of the usual words means; None for "" or blanks.

    Raises:
        DataError: for anything else; names `where` it was given.
    """
    word = label_word(value)
    if word and word not in USUAL:
        raise DataError(
            f"{where} needs a label of {', '.join(USUAL)}, or none.", received=visible(value)[:_LONGEST]
        )
    return USUAL.get(word)


@functools.lru_cache(maxsize=1024)
def _word(value: str) -> str:
    word = value.strip()
    if word[:1] == "[" and word[-1:] == "]":  # a list in a cell, as pandas writes it
        word = word[1:-1].strip().strip("'\"")
    word = word.removeprefix(_PREFIX).strip().lower()
    if len(word) < 2:
        return word
    if word[0] == word[-1] and word[0] in "'\"":
        word = word[1:-1].strip()
    return _plain_number(word) if word[:1] in _STARTS else word


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What `--labels` says: which values are positive and which negative."""

    words: Mapping[str, int] = field(default_factory=dict)
    ranges: tuple[tuple[float, float, int], ...] = ()  # from, to (both included), label

    def __bool__(self) -> bool:
        return bool(self.words or self.ranges)

    @property
    def has_numbers(self) -> bool:
        return bool(self.ranges) or any(_NUMBER.fullmatch(word) for word in self.words)

    def label(self, word: str) -> int | None:
        """The label of a word; None if the map does not name it."""
        if word in self.words:
            return self.words[word]
        number = _number_of(word)
        if number is None:
            return None
        for low, high, label in self.ranges:
            if low <= number <= high:
                return label
        return self.words.get(f"{number:g}")


def parse_label_map(text: str) -> LabelMap:
    """Reads a map such as 'positive=4,5 negative=1,2'; a value may be a range of numbers, such as 7..10.

    Raises:
        UsageError: if it is written in another way, or a value would have both labels.
    """
    parts = list(_PART.finditer(text))
    if not text.strip():
        return LabelMap()
    if not parts or text[: parts[0].start()].strip():
        raise _not_a_map(text)
    words: dict[str, int] = {}
    ranges: list[tuple[float, float, int]] = []
    for part, end in zip(parts, [*(match.start() for match in parts[1:]), len(text)], strict=True):
        label = LABELS[part[1].lower()]
        values = [label_word(value) for value in text[part.end() : end].strip(" ;,").split(",")]
        if not all(values):
            raise _not_a_map(text)
        for value in values:
            if bounds := _RANGE.fullmatch(value):
                ranges.append((float(bounds[1]), float(bounds[3]), label))
            elif words.setdefault(value, label) != label:
                raise UsageError("--labels gives a value both labels.", received=visible(value))
    return LabelMap(words, tuple(ranges))


def _not_a_map(text: str) -> UsageError:
    return UsageError(
        "--labels says which values are positive and which negative.",
        received=visible(text)[:_LONGEST],
        hint="--labels 'positive=4,5 negative=1,2'",
    )


def count_word(words: Counter[str], word: str, rows: int = 1) -> None:
    """Counts rows with a word. The counts stay small: of long words only the beginning counts, and after very
    many different ones all further ones are counted together."""
    if word not in words:
        word = shortened(word, _LONGEST)
        if word not in words and len(words) >= _MOST_VALUES:
            word = _OTHERS
    words[word] += rows


class LabelReader:
    """Gives values their labels, and counts them in a first pass.

    Args:
        label_map: What `--labels` says.

    Attributes:
        counts: Rows by word, as `count_word` counts them in a first pass, which `settle` ends.
    """

    def __init__(self, label_map: LabelMap) -> None:
        self._map = label_map
        self.counts: Counter[str] = Counter()
        self._labels: dict[str, int | None] = {}  # of the words seen
        self._is_scale = self._is_rating = self._is_mixed = False

    def settle(self, *, rating: bool = False, mixed: bool = False) -> None:
        """Ends the first pass: from now on numbers have a meaning only if all of them are 0 or 1.

        Args:
            rating: The name of the column says that its numbers are a rating, so 1 alone is the worst.
            mixed: The values are those of columns with different names, so a number may have two meanings.
        """
        numbers = {number for word in self.counts if (number := _number_of(word)) is not None}
        self._is_scale = mixed or bool(numbers - {0.0, 1.0}) or (rating and numbers == {1.0})
        self._is_rating, self._is_mixed = rating, mixed
        self._labels.clear()

    def label(self, word: str) -> int | None:
        """The label of a word; None for no label."""
        try:
            return self._labels[word]
        except KeyError:
            label = self._map.label(word)
            if label is None and not (_NUMBER.fullmatch(word) and (self._is_scale or self._map.has_numbers)):
                label = USUAL.get(word)
            if len(self._labels) < _MOST_VALUES:
                self._labels[word] = label
            return label

    def summary(self) -> LabelCounts:
        """How many rows of the first pass have each label, and the values that are no label."""
        labels: Counter[int | None] = Counter()
        neither: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        none = 0
        for word, rows in self.counts.items():
            label = self.label(word)
            labels[label] += rows
            if label is not None:
                continue
            if word in NO_VALUE:
                none += rows
            elif word in NEITHER or self._map:  # a map names all that is a label
                neither[word] += rows
            else:
                unknown[word] += rows
        return LabelCounts(
            positive=labels[POSITIVE],
            negative=labels[NEGATIVE],
            none=none,
            neither=dict(neither.most_common()),
            unknown=dict(unknown.most_common()),
            proposal="" if self._is_mixed else propose(unknown, rating=self._is_rating),
        )


def propose(unknown: Iterable[str], *, rating: bool = False) -> str:
    """A map for values that are no label, for `--labels`; "" if they suggest none.

    Args:
        rating: The name of the column says that its numbers are a rating, such as stars.
    """
    words = sorted(unknown)
    if "-" in words and "+" not in words:
        words.remove("-")  # how people write that there is no value
    numbers = sorted({number for word in words if (number := _number_of(word)) is not None})
    values: dict[int, list[str]] = {POSITIVE: [], NEGATIVE: []}
    if numbers and (scale := _scale(numbers, rating=rating)):
        values[POSITIVE].append(scale[0])
        values[NEGATIVE].append(scale[1])
    for word in words:
        label = _leaning(word)
        if label is not None:
            values[label].append(word)
    positive_first = reversed(LABELS.items())
    return " ".join(f"{name}={','.join(values[label])}" for name, label in positive_first if values[label])


def _leaning(word: str) -> int | None:
    """The label that people who write this word mean, by `_LIKELY`, such as `very good` and `not happy`."""
    if "," in word or "'" in word or "=" in word:
        return None  # a map could not name it
    core = _DEGREE.sub("", word.rstrip(".! ")) or word
    negated = _NOT.match(core)
    core = core[negated.end() :] if negated else core
    for label, likely in _LIKELY.items():
        if core in likely:
            return 1 - label if negated else label
    return None


def _scale(numbers: list[float], *, rating: bool) -> tuple[str, str] | None:
    """The positive and the negative values of a scale, by the numbers seen, sorted; None for no scale."""
    low, high = numbers[0], numbers[-1]
    whole = all(number.is_integer() for number in numbers)
    if low < 0:
        return _signed_scale(numbers, rating=rating)
    if whole and {0.0, 4.0} <= set(numbers) <= {0.0, 2.0, 4.0}:  # Sentiment140
        return "4", "0"
    if whole and high <= 2 and not (rating and low >= 1):  # 1 and 2 (Zhang's polarity sets), or 0, 1, 2
        return "2", "0" if low == 0 else "1"
    if whole and high in (3, 4) and low == 0:  # five stars from 0 (Rotten Tomatoes), or four
        return ("3,4", "0,1") if high == 4 else ("2,3", "0,1")
    if whole and high == 3 and low == 1 and not rating:
        return "3", "1"
    if high <= 1 and not (rating and low == 1):
        return "0.6..1", "0..0.4"
    if high <= 5:  # stars
        negative = "1,2" if low >= 1 else "0,1,2"
        return ("4,5", negative) if whole else ("4..5", f"{min(low, 1):g}..2")
    if high <= 10:  # as IMDB's own labels: 7 and more, 4 and less
        return "7..10", f"{min(low, 1):g}..4"
    return ("70..100", "0..40") if high <= 100 else None


def _signed_scale(numbers: list[float], *, rating: bool) -> tuple[str, str] | None:
    """Like `_scale`, with numbers below 0."""
    low, high = numbers[0], numbers[-1]
    if set(numbers) <= {-1.0, 0.0}:  # -1 marks what has no label (Hugging Face), or there is no positive one
        return None
    if set(numbers) <= {-1.0, 0.0, 1.0}:
        return "1", "-1"
    if low == -1 and high > 1:  # beside a scale -1 marks what has no value
        return _scale(numbers[1:], rating=rating)
    if low <= -1 and high >= 1:
        return f"1..{high:g}", f"{low:g}..-1"
    return ("0.05..1", "-1..-0.05") if low >= -1 and high <= 1 else None  # as VADER's compound score
