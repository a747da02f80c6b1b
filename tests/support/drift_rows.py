"""Synthetic reviews as word pieces: a domain is a distribution over a vocabulary of 600 pieces."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.drift import reference
from bertsent.drift.records import NewRow
from bertsent.drift.reference import Reference

PIECES = 600
ACCURACY = 0.93  # of the classifier that is pretended


def domain(seed: int) -> NDArray[np.float64]:
    """[pieces], how often each piece stands; few are frequent, as in language, and which differs by seed."""
    often = 1 / np.arange(5, PIECES + 5)
    common, own = often[:60], np.random.default_rng(seed).permutation(often[60:])
    return np.concatenate([common, own]) / often.sum()


FILMS, SHOPS = domain(1), domain(2)
SENTENCES = (domain(1) + domain(4)) / 2  # single sentences about films are worded otherwise than reviews


def review(
    random: np.random.Generator, label: int, *, of: NDArray[np.float64] = FILMS, words: int = 0
) -> NDArray[np.int32]:
    """A review of about 120 pieces, or of `words`; the first twenty pieces lean to one label each."""
    lean = np.ones(PIECES)
    lean[10:30] = np.where(np.arange(20) % 2 == label, 2.0, 0.5)
    share = of * lean / (of * lean).sum()
    length = words or int(np.clip(random.lognormal(4.8, 0.4), 20, 400))
    return random.choice(PIECES, size=length, p=share).astype(np.int32)


def score(random: np.random.Generator, label: int, *, accuracy: float = ACCURACY) -> float:
    """P(positive) of a classifier that is right so often."""
    right = random.random() < accuracy
    return float(random.uniform(0.6, 1.0) if right == bool(label) else random.uniform(0.0, 0.4))


def new_rows(
    count: int,
    *,
    seed: int,
    of: NDArray[np.float64] = FILMS,
    positive: float = 0.5,
    words: int = 0,
    picked_by: str = "random",
    accuracy: float = ACCURACY,
) -> list[NewRow]:
    """Rows as a run of `drift` would make them, none of which the reference knows."""
    random = np.random.default_rng([7, seed])
    labels = (np.arange(count) < round(positive * count)).astype(int).tolist()
    made = [(review(random, label, of=of, words=words), label) for label in labels]
    return [
        NewRow(
            digest=sha256_text(f"{seed} {place} {len(of)} {of[70]}"),
            pieces=pieces,
            label=label,
            score=score(random, label, accuracy=accuracy),
            tokens=len(pieces),
            truncated=False,
            picked_by=picked_by,
        )
        for place, (pieces, label) in enumerate(made)
    ]


def make_retrained(path: Path, *, of: NDArray[np.float64] = SHOPS, accuracy: float = ACCURACY) -> Reference:
    """Writes the reference of a version retrained on 480 film reviews and 240 others, of which 60 more were
    reserved and are answered so accurately, and reads it back."""
    random = np.random.default_rng([5, 0])
    labels, held = [place % 2 for place in range(720)], [place % 2 for place in range(560)]
    reference.write(
        path,
        rows=[review(random, label, of=of if row >= 480 else FILMS) for row, label in enumerate(labels)],
        labels=labels,
        heldout_scores=[
            score(random, label, accuracy=accuracy if row >= 500 else ACCURACY)
            for row, label in enumerate(held)
        ],
        heldout_labels=held,
        seed=0,
        newest=[row >= 480 for row in range(720)],
        heldout_newest=[row >= 500 for row in range(560)],
    )
    return reference.read(path)


def make_reference(path: Path, *, rows: int = 1000, heldout: int = 1000, seed: int = 0) -> Reference:
    """Writes a reference of film reviews, half of them positive, and reads it back. Like an older file it has
    no lengths of held-out rows."""
    random = np.random.default_rng([3, seed])
    labels = list(itertools.islice(itertools.cycle([0, 1]), rows))
    held = list(itertools.islice(itertools.cycle([0, 1]), heldout))
    reference.write(
        path,
        rows=[review(random, label) for label in labels],
        labels=labels,
        heldout_scores=[score(random, label) for label in held],
        heldout_labels=held,
        digests=[sha256_text(f"trained {place}") for place in range(rows)],
        seed=0,
    )
    return reference.read(path)


def reference_of(
    path: Path, rows: list[NewRow], *, held: list[NewRow] | None = None, **more: Any
) -> Reference:
    """Writes a reference of these rows and reads it back; they are held out too, unless others are."""
    held_out = rows if held is None else held
    reference.write(
        path,
        rows=[row.pieces for row in rows],
        labels=[row.label for row in rows],
        heldout_scores=[row.score for row in held_out],
        heldout_labels=[row.label for row in held_out],
        seed=0,
        **more,
    )
    return reference.read(path)


def sentence_rows(count: int, *, seed: int, accuracy: float = 0.8, **how: Any) -> list[NewRow]:
    """New rows of 8 to 40 pieces."""
    lengths = np.random.default_rng([8, seed]).integers(8, 40, size=count).tolist()
    rows = new_rows(count, seed=seed, accuracy=accuracy, **({"of": SENTENCES} | how))
    return [replace(row, pieces=row.pieces[:length]) for row, length in zip(rows, lengths, strict=True)]


def make_two_kinds(
    path: Path, *, retrained: bool = False, positive: float = 0.5, heldout: tuple[int, int] = (1600, 400)
) -> Reference:
    """Writes a reference of 1,000 film reviews and 1,000 sentences, with held-out reviews and sentences, and
    reads it back. Of reviews 97 % are answered right, of sentences 80 %.

    Args:
        path: The file.
        retrained: Whether 200 sentences about shops are recent.
        positive: The share of positive sentences.
        heldout: How many reviews and sentences are held out.
    """
    pages = new_rows(1000, seed=100)
    sentences = sentence_rows(1000, seed=101, positive=positive)
    recent = sentence_rows(200, seed=102, of=SHOPS) if retrained else []
    held = new_rows(heldout[0], seed=103, accuracy=0.97) + sentence_rows(heldout[1], seed=104)
    rows = pages + sentences + recent
    return reference_of(
        path,
        rows,
        held=held,
        heldout_lengths=[len(row.pieces) for row in held],
        newest=[index >= 2000 for index in range(len(rows))] if recent else (),
        heldout_newest=[False] * len(held),
    )
