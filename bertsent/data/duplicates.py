"""Exact and near copies of texts, found in time linear in the number of texts.

Two texts are copies if they have the same words in the same order, whatever their case and punctuation, or
if they share at least half of all their runs of three words. This share is estimated from sketches, which
hold the smallest hashes of a text's runs (Broder 1997, "On the resemblance and containment of documents").
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.labelling import CopySettings
from bertsent.base.text import words

_SETTINGS = CopySettings()
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # all odd
_FINISH = np.uint64(0xFF51AFD7ED558CCD)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Sketch:
    """The hashes of a text that its copies are found by."""

    words: bytes  # digest of its words
    runs: tuple[int, ...]  # the smallest hashes of its runs of three words, ascending; () for a short text


def sketch(text: str, settings: CopySettings = _SETTINGS) -> Sketch:
    """The sketch of a text; takes some tens of microseconds."""
    tokens = words(text) or [text]  # a text without words is its own key
    digest = hashlib.blake2b(" ".join(tokens).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    if len(tokens) < settings.least_words:
        return Sketch(digest, ())
    hashes = np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in tokens], np.uint64)
    runs = _scramble(hashes[:-2] * _MIX[0] + hashes[1:-1] * _MIX[1] + hashes[2:] * _MIX[2])
    return Sketch(digest, tuple(np.unique(runs)[: settings.sketch].tolist()))


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mixes the bits like the end of MurmurHash3, so that the smallest values are a random sample."""
    values = (values ^ (values >> _HALF)) * _FINISH
    return values ^ (values >> _HALF)


class Copies:
    """Finds the first text that another one copies."""

    def __init__(self, settings: CopySettings = _SETTINGS) -> None:
        self._settings = settings
        self._words: dict[bytes, str] = {}  # -> the name of the first text with these words
        self._runs: dict[int, str] = {}  # -> the name of the first text with this run
        self._sketches: dict[str, Sketch] = {}

    def find(self, given: Sketch) -> str | None:
        """The name of an added text that `given` is a copy of."""
        same = self._words.get(given.words)
        if same is not None:
            return same
        shared = Counter(self._runs[run] for run in given.runs if run in self._runs)
        for name, _ in shared.most_common(3):  # the first may share only a common phrase
            if self._resemblance(given, self._sketches[name]) >= self._settings.resemblance:
                return name
        return None

    def add(self, name: str, given: Sketch) -> None:
        """Adds a text that is not a copy of an earlier one."""
        self._words.setdefault(given.words, name)
        self._sketches[name] = given
        for run in given.runs:
            self._runs.setdefault(run, name)

    def _resemblance(self, one: Sketch, other: Sketch) -> float:
        first, second = set(one.runs), set(other.runs)
        smallest = sorted(first | second)[: self._settings.sketch]
        return sum(run in first and run in second for run in smallest) / len(smallest)
