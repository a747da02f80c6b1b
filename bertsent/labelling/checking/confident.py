"""Confident learning: which labels are likely wrong, by scores that did not see them.

The method of Northcutt, Jiang and Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
Labels", Journal of Artificial Intelligence Research 70, for two classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """The labels that the scores contradict confidently, and the estimated share of wrong ones."""

    rows: Ints  # [likely wrong], indices, the largest contradiction first
    share: float  # of all labels, 0 to 1


def find_errors(scores: Floats, labels: Ints) -> LabelErrors:
    """Finds the rows whose label is likely wrong.

    The threshold of a class is the mean probability of that class over the rows with its label:

        t_j = mean of p_j(x) over the rows x with label j.

    A row belongs confidently to class j if p_j >= t_j, and to the likelier one if it does to both. The
    confident joint C[i, j] counts the rows with label i that belong to j; each of its rows is scaled to the
    number of rows with that label, and the share of wrong labels is the sum off its diagonal over the number
    of rows. The rows off the diagonal of C are likely wrong. They are ranked by the margin p_i - p_j of their
    own label i, lowest first.

    Args:
        scores: [n] P(positive) in [0, 1], by a model that was not trained on the row.
        labels: [n] 0 or 1.

    Returns:
        No row and a share of 0 if there is no row of one of the labels.
    """
    counts = np.bincount(labels, minlength=2)
    if counts.min() == 0:
        return LabelErrors(np.empty(0, np.int64), 0.0)
    probabilities = np.stack([1 - scores, scores])  # [class, n]
    thresholds = np.array([probabilities[label, labels == label].mean() for label in (0, 1)])
    confident = probabilities >= thresholds[:, None]
    belongs = np.where(confident, probabilities, -1).argmax(axis=0)
    counted = confident.any(axis=0)
    joint = np.zeros((2, 2))
    np.add.at(joint, (labels[counted], belongs[counted]), 1)
    sums = joint.sum(axis=1, keepdims=True)
    scaled = np.divide(joint, sums, out=np.eye(2), where=sums > 0) * counts[:, None]
    wrong = np.flatnonzero(counted & (belongs != labels))
    margins = (2 * scores - 1) * np.where(labels == 1, 1, -1)
    order = np.argsort(margins[wrong], kind="stable")
    return LabelErrors(wrong[order], float((scaled[0, 1] + scaled[1, 0]) / len(labels)))
