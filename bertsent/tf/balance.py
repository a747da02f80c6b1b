"""Evens out the labels of the rows to train on: by leaving rows out, or by weights in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.training import Balance


@dataclass(frozen=True, slots=True)
class Balanced:
    """The rows to train on, of those given, and how much each counts."""

    rows: NDArray[np.int64]  # their positions, ascending
    labels: NDArray[np.int64]  # of these rows, 0 or 1
    weights: NDArray[np.float32] | None = None  # of these rows in the loss, with mean 1; None: all are 1

    def of(self, label: int) -> tuple[int, float]:
        """How many of the rows have this label, and the weight of one; NaN if none has."""
        rows = self.labels == label
        if self.weights is None or not rows.any():
            return int(rows.sum()), 1.0 if rows.any() else float("nan")
        return int(rows.sum()), float(self.weights[rows][0])

    def as_json(self) -> dict[str, Any]:
        """Number and weight of the rows of each label, for a manifest."""
        return {
            name: dict(zip(("n", "weight"), self.of(label), strict=True)) for name, label in LABELS.items()
        }


def balance(old: Sequence[Review], new: Sequence[Review], rule: Balance, *, seed: int) -> Balanced:
    """Evens out the labels of rows to train on.

    "downsample" leaves rows of the commoner label out until both labels have as many, drawn by a hash of
    seed and text. Of a retrain, old rows are left out before new ones, which are few. "weights" gives a row
    with label c the weight n / (2 n_c), where n_c of all n rows have that label, so that both labels weigh
    the same: scikit-learn's "balanced", after King and Zeng 2001, "Logistic Regression in Rare Events Data".

    Args:
        old: Labelled rows of the data set.
        new: Labelled rows of a retrain, which follow them.
        rule: What to do.
        seed: Of the draw.
    """
    reviews = [*old, *new]
    labels = np.array([review.label for review in reviews], np.int64)
    counts = np.bincount(labels, minlength=2)
    every = np.arange(len(reviews))
    if rule == "none" or not counts.all():
        return Balanced(every, labels)
    if rule == "weights":
        return Balanced(every, labels, (len(labels) / (2 * counts))[labels].astype(np.float32))
    commoner, fewest = int(counts.argmax()), int(counts.min())
    order = sorted(
        np.flatnonzero(labels == commoner).tolist(),
        key=lambda row: (row < len(old), sha256_text(f"{seed}:balance:{sha256_text(reviews[row].text)}")),
    )
    rows = np.sort(np.concatenate([np.flatnonzero(labels != commoner), order[:fewest]])).astype(np.int64)
    return Balanced(rows, labels[rows])
