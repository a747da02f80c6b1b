"""Reviews of a pool -> questions, in the order that was asked for.

A fifth of the pool, drawn by text digest, is kept for the questions picked at random: rows that were not
left over by another way of picking tell of the pool as it is, and only they may judge a model or drift.
A large pool is read on while its first rows are asked; until it is whole nothing is drawn from all of it,
and what is asked counts as picked first.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.records.core import Review
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import LABELS, ReadSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.labelling.decisions import Decision, PickedBy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

# How the questions of an order follow each other. Of mixed 20 % are random from the first one on, whatever
# the number of questions; what is not ready yet, as no row is scored at the start, is random too.
_TURNS: dict[str, tuple[PickedBy, ...]] = {
    "random": ("random",),
    "uncertain": ("uncertain",),
    "diverse": ("diverse",),
    "mixed": ("random", "uncertain", "uncertain", "diverse", "uncertain"),
}
_KEPT = 0.2  # of the pool for the random questions: their share of mixed
LEFT_OUT = {  # why a row of a pool is not asked
    "empty": "without any text",
    "answered": "answered before",
    "repeated": "the same text again",
    "near_answered": "nearly the same as an answered one",
    "near_repeated": "nearly the same as another one",
    "in_data": "in the data set too, or nearly",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A text to be labelled."""

    text: str  # clean
    digest: str
    path: str
    picked_by: PickedBy
    again: bool = False


class Pool:
    """The open questions of a pool; one thread may ask while another one scores and leaves out.

    Args:
        reviews: The rows. Texts without content, or in `answered`, are left out; so are repeated ones.
        answered: Digests that need no question any more.
        settings: Order and seed. The same seed gives the same random rows in every sitting.
        first: Read so many rows only; `read_on` must then follow, from a thread that does nothing before.
    """

    def __init__(
        self,
        reviews: Iterable[Review],
        *,
        answered: Collection[str],
        settings: LabelSettings,
        first: int | None = None,
    ) -> None:
        self.left_out: Counter[str] = Counter()
        self.problems: list[str] = []  # of the background, for the person at the end
        self.rows = 0
        self.whole = False  # no row is missing
        self.error: DataError | None = None  # that ended the reading
        self._reviews = iter(reviews)
        self._reading = True
        self._answered = answered
        self._seed = settings.seed
        self._lock = threading.Condition()
        self._turns = _TURNS[settings.order]
        self._asked = 0
        self._scores: dict[str, float] = {}
        self._vectors: Vectors
        self._near: Vectors  # likeness of each vector to what was asked
        self._places: dict[str, int] = {}  # digest -> row of both
        self._found: dict[str, Review] = {}
        self._open: dict[str, Review] = {}
        self._drawn: dict[str, float] = {}  # digest -> where it lies in the random order, from 0 to 1
        done = self._read(first)
        self._sort()
        self.whole = done

    def __len__(self) -> int:
        return len(self._open)

    def read_on(self, stop: threading.Event, *, rows: int) -> None:
        """Reads the rest, some rows at a time, until it is whole or `stop` is set.

        An error of the reviews is kept as `error`, and the pool is what was read before.
        """
        done = self.whole
        try:
            while not done and not stop.is_set():
                done = self._read(rows)
        except DataError as error:
            self.error = error
        finally:
            with self._lock:
                self._sort()
                self.whole, self._reading = done, False
                self._lock.notify_all()

    def texts(self) -> dict[str, str]:
        """Digest -> text of all that was to ask, those first that are not kept for random questions."""
        return {
            digest: row.text
            for kept in (False, True)
            for digest, row in self._found.items()
            if self._is_kept(digest, kept)
        }

    def next(self) -> Question | None:
        """Takes the next question out of the pool; None if there is none left."""
        with self._lock:
            self._lock.wait_for(lambda: self._open or self.whole or not self._reading)
            digest, picked_by = self._pick() if self.whole else (self._random(), "first")
            if digest is None:
                return None
            row = self._open.pop(digest)
            self._keep_away_from(digest)
            return Question(row.text, digest, row.path, picked_by)

    def _pick(self) -> tuple[str | None, PickedBy]:
        wanted = self._turns[self._asked % len(self._turns)]
        self._asked += 1
        digest = {"uncertain": self._uncertain, "diverse": self._diverse}.get(wanted, _nothing)()
        return (digest, wanted) if digest else (self._random(), "random")

    def leave_out(self, digest: str, why: str) -> bool:
        """Takes a question out of the pool; False if it was asked already."""
        with self._lock:
            if self._open.pop(digest, None) is None:
                return False
            self.left_out[why] += 1
            return True

    def leave_out_answered(self, digests: Collection[str]) -> None:
        """Takes the questions that have an answer by now out of the pool."""
        with self._lock:
            for digest in self._open.keys() & digests:
                del self._open[digest]
                self.left_out["answered"] += 1

    def say(self, problem: str) -> None:
        """Keeps a problem for the person, once."""
        with self._lock:
            if problem not in self.problems:
                self.problems.append(problem)

    def set_score(self, digest: str, score: float) -> None:
        """Says how a row scored, so that it can be picked as uncertain."""
        with self._lock:
            self._scores[digest] = score

    def set_vectors(self, digests: Sequence[str], vectors: Vectors, *, near: Vectors) -> None:
        """Says which rows lie near each other, so that they can be picked as diverse.

        Args:
            digests: Of the rows.
            vectors: float32 [rows, dimensions], each of length 1.
            near: float32 [rows]: the largest cosine of each to what is labelled.
        """
        with self._lock:
            self._places = {digest: place for place, digest in enumerate(digests)}
            self._vectors, self._near = vectors, near

    def _read(self, count: int | None) -> bool:
        """Reads `count` rows, or all, and adds those that are to be asked; True if there are no more."""
        rows = list(islice(self._reviews, count))
        texts = [clean(row.text) for row in rows]
        left_out: Counter[str] = Counter()
        found: dict[str, Review] = {}
        for row, text in zip(rows, texts, strict=True):
            digest = sha256_text(text)
            why = (
                "empty"
                if not row.text
                else "answered"
                if digest in self._answered
                else "repeated"
                if digest in found or digest in self._found
                else ""
            )
            if why:
                left_out[why] += 1
            else:
                found[digest] = Review(text, path=row.path)
        with self._lock:
            self.rows += len(rows)
            self.left_out += left_out
            self._found |= found
            self._open |= found
            self._drawn |= {
                digest: int(sha256_text(f"{self._seed}:{digest}"), 16) / 2**256 for digest in found
            }
            self._lock.notify_all()
        return count is None or len(rows) < count

    def _sort(self) -> None:
        """Puts what there is into the random order."""
        self._found = {
            digest: self._found[digest] for digest in sorted(self._found, key=self._drawn.__getitem__)
        }
        self._open = {digest: row for digest, row in self._found.items() if digest in self._open}

    def _is_kept(self, digest: str, kept: bool) -> bool:
        return (self._drawn[digest] < _KEPT) == kept

    def _among(self, known: Collection[str]) -> list[str]:
        """The open questions that are in `known`; those kept for random questions only if no others are."""
        for kept in (False, True):
            found = [digest for digest in self._open if digest in known and self._is_kept(digest, kept)]
            if found:
                return found
        return []

    def _random(self) -> str | None:
        kept = (digest for digest in self._open if self._is_kept(digest, True))
        return next(kept, next(iter(self._open), None))

    def _uncertain(self) -> str | None:
        found = self._among(self._scores)
        return min(found, key=lambda digest: abs(self._scores[digest] - DEFAULT_THRESHOLD)) if found else None

    def _diverse(self) -> str | None:
        found = self._among(self._places)
        return min(found, key=lambda digest: float(self._near[self._places[digest]])) if found else None

    def _keep_away_from(self, digest: str) -> None:
        if digest in self._places:
            import numpy as np

            likeness = self._vectors @ self._vectors[self._places[digest]]
            self._near = np.maximum(self._near, likeness)


