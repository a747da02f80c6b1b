"""The rows of a training run as the classifier sees them, and what each teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Progress, Review
from bertsent.scoring.scorer import Scorer
from bertsent.tf.batches import Encoded, encode, join
from bertsent.tf.training_run import TrainingRun


def encode_run(run: TrainingRun, cache: Path | None, progress: Progress) -> dict[str, Encoded]:
    """The rows of the run by split, as they are scored; and "examples", the rows to train on, which are cut
    shorter and include the pseudo-labelled ones, balanced as the settings say."""

    def encode_rows(reviews: Sequence[Review], seq_length: int, **more: Any) -> Encoded:
        return encode(
            reviews,
            run.encoder.tokenizer,
            seq_length=seq_length,
            kind=run.settings.window,
            cache=cache,
            **more,
        )

    rows = run.rows
    encoded = {name: encode_rows(reviews, run.settings.seq_length) for name, reviews in rows.items()}
    shorter = min(run.settings.train_length, run.settings.seq_length)
    balanced, targets = run.balanced, _targets(run, progress)
    chosen = [rows["train"][row] for row in balanced.rows]
    examples = encode_rows(
        chosen,
        shorter,
        targets=None if targets is None else targets[balanced.rows],
        weights=balanced.weights,
    )
    if run.pseudo_labels is not None:  # each with weight 1
        extra = encode_rows(run.pseudo_labels.reviews, shorter, targets=run.pseudo_labels.targets)
        examples = join(examples, extra)
    return encoded | {"examples": examples}


def _targets(run: TrainingRun, progress: Progress) -> NDArray[np.float32] | None:
    """What the labelled rows teach, float32 [old and new rows]; None: their labels.

    In a retrain with a warm start old rows teach the scores of the version it begins with, so that learning
    the new rows changes them least (Li and Hoiem 2016, "Learning without Forgetting"). Where pseudo-labels
    came with scores for training rows, these teach a mean of label and score (Hinton et al. 2015, "Distilling
    the Knowledge in a Neural Network").
    """
    mix = run.mix
    if run.pseudo_labels is not None and run.pseudo_labels.of_training:
        return _softened(run.rows["train"], run.pseudo_labels.of_training, run.settings.teacher_share)
    if run.warm_start is None or not run.continues or not mix.old:
        return None
    texts = [review.text for review in mix.old]
    scores = Scorer(run.warm_start).scores(texts, what="Scoring old reviews", progress=progress)
    return np.concatenate([scores, np.array([review.label for review in mix.new], np.float32)])


def _softened(rows: Sequence[Review], scores: Mapping[str, float], share: float) -> NDArray[np.float32]:
    """The labels, and of rows with a score `share` of it and the rest of the label."""
    targets = np.array([review.label for review in rows], np.float32)
    for row, review in enumerate(rows):
        score = scores.get(sha256_text(review.text))
        if score is not None:
            targets[row] += share * (score - targets[row])
    return targets
