"""What the values of a label column mean: 1 positive, 0 negative, or no label.

A value is first made a word: 1.0 is `1`, a list of one is its element, `__label__positive` is `positive`;
case and blanks around it do not matter. The usual words have a meaning of their own. Where there are numbers
beyond 0 and 1 (stars, -1 and 1), only a map gives numbers a meaning, because 1 of 5 stars is not positive.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.reading import MISSING, LabelCounts
from bertsent.base.settings.reading import FOLDERS, LABELS, NEGATIVE, POSITIVE

USUAL = {**LABELS, **FOLDERS, "1": POSITIVE, "true": POSITIVE, "0": NEGATIVE, "false": NEGATIVE}
NO_VALUE = {"", "nan", "none", "null", "na", "n/a", "<na>", "unlabelled", "unlabeled", "unsup"}
NEITHER = {"neutral", "neu", "mixed", "unsure", "unknown", "both", "neither", "?"}  # words of three classes
_LIKELY = {  # words that a proposal takes up, because people write them for the two labels
    POSITIVE: {"p", "+", "good", "great", "yes", "y", "t", "like", "liked", "happy", "recommended", "fresh"},
    NEGATIVE: {"n", "-", "bad", "poor", "no", "f", "dislike", "disliked", "unhappy", "sad", "rotten"},
}
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
_WHOLE = re.compile(r"([+-]?\d{1,15})\.0+")
_PART = re.compile(r"(positive|negative)\s*=", re.IGNORECASE)
_RANGE = re.compile(rf"({_NUMBER.pattern})\.\.({_NUMBER.pattern})")
_PREFIX = "__label__"  # of fastText
_LONGEST = 60  # characters of a value that is counted; a longer one is no label
_MOST_VALUES = 10_000  # different values that are counted one by one; of a column of texts there are more
_OTHERS = "(other values)"


def label_word(value: object) -> str:
    """The value of a label column as a word, in lower case; "" for no value."""
    if isinstance(value, str):
        word = value.strip()
        if word[:1] == "[" and word[-1:] == "]":  # a list in a cell, as pandas writes it
            word = word[1:-1].strip().strip("'\"")
        word = word.removeprefix(_PREFIX).strip().lower()
        return word[:-2] if word.endswith(".0") and _WHOLE.fullmatch(word) else word
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else label_word(str(value))
    if isinstance(value, list | tuple):
        if len(value) > 1:
            return json.dumps(value, ensure_ascii=False, default=str).lower()
        return label_word(value[0]) if value else ""
    return label_word(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))


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
        if self.ranges and _NUMBER.fullmatch(word):
            for low, high, label in self.ranges:
                if low <= float(word) <= high:
                    return label
        return None


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


class LabelReader:
    """Gives values their labels, and counts them in a first pass.

    Args:
        label_map: What `--labels` says.

    Attributes:
        counts: Rows by word, of the first pass.
    """

    def __init__(self, label_map: LabelMap) -> None:
        self._map = label_map
        self.counts: Counter[str] = Counter()
        self._labels: dict[str, int | None] = {}  # of the words seen
        self._is_scale = False

    def count(self, word: str, rows: int = 1) -> None:
        """Counts rows of the first pass that have a word."""
        word = word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."
        self.counts[word if word in self.counts or len(self.counts) < _MOST_VALUES else _OTHERS] += rows

    def settle(self) -> None:
        """Ends the first pass: from now on numbers have a meaning only if all of them are 0 or 1."""
        numbers = {float(word) for word in self.counts if _NUMBER.fullmatch(word)}
        self._is_scale = bool(numbers - {0.0, 1.0})
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
            proposal=propose(unknown) if unknown else "",
        )


def propose(unknown: Iterable[str]) -> str:
    """A map for values that are no label, for `--labels`; "" if they suggest none."""
    words = set(unknown)
    numbers = sorted({float(word) for word in words if _NUMBER.fullmatch(word)})
    values: dict[int, list[str]] = {
        label: sorted(words & likely) for label, likely in _LIKELY.items() if words & likely
    }
    if numbers:
        positive, negative = _scale(numbers)
        values[POSITIVE] = [positive, *values.get(POSITIVE, [])]
        values[NEGATIVE] = [negative, *values.get(NEGATIVE, [])]
    return " ".join(f"{name}={','.join(values[label])}" for label, name in _NAMES if label in values)


_NAMES = ((POSITIVE, "positive"), (NEGATIVE, "negative"))


def _scale(numbers: list[float]) -> tuple[str, str]:
    """The positive and the negative values of a scale, by the numbers seen, sorted."""
    low, high = numbers[0], numbers[-1]
    whole = all(number.is_integer() for number in numbers)
    if low < 0:  # -1 and 1, perhaps with 0 between; or -5 to 5
        return ("1", "-1") if high <= 1 and whole else (f"1..{high:g}", f"{low:g}..-1")
    if whole and set(numbers) <= {0.0, 2.0, 4.0}:  # Sentiment140
        return "4", "0"
    if whole and high <= 2:  # 1 and 2 (Zhang's polarity sets), or 0, 1, 2 with 1 for neutral
        return "2", "0" if low == 0 else "1"
    if high <= 1:
        return "0.6..1", "0..0.4"
    if high <= 5:  # stars
        negative = "1,2" if low >= 1 else "0,1,2"
        return ("4,5", negative) if whole else ("4..5", f"{min(low, 1):g}..2")
    if high <= 10:  # as IMDB's own labels: 7 and more, 4 and less
        return "7..10", f"{min(low, 1):g}..4"
    return f"{0.7 * high:g}..{high:g}", f"{low:g}..{0.4 * high:g}"
