"""One pass over the reviews: counts, examples, digests, sketches and random samples, in bounded memory."""

from __future__ import annotations

import heapq
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from bertsent.base import damage
from bertsent.base.english import looks_english
from bertsent.base.records.checking import Example
from bertsent.base.records.core import Progress, Review
from bertsent.base.settings.checking import CheckSettings
from bertsent.base.settings.labelling import CopySettings
from bertsent.base.text import clean, words
from bertsent.data.duplicates import sketch
from bertsent.data.near_copies import NearCopies
from bertsent.versions import trained_texts

NO_LABEL = -1
_WORDS_ONLY = CopySettings(least_words=2**31)  # for a sketch that only knows the same words
_BANDS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)  # most words of the bands of the length plot
_ADVANCE = 500  # rows between two reports of progress
_QUOTED = 300  # characters of an example's text that are kept


class Sample:
    """A random draw of rows that come one by one, uniform whatever their number.

    Every row gets a random number, and those with the smallest stay.

    Args:
        rows: The most to draw.
        characters: The most that their texts may have together.
        seed: Of the random numbers.
    """

    def __init__(self, rows: int, characters: int, seed: str) -> None:
        self._rows, self._characters = rows, characters
        self._random = random.Random(seed)
        self._heap: list[tuple[float, int, Review]] = []
        self._length = 0
        self.offered = 0

    def offer(self, review: Review) -> None:
        """Draws the row, or does not; may drop rows drawn earlier."""
        self.offered += 1
        key = -self._random.random()
        if self._rows == 0 or (len(self._heap) == self._rows and key < self._heap[0][0]):
            return
        heapq.heappush(self._heap, (key, self.offered, review))
        self._length += len(review.text)
        while len(self._heap) > self._rows or (self._length > self._characters and len(self._heap) > 1):
            self._length -= len(heapq.heappop(self._heap)[2].text)

    def reviews(self) -> list[Review]:
        """The rows drawn, in random order: the first of them are a random draw, too."""
        return [review for _, _, review in sorted(self._heap, key=lambda entry: -entry[0])]


class Rows:
    """What the check keeps of the rows: 18 bytes of each that has text, and bounded extras.

    Attributes:
        settings: Those given.
        count, empty: All rows, and those without anything to read.
        parts: Part -> its rows; the names of the parts are in the order in which they were read.
        labels: 0, 1 or NO_LABEL of each row with text.
        label_counts: How many rows have each of these.
        part: The number of its part.
        keys: A hash of its words, whatever their case and punctuation.
        texts: What identifies the clean text in the reference of a version.
        faults: Name of a check -> rows that fail it.
        examples: Name of a check -> its first rows.
        bands: Number of texts by their number of words; see `lengths`.
        near, near_rows: The sketches of the first distinct texts, and the numbers of their rows.
        any, labelled: Random draws of all rows with text, and of those with a label.
    """

    def __init__(self, settings: CheckSettings, *, every: bool) -> None:
        self.settings = settings
        self.count = self.empty = 0
        self.parts = Counter[str]()
        self.labels, self.part = array("b"), array("b")
        self.label_counts = Counter[int]()
        self.keys, self.texts = array("Q"), array("Q")
        self.faults = Counter[str]()
        self.examples: dict[str, list[Example]] = {}
        self.bands = [0] * (len(_BANDS) + 1)
        self.near, self.near_rows = NearCopies(), array("Q")
        self._sketched: set[int] = set()
        characters, most = settings.sample_characters, 2**31 if every else 0
        self.any = Sample(settings.sample, characters, f"{settings.seed}:any")
        folded = max(settings.sample, settings.folded) if settings.sample else 0
        self.labelled = Sample(max(folded, most), characters, f"{settings.seed}:labelled")

    def read(self, reviews: Iterable[Review], *, part: str, column: int | None, progress: Progress) -> None:
        """Reads the rows of a part.

        Args:
            reviews: With their cells, if the text is in one of them.
            part: The name of the part.
            column: Of the cell that holds the text as the file has it: entities are resolved in reading.
            progress: Receives the number of rows read.
        """
        number = len(self.parts)
        self.parts[part] = 0
        for review in reviews:
            self.count += 1
            self.parts[part] += 1
            cell = None if column is None or review.cells is None else review.cells[column]
            review = Review(review.text, review.label, review.path)  # the cells of a sample would fill memory
            if review.text:
                self._add(review, number, raw=cell if isinstance(cell, str) else review.text)
            else:
                self.empty += 1
                self._example("empty", review)
            if self.count % _ADVANCE == 0:
                progress.advance(self.count)

    def lengths(self) -> tuple[tuple[int, int], ...]:
        """Most words of a band, and its texts; the last band holds all longer texts, as 2^31 - 1 words."""
        return tuple(zip((*_BANDS, 2**31 - 1), self.bands, strict=True))

    def _add(self, review: Review, part: int, *, raw: str) -> None:
        row, text = len(self.keys), clean(review.text)
        near = len(self.near) < self.settings.near_rows
        hashes = sketch(text) if near else sketch(text, _WORDS_ONLY)
        key = int.from_bytes(hashes.words, "big")
        self.keys.append(key)
        self.texts.append(trained_texts.key(text))
        label = NO_LABEL if review.label is None else review.label
        self.labels.append(label)
        self.label_counts[label] += 1
        self.part.append(part)
        if near and key not in self._sketched:
            self._sketched.add(key)
            self.near.add(hashes)
            self.near_rows.append(row)
        self.any.offer(review)
        if review.label is not None:
            self.labelled.offer(review)
        count = len(words(text))
        self.bands[next((at for at, most in enumerate(_BANDS) if count <= most), len(_BANDS))] += 1
        self._look(review, count)
        if wrong := damage.markup(raw):
            self._example("markup", replace(review, text=raw), detail=wrong, around=wrong)

    def _look(self, review: Review, count: int) -> None:
        """Looks for what a single text can show."""
        text = review.text
        if not looks_english(text):
            self._example("not_english", review)
        elif count < self.settings.shortest:  # other scripts need not separate words
            self._example("short", review)
        for check, fault, detail in _FAULTS:
            if wrong := fault(text):
                self._example(check, review, detail=detail(wrong), around=wrong)

    def _example(self, check: str, review: Review, *, detail: str = "", around: str = "") -> None:
        self.faults[check] += 1
        shown = self.examples.setdefault(check, [])
        if len(shown) < self.settings.examples:
            shown.append(replace(example(review, around=around), detail=detail))


def example(review: Review, *, around: str = "") -> Example:
    """A row as an example: the beginning of its text, or what stands around some characters."""
    at = max(review.text.find(around) - 20, 0) if around else 0
    text = ("..." if at else "") + review.text[at : at + _QUOTED]
    return Example(path=review.path, text=text, label=review.label)


def _replacement(text: str) -> str:
    return "\ufffd" if "\ufffd" in text else ""


_FAULTS: tuple[tuple[str, Callable[[str], str], Callable[[str], str]], ...] = (
    ("mojibake", damage.mojibake, lambda wrong: f"{wrong} for {damage.mended(wrong)}"),
    ("lost_characters", _replacement, lambda wrong: ""),
    ("control_characters", damage.control, lambda wrong: f"U+{ord(wrong):04X}"),
    ("markup_left", damage.markup_left, lambda wrong: wrong),
)