def _nothing() -> None:
    return None


def read_pool(
    path: Path, *, answered: Collection[str], settings: LabelSettings, read: ReadSettings | None = None
) -> Pool:
    """Reads a folder or a table, whose labels, if it has any, count for nothing.

    Raises:
        DataError, UsageError: as `reviews.read_reviews`.
    """
    reviews: Iterator[Review] = read_reviews(path, settings=read or ReadSettings())
    return Pool(reviews, answered=answered, settings=settings, first=settings.first)


def second_look(standing: Sequence[Decision], *, settings: LabelSettings) -> Question | None:
    """An old question that is due to be asked again, about every `settings.again`th time.

    Each is asked again once only, and not while it is fresh in the memory.

    Args:
        standing: The decisions that were not undone, oldest first.
    """
    asked = [each for each in standing if each.picked_by != "typed"]
    since = next((back for back, each in enumerate(reversed(asked)) if each.again), len(asked))
    spread = settings.again // 5  # a fixed number could be counted along
    if not settings.again or not asked:
        return None
    if since < settings.again - spread + int(asked[-1].id[:8], 16) % (2 * spread + 1):
        return None
    seen = {each.digest for each in asked if each.again} | {
        each.digest for each in asked[-settings.again // 2 :]
    }
    old = [each for each in asked if each.label in LABELS and each.digest not in seen]
    if not old:
        return None
    chosen = random.Random(f"{settings.seed}:{len(standing)}").choice(old)
    return Question(chosen.text, chosen.digest, chosen.path, chosen.picked_by, again=True)
