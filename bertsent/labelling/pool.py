"""A pool of reviews, and which of them `label` asks next.

A fifth of the pool, drawn by text digest, is reserved for random questions. Only these are a random sample of
the pool, so only they may judge a model or drift.
A large pool loads in the background while its first rows are asked. These count as picked first, and nothing
is drawn at random before loading ends.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.records.core import Review
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.text import clean
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.labelling.decisions import Decision, PickedBy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

# The picks of each order, repeated without end. 20 % of mixed are random, however many are asked. If a pick
# is not possible yet (no row is scored at the start), the question is random too. The order foreign begins
# with the most foreign rows, as soon as these are known, and goes on as mixed.
_MIXED: tuple[PickedBy, ...] = ("random", "uncertain", "uncertain", "diverse", "uncertain")
_TURNS: dict[str, tuple[PickedBy, ...]] = {
    "random": ("random",),
    "uncertain": ("uncertain",),
    "diverse": ("diverse",),
    "mixed": _MIXED,
    "foreign": _MIXED,
}
_RESERVED = 0.2  # share of the pool for random questions: as large as their share of mixed
LEFT_OUT = {  # reason why a row of a pool is not asked -> its words for the user
    "bad_row": "could not be read",
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
    before: str = ""  # the label that it has, if the answer is to replace that one


class Questions(Protocol):
    """What a walk asks."""

    @property
    def whole(self) -> bool:
        """Whether all questions are known."""

    def __len__(self) -> int: ...

    def next(self) -> Question | None:
        """Takes the next question; None if there is none left."""

    def leave_out_answered(self, digests: Collection[str]) -> None:
        """Leaves out what was labelled elsewhere meanwhile."""

    def say(self, problem: str) -> None:
        """Keeps a problem for the end."""


class Pool:
    """The open questions of a pool. One thread may ask while another one scores and leaves out.

    Args:
        reviews: The rows. Empty, repeated and answered texts are left out.
        answered: Digests of the texts that have a label.
        settings: Order and seed. The same seed gives the same random rows in every sitting.
        first: Read only this many rows now. Then the background thread must first call `read_on`.
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
        self.problems: list[str] = []  # of the background thread, to be displayed at the end
        self.rows = 0
        self.whole = False  # all rows are read
        self.error: DataError | None = None  # what ended the reading
        self._source = reviews
        self._reviews = iter(reviews)
        self._reading = True
        self._answered = answered
        self._seed = settings.seed
        self._lock = threading.Condition()
        self._turns = _TURNS[settings.order]
        self._asked = 0
        self._most_foreign = settings.foreign
        self._foreign: list[str] = []  # the next to ask, the most foreign one last
        self._scores: dict[str, float] = {}
        self._vectors: Vectors
        self._near: Vectors  # similarity of each vector to what was asked
        self._vector_rows: dict[str, int] = {}  # digest -> row of both
        self._reviews_read: dict[str, Review] = {}  # by digest, as all below
        self._open: dict[str, Review] = {}
        self._positions: dict[str, float] = {}  # in the random order, from 0 to 1
        done = self._read(first)
        self._sort()
        self.whole = done

    @property
    def notes(self) -> tuple[str, ...]:
        """How the rows are read, and what at their path is not, in words."""
        if not isinstance(self._source, Reviews):
            return ()
        return (*self._source.notes, *(f"Not read: {line}." for line in self._source.passed_over))

    def __len__(self) -> int:
        return len(self._open)

    def read_on(self, stop: threading.Event, *, rows: int) -> None:
        """Reads the other rows, `rows` at a time, until all are read or `stop` is set.

        A `DataError` is stored in `error`; the pool then holds the rows read before it.
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
        """Digest -> text of all rows that were to be asked; those reserved for random questions come last."""
        digests = sorted(self._reviews_read, key=self._is_reserved)  # a stable sort
        return {digest: self._reviews_read[digest].text for digest in digests}

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
        while self._foreign:
            digest = self._foreign.pop()
            if digest in self._open:
                return digest, "foreign"
        wanted = self._turns[self._asked % len(self._turns)]
        self._asked += 1
        picked = None
        if wanted == "uncertain":
            picked = self._uncertain()
        elif wanted == "diverse":
            picked = self._diverse()
        return (picked, wanted) if picked else (self._random(), "random")

    def leave_out(self, digest: str, why: str) -> bool:
        """Takes a question out of the pool; False if it is out already, for example asked."""
        with self._lock:
            if self._open.pop(digest, None) is None:
                return False
            self.left_out[why] += 1
            return True

    def leave_out_answered(self, digests: Collection[str]) -> None:
        """Takes the questions that were labelled elsewhere meanwhile out of the pool."""
        with self._lock:
            for digest in self._open.keys() & digests:
                del self._open[digest]
                self.left_out["answered"] += 1

    def say(self, problem: str) -> None:
        """Adds to `problems`, unless it is there already."""
        with self._lock:
            if problem not in self.problems:
                self.problems.append(problem)

    def set_score(self, digest: str, score: float) -> None:
        """Stores the score of a row, P(positive), so that it can be picked as uncertain."""
        with self._lock:
            self._scores[digest] = score

    def set_foreign(self, digests: Sequence[str]) -> None:
        """Stores which rows are to be asked first, the most foreign one first. Rows that are reserved for
        random questions are left out, and all but the first `settings.foreign` of the others."""
        with self._lock:
            free = [digest for digest in digests if not self._is_reserved(digest)]
            self._foreign = free[: self._most_foreign][::-1]

    def set_vectors(self, digests: Sequence[str], vectors: Vectors, *, near: Vectors) -> None:
        """Stores the vectors of rows, so that they can be picked as diverse.

        Args:
            digests: Of the rows.
            vectors: float32 [rows, dimensions], each of length 1.
            near: float32 [rows]: the largest cosine of each row to a labelled text.
        """
        with self._lock:
            self._vector_rows = {digest: row for row, digest in enumerate(digests)}
            self._vectors, self._near = vectors, near

    def _read(self, count: int | None) -> bool:
        """Reads `count` rows, or all, and adds those that are to be asked; True if there are no more."""
        rows = list(islice(self._reviews, count))
        left_out: Counter[str] = Counter()
        new: dict[str, Review] = {}
        for row in rows:
            text = clean(row.text)
            digest = sha256_text(text)
            if not row.text:
                left_out["empty"] += 1
            elif digest in self._answered:
                left_out["answered"] += 1
            elif digest in new or digest in self._reviews_read:
                left_out["repeated"] += 1
            else:
                new[digest] = Review(text, path=row.path)
        with self._lock:
            self.rows += len(rows)
            self.left_out += left_out
            if isinstance(self._source, Reviews) and self._source.bad_rows:
                self.left_out["bad_row"] = self._source.bad_rows
            self._reviews_read |= new
            self._open |= new
            for digest in new:
                self._positions[digest] = int(sha256_text(f"{self._seed}:{digest}"), 16) / 2**256
            self._lock.notify_all()
        return count is None or len(rows) < count

    def _sort(self) -> None:
        """Puts the rows into the random order."""
        digests = sorted(self._reviews_read, key=self._positions.__getitem__)
        self._reviews_read = {digest: self._reviews_read[digest] for digest in digests}
        self._open = {digest: self._open[digest] for digest in digests if digest in self._open}

    def _is_reserved(self, digest: str) -> bool:
        return self._positions[digest] < _RESERVED

    def _among(self, ready: Collection[str]) -> list[str]:
        """The open questions in `ready`; those reserved for random questions only if there are no others."""
        digests = [digest for digest in self._open if digest in ready]
        return [digest for digest in digests if not self._is_reserved(digest)] or digests

    def _random(self) -> str | None:
        reserved = (digest for digest in self._open if self._is_reserved(digest))
        return next(reserved, next(iter(self._open), None))

    def _uncertain(self) -> str | None:
        digests = self._among(self._scores)
        return min(digests, key=lambda digest: abs(self._scores[digest] - DEFAULT_THRESHOLD), default=None)

    def _diverse(self) -> str | None:
        digests = self._among(self._vector_rows)
        return min(digests, key=lambda digest: float(self._near[self._vector_rows[digest]]), default=None)

    def _keep_away_from(self, digest: str) -> None:
        if digest in self._vector_rows:
            import numpy as np

            similarity = self._vectors @ self._vectors[self._vector_rows[digest]]
            self._near = np.maximum(self._near, similarity)


def read_pool(source: Path | Source, *, answered: Collection[str], settings: LabelSettings) -> Pool:
    """The pool of a folder or table. Labels that it may have are ignored.

    Raises:
        DataError, UsageError: as `reviews.open_reviews`.
    """
    return Pool(open_reviews(source), answered=answered, settings=settings, first=settings.first)


def second_look(decisions: Sequence[Decision], *, settings: LabelSettings) -> Question | None:
    """An old question to ask again, about every `settings.again` questions; None if none is due.

    Each is asked again only once, and not while it is among the newest, which the person may remember.

    Args:
        decisions: Those that were not undone, oldest first.
    """
    asked = [decision for decision in decisions if decision.picked_by != "typed"]
    if not settings.again or not asked:
        return None
    since = next((back for back, decision in enumerate(reversed(asked)) if decision.again), len(asked))
    jitter = settings.again // 5  # varies, so that nobody can count along
    if since < settings.again - jitter + int(asked[-1].id[:8], 16) % (2 * jitter + 1):
        return None
    asked_twice = [decision for decision in asked if decision.again]
    excluded = {decision.digest for decision in asked_twice + asked[-settings.again // 2 :]}
    old = [decision for decision in asked if decision.label in LABELS and decision.digest not in excluded]
    if not old:
        return None
    chosen = random.Random(f"{settings.seed}:{len(decisions)}").choice(old)
    return Question(chosen.text, chosen.digest, chosen.path, chosen.picked_by, again=True)
