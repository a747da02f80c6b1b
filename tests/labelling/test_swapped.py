"""When labels contradict the model so often that they are probably swapped."""

from __future__ import annotations

import numpy as np
import pytest

from bertsent.labelling.swapped import Contradiction, find_contradiction


@pytest.mark.parametrize(
    ("labels", "opposite", "told"),
    [(20, 18, True), (20, 17, False), (200, 123, True), (200, 122, False), (19, 19, False), (298, 263, True)],
)
def test_contradiction_is_told_from_a_model_that_guesses(labels: int, opposite: int, told: bool) -> None:
    scores = [0.9] * opposite + [0.1] * (labels - opposite)
    found = find_contradiction([0] * labels, scores)
    assert (found == Contradiction(labels, opposite)) if told else found is None


@pytest.mark.parametrize("accuracy", [0.5, 0.6, 0.9])
def test_a_weak_model_seldom_raises_the_question(accuracy: float) -> None:
    random = np.random.default_rng(1)
    told = 0
    for _ in range(2000):
        labels = random.integers(0, 2, 100)
        right = random.random(100) < accuracy
        scores = np.where(right, labels, 1 - labels) * 0.8 + 0.1
        told += find_contradiction(labels.tolist(), scores.tolist()) is not None
    assert told <= 8  # of 2,000: 2 are expected at an accuracy of one half, none above
