"""Scores and gold labels -> how good the answers are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bertsent.records import Confusion, Metrics

_EPSILON = 1e-7  # keeps the log of a score of exactly 0 or 1 finite; float32 resolves no less near 1


def confusion(answers: Mapping[tuple[int, bool], int]) -> Confusion:
    """The table of how often each pair of gold label (0 or 1) and "was called positive" occurred."""
    return Confusion(
        true_negative=answers.get((0, False), 0),
        false_positive=answers.get((0, True), 0),
        false_negative=answers.get((1, False), 0),
        true_positive=answers.get((1, True), 0),
    )


def measure(scores: ArrayLike, gold: ArrayLike, *, threshold: float) -> Metrics:
    """Compares scores with gold labels.

    Args:
        scores: P(positive), float [n] in [0, 1].
        gold: Labels, int [n], 0 or 1.
        threshold: A score at or above it counts as positive.
    """
    from sklearn.metrics import log_loss, roc_auc_score

    scores = np.asarray(scores, np.float64)
    gold = np.asarray(gold, np.int64)
    if not len(gold):
        return Metrics(confusion=Confusion(), log_loss=float("nan"), roc_auc=float("nan"))
    both = len(np.unique(gold)) == 2
    return Metrics(
        confusion=confusion(Counter(zip(gold.tolist(), (scores >= threshold).tolist(), strict=True))),
        log_loss=float(log_loss(gold, np.clip(scores, _EPSILON, 1 - _EPSILON), labels=[0, 1])),
        roc_auc=float(roc_auc_score(gold, scores)) if both else float("nan"),
    )
