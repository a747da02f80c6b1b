"""A random sample of the different texts of an input, in bounded memory.

It is the texts with the smallest digests (bottom-k sampling; Cohen and Kaplan 2007): the same ones whatever
the order of the input and however often a text stands there. A text that is dropped never comes back, so
nothing has to be remembered of it. If the k-th smallest of the digests, as numbers from 0 to 1, is u, there
are about (k - 1) / u different texts (Bar-Yossef et al. 2002); with k = 10,000 the error is about 1 %.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Set
from typing import NamedTuple

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Prediction
from bertsent.base.text import clean
from bertsent.drift.history import ROW


class Scored(NamedTuple):
    """What a version says of a text: as in `Prediction`, which may hold sentences beside it."""

    score: float
    tokens: int
    truncated: bool


class SampledText(NamedTuple):
    """A text, and what a version says of it if it was scored."""

    text: str  # clean
    scored: Scored | None = None


class TextsSample:
    """Takes the texts of an input, one after another.

    Args:
        most: How many texts are kept.
        settled: First `ROW` characters of the digests of texts that an earlier check settled. They count for
            `rows`, and are not drawn.
        wanted: Digests of texts that are kept in any case, such as those that a page lists.

    Attributes:
        texts: How many texts were taken, repeated ones included.
        left_out: Why others were not, and how many.
        wanted: Digest -> text of the wanted ones that came.
    """

    def __init__(self, *, most: int, settled: Set[str] = frozenset(), wanted: Set[str] = frozenset()) -> None:
        self._settled, self._wanted = settled, wanted
        self._all, self._fresh = _Smallest(most), _Smallest(most)
        self.texts = 0
        self.left_out: Counter[str] = Counter()
        self.wanted: dict[str, str] = {}

    def add(self, text: str, prediction: Prediction | None = None) -> None:
        """Takes a text, and its prediction if it was scored."""
        text = clean(text)
        if not text:
            self.left_out["without text"] += 1
            return
        self.texts += 1
        digest = sha256_text(text)
        if not self._all.add(digest[:ROW], SampledText("")):
            self.left_out["repeated"] += 1
            return
        if digest in self._wanted:
            self.wanted[digest] = text
        if digest[:ROW] not in self._settled:
            scored = None
            if prediction is not None:
                scored = Scored(prediction.score, prediction.tokens, prediction.truncated)
            self._fresh.add(digest, SampledText(text, scored))

    @property
    def rows(self) -> frozenset[str]:
        """The digests of all texts, or of a sample of many, cut to `ROW` characters."""
        return frozenset(self._all.kept)

    @property
    def drawn(self) -> dict[str, SampledText]:
        """Digest -> text that no check has settled: all of them, or a sample of many; in a fixed order."""
        return dict(sorted(self._fresh.kept.items()))

    @property
    def fresh(self) -> int:
        """How many different texts no check has settled; about how many, if there are more than are kept."""
        return self._fresh.count

    @property
    def is_part(self) -> bool:
        """Whether some texts that no check has settled were not drawn."""
        return self._fresh.dropped

    @property
    def counts_repeated(self) -> bool:
        """Whether all repeated texts were told: not where texts were dropped, which are not remembered."""
        return not self._all.dropped


class _Smallest:
    """The entries with the smallest digests."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str]] = []  # of negated numbers: the largest digest comes first
        self.kept: dict[str, SampledText] = {}
        self.dropped = False

    def add(self, digest: str, entry: SampledText) -> bool:
        """Takes an entry; False if it is kept already."""
        if digest in self.kept:
            return False
        number = -int(digest[:ROW], 16)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, (number, digest))
        else:
            self.dropped = True
            if number < self._heap[0][0]:
                return True
            del self.kept[heapq.heappushpop(self._heap, (number, digest))[1]]
        self.kept[digest] = entry
        return True

    @property
    def count(self) -> int:
        """How many different digests came; about how many, if some were dropped."""
        if not self.dropped:
            return len(self.kept)
        largest = max(1, -self._heap[0][0])
        return (self._most - 1) * int(16**ROW) // largest
