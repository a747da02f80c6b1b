"""Which labels are likely wrong, by scores of models that were not trained on them.

A version that was trained on a row has learnt its label, right or wrong, so its score says too little about
that label. The reference of a version tells which texts it was trained on. If those are most of the rows, a
bag of bigrams judges all of them: it is fitted five times, each time without the fifth that it scores.
Vectors of the version's encoder would not do, because the encoder, too, was trained on these labels.

Measured on IMDB test reviews of which 5 % were given the other label:

    judge                     likely wrong     are wrong     of all wrong     wrong of the 20 clearest
    model/1, 1,000 rows                 55            75 %          87 %                        17
    bigrams, 2,000 rows                103            53 %          57 %                        17
    bigrams, 8,000 rows                363            67 %          61 %                        18
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.checking import Judge, WrongLabels
from bertsent.base.records.core import Progress, Review
from bertsent.base.settings.checking import CheckSettings
from bertsent.base.settings.training import BigramSettings
from bertsent.base.text import clean
from bertsent.labelling.checking.confident import find_errors
from bertsent.labelling.checking.rows import example
from bertsent.scoring.bigrams import out_of_fold_logits
from bertsent.scoring.calibration import sigmoid
from bertsent.scoring.scorer import Scorer
from bertsent.versions import trained_texts

_BANDS = 20  # of the plot of confidence


def judge(
    sample: Sequence[Review],
    *,
    scorer: Scorer,
    trained: NDArray[np.uint64],
    every: bool,
    settings: CheckSettings,
    progress: Progress,
) -> WrongLabels | None:
    """Judges the labels of some rows.

    Args:
        sample: Labelled rows in random order. The version scores the first `settings.sample` of them, the
            bigrams all.
        scorer: The version that scores, unless it was trained on these rows.
        trained: Keys of the texts that it was trained on.
        every: Let the version score all rows of `sample`.

    Returns:
        None if too few rows of both labels are left to judge.
    """
    distinct = {trained_texts.key(clean(review.text)): review for review in sample}
    seen = np.isin(np.fromiter(distinct, np.uint64), trained)
    reviews = list(distinct.values())
    first = len(reviews) if every else min(settings.sample, len(reviews))
    if first and seen[:first].mean() >= settings.trained:
        chosen: list[Review] = [replace(review, text=clean(review.text)) for review in reviews]
        kind: Judge = "out of fold"
        left_out = 0
    else:
        chosen = [review for review, was in zip(reviews[:first], seen, strict=False) if not was]
        kind = "version"
        left_out = first - len(chosen)
    labels = np.array([review.label for review in chosen], np.int64)
    if len(chosen) < settings.least_labelled or np.bincount(labels, minlength=2).min() < settings.folds:
        return None
    scores = (
        _scored(chosen, scorer, progress) if kind == "version" else _out_of_fold(chosen, settings, progress)
    )
    return _judged(chosen, scores, labels, kind=kind, left_out=left_out, settings=settings)


def _judged(
    reviews: Sequence[Review],
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    *,
    kind: Judge,
    left_out: int,
    settings: CheckSettings,
) -> WrongLabels:
    errors = find_errors(scores, labels)
    confidence = np.where(labels == 1, scores, 1 - scores)
    return WrongLabels(
        judge=kind,
        judged=len(reviews),
        left_out=left_out,
        agreement=float(((scores >= 0.5) == labels).mean()),
        likely=len(errors.rows),
        share=errors.share,
        confidence=tuple(np.histogram(confidence, _BANDS, (0, 1))[0].tolist()),
        examples=tuple(
            replace(example(reviews[row]), score=float(scores[row]))
            for row in errors.rows[: settings.examples].tolist()
        ),
    )


def _scored(reviews: Sequence[Review], scorer: Scorer, progress: Progress) -> NDArray[np.float64]:
    texts = [review.text for review in reviews]
    return scorer.scores(texts, what="Scoring labelled rows", progress=progress).astype(np.float64)


def _out_of_fold(
    reviews: Sequence[Review], settings: CheckSettings, progress: Progress
) -> NDArray[np.float64]:
    progress.start("Fitting bigrams out of fold", None)
    logits = out_of_fold_logits(reviews, folds=settings.folds, seed=settings.seed, settings=BigramSettings())
    progress.finish()
    return np.asarray(sigmoid(logits), np.float64)
