"""Work of the background thread while the person labels: it makes the next questions better.

In this order: load the rest of the pool, find near copies in it, score a sample, rank it if asked to, compute
its vectors, find copies in the data set. No question waits for it; each result counts as soon as it is there.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bertsent.base.errors import BertsentError
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.text import clean, words
from bertsent.data.duplicates import Copies, sketch
from bertsent.data.layout import all_sources
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.pool import Pool
from bertsent.labelling.shared_scorer import SharedScorer

if TYPE_CHECKING:
    from bertsent.labelling.pool import Vectors
    from bertsent.scoring.scorer import Scorer

# Of a scorer, texts by digest and their scores: the digests, those to be asked first in front
Rank = Callable[["Scorer", Mapping[str, str], Mapping[str, float]], Sequence[str]]


def prepare(
    pool: Pool,
    model: SharedScorer,
    *,
    labelled: Sequence[Labelled],
    data: Path | Source | None,
    settings: LabelSettings,
    stop: threading.Event,
    rank: Rank | None = None,
) -> None:
    """Loads the pool, finds copies, scores a sample and computes its vectors, until `stop` is set.

    Args:
        rank: Says which rows of the sample are most foreign.
        labelled: The labelled rows. Their copies are left out; diverse questions differ from the newest.
        data: A data set that `splits.load_splits` can read; its rows are left out, whatever their labels.
    """
    pool.read_on(stop, rows=settings.first)
    texts = pool.texts()
    copies = _leave_out_near(pool, texts, labelled, stop)
    sample = dict(islice(texts.items(), settings.sample))
    scores: dict[str, float] = {}
    try:
        for digest, prediction in zip(sample, model.predict([*sample.values()], stop), strict=False):
            scores[digest] = prediction.score
            pool.set_score(digest, prediction.score)
    except BertsentError as error:
        pool.say(f"No scores: {error}")
    if rank is not None and len(scores) == len(sample):
        try:
            pool.set_foreign(rank(model.opened(), sample, scores))
        except BertsentError as error:
            pool.say(f"Which texts are foreign is not known: {error}")
    if not stop.is_set():
        newest = [row.text for row in labelled[-settings.remembered :]]
        vectors, near = _vectors([*sample.values()], newest, settings.dimensions)
        pool.set_vectors([*sample], vectors, near=near)
    if data is not None:
        try:
            _leave_out_data(pool, copies, data, stop)
        except BertsentError as error:
            pool.say(f"The data set was not compared: {error}")


def _leave_out_near(
    pool: Pool, texts: dict[str, str], labelled: Sequence[Labelled], stop: threading.Event
) -> Copies:
    """Leaves out near copies of labelled texts and of other texts of the pool; returns those that remain."""
    answered, copies = Copies(), Copies()
    for row in labelled:
        answered.add(row.digest, sketch(row.text))
    for digest, text in texts.items():
        if stop.is_set():
            break
        hashes = sketch(text)
        if answered.find(hashes) is not None:
            pool.leave_out(digest, "near_answered")
        elif (other := copies.find(hashes)) is not None:
            if not pool.leave_out(digest, "near_repeated"):  # it was asked already
                pool.leave_out(other, "near_repeated")
        else:
            copies.add(digest, hashes)
    return copies


def _leave_out_data(pool: Pool, copies: Copies, data: Path | Source, stop: threading.Event) -> None:
    """Leaves out the rows of a data set: its training rows train already, its test rows never may.

    Reports how many of them were asked before they were found.
    """
    seen: set[str] = set()
    asked = 0
    for review in chain.from_iterable(map(open_reviews, all_sources(data))):
        if stop.is_set():
            break
        digest = copies.find(sketch(clean(review.text)))
        if digest is not None and digest not in seen:
            seen.add(digest)
            if not pool.leave_out(digest, "in_data"):
                asked += 1
    if asked:
        pool.say(f"Reviews asked although the data set has them, or nearly: {asked} (found too late).")


def _vectors(texts: Sequence[str], others: Sequence[str], dimensions: int) -> tuple[Vectors, Vectors]:
    """Vectors of texts by their words, and the largest cosine of each to the vectors of `others`.

    Words are hashed to dimensions and signs (Weinberger et al. 2009). The more texts have a word, the
    less it weighs.

    Returns:
        float32 [texts, dimensions], each of length 1; float32 [texts], 0 where there are no others.
    """
    if not texts:
        return np.empty((0, dimensions), np.float32), np.empty(0, np.float32)
    counts = np.stack([_hashed(text, dimensions) for text in (*texts, *others)])
    weights = np.log(len(counts) / (1 + np.count_nonzero(counts, axis=0))).clip(0.01)
    vectors = np.sign(counts) * np.sqrt(np.abs(counts)) * weights
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    vectors = vectors.astype(np.float32)
    own, foreign = vectors[: len(texts)], vectors[len(texts) :]
    near = (own @ foreign.T).max(axis=1) if others else np.zeros(len(texts), np.float32)
    return own, near


def _hashed(text: str, dimensions: int) -> Vectors:
    hashes = np.array([zlib.crc32(word.encode()) for word in words(text)], np.int64)
    signs = np.where(hashes & 1, 1.0, -1.0)
    return np.bincount((hashes >> 1) % dimensions, signs, minlength=dimensions).astype(np.float32)
