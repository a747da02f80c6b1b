"""What makes the next questions better while the person reads: copies, scores and likeness.

It runs in a thread beside the questions, in this order: the rest of the pool, near copies in it, scores and
likeness of a sample, copies in the data set. Nothing waits for it; what it has found counts from then on.
"""

from __future__ import annotations

import os
import re
import threading
import zlib
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bertsent.base.errors import BertsentError
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.text import clean
from bertsent.data.duplicates import Copies, sketch
from bertsent.data.reviews import read_reviews
from bertsent.labelling.decisions import Labelled
from bertsent.labelling.pool import Pool
from bertsent.labelling.shared_scorer import SharedScorer

if TYPE_CHECKING:
    from bertsent.labelling.pool import Vectors

_WORD = re.compile(r"\w+")


def prepare(
    pool: Pool,
    model: SharedScorer,
    *,
    labelled: Sequence[Labelled],
    data: Path | None,
    settings: LabelSettings,
    stop: threading.Event,
) -> None:
    """Reads the rest, finds copies, scores a sample and compares it, until all is done or `stop` is set.

    Args:
        labelled: What has a label: their copies are left out, and diverse rows keep away from the newest.
        data: A data set, `train` and `test` or `pos` and `neg`; its rows are left out.
    """
    pool.read_on(stop, rows=settings.first)
    texts = pool.texts()
    copies = _leave_out_near(pool, texts, labelled, stop)
    sample = dict(islice(texts.items(), settings.sample))
    try:
        for digest, prediction in zip(sample, model.predict([*sample.values()], stop), strict=False):
            pool.set_score(digest, prediction.score)
    except BertsentError as error:
        pool.say(f"No scores: {error}")
    if not stop.is_set():
        remembered = [row.text for row in labelled[-settings.remembered :]]
        vectors, near = _likeness([*sample.values()], remembered, settings.dimensions)
        pool.set_vectors([*sample], vectors, near=near)
    if data is not None:
        try:
            _leave_out_known(pool, copies, data, stop)
        except BertsentError as error:
            pool.say(f"The data set was not compared: {error}")


def _leave_out_near(
    pool: Pool, texts: dict[str, str], labelled: Sequence[Labelled], stop: threading.Event
) -> Copies:
    """Leaves out what is nearly the same as a labelled text, or as another one of the pool."""
    answered, copies = Copies(), Copies()
    for row in labelled:
        answered.add(row.digest, sketch(row.text))
    for digest, text in texts.items():
        if stop.is_set():
            break
        given = sketch(text)
        if answered.find(given) is not None:
            pool.leave_out(digest, "near_answered")
        elif (other := copies.find(given)) is not None:
            if not pool.leave_out(digest, "near_repeated"):  # asked before its copy was found
                pool.leave_out(other, "near_repeated")
        else:
            copies.add(digest, given)
    return copies


def _leave_out_known(pool: Pool, copies: Copies, data: Path, stop: threading.Event) -> None:
    """Leaves out what stands in a data set: it trains already, or it must never train. Says how many of them
    were asked before they were found."""
    named = (data / half for half in ("train", "test"))
    halves = [half for half in named if os.path.isdir(half)]  # noqa: PTH112 - Path.is_dir may raise
    left_out, asked = set[str](), set[str]()
    for review in chain.from_iterable(map(read_reviews, halves or [data])):
        if stop.is_set():
            break
        found = copies.find(sketch(clean(review.text)))
        if found is not None and found not in left_out:
            (left_out if pool.leave_out(found, "in_data") else asked).add(found)
    if asked:
        pool.say(f"Asked before they were found: in the data set too, or nearly ({len(asked)}).")


def _likeness(texts: Sequence[str], others: Sequence[str], dimensions: int) -> tuple[Vectors, Vectors]:
    """Vectors of texts by the words in them, and the largest cosine of each to those of `others`.

    Words are hashed to dimensions and signs (Weinberger et al. 2009) and weigh the less the more texts
    they are in.
    """
    if not texts:
        return np.empty((0, dimensions), np.float32), np.empty(0, np.float32)
    counts = np.stack([_hashed(text, dimensions) for text in (*texts, *others)])
    weights = np.log(len(counts) / (1 + np.count_nonzero(counts, axis=0))).clip(0.01)
    vectors = np.sign(counts) * np.sqrt(np.abs(counts)) * weights
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    vectors = vectors.astype(np.float32)
    mine, theirs = vectors[: len(texts)], vectors[len(texts) :]
    near = (mine @ theirs.T).max(axis=1) if len(others) else np.zeros(len(texts), np.float32)
    return mine, near


def _hashed(text: str, dimensions: int) -> Vectors:
    hashes = np.array([zlib.crc32(word.encode()) for word in _WORD.findall(text.casefold())], np.int64)
    signs = np.where(hashes & 1, 1.0, -1.0)
    return np.bincount((hashes >> 1) % dimensions, signs, minlength=dimensions).astype(np.float32)
