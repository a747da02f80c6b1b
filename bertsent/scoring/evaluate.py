"""Measures how well a version predicts labelled reviews, and lists its worst errors."""

from __future__ import annotations

import heapq
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bertsent.base.errors import UsageError
from bertsent.base.records.core import Prediction, Progress, silent
from bertsent.base.records.metrics import Evaluation
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.goals import Goal
from bertsent.base.settings.training import TrainSettings
from bertsent.data.notes import no_labels, one_class, survey_notes
from bertsent.data.reviews import open_reviews, usable
from bertsent.data.source import Source
from bertsent.scoring.choose_threshold import choose_threshold, require_both_labels, threshold_notes
from bertsent.scoring.metrics import by_length, by_score, measure, roc
from bertsent.scoring.scorer import REPORT_EVERY, Scorer

_SETTINGS, _SEED = EvaluateSettings(), TrainSettings().seed


class _Rows:
    """The numbers of every prediction, 18 bytes each."""

    def __init__(self) -> None:
        self.scores, self.gold, self.lengths, self.unsure = array("d"), array("b"), array("q"), array("b")
        self.truncated = 0

    def add(self, prediction: Prediction) -> None:
        self.scores.append(prediction.score)
        self.gold.append(prediction.gold or 0)
        self.lengths.append(prediction.tokens)
        self.unsure.append(prediction.label == "unsure")
        self.truncated += prediction.truncated


def evaluate(
    source: Path | Source,
    *,
    scorer: Scorer,
    num_files: int | None = None,
    seed: int = _SEED,
    errors: int = _SETTINGS.errors,
    curve: bool = True,
    goal: Goal | None = None,
    progress: Progress = silent,
    settings: EvaluateSettings = _SETTINGS,
) -> Evaluation:
    """Scores the labelled reviews of a source, or a random sample, and compares predictions with gold labels.

    Memory holds 18 bytes of each review, and the predictions of the worst errors.

    Args:
        source: Folders and tables, as for `reviews.open_reviews`.
        scorer: The version to measure.
        num_files: Draw this many files of each class.
        seed: Of the draw, and of the bootstrap that gives the intervals.
        errors: How many of the most confident wrong predictions to return.
        curve: Whether to compute the ROC curve, which loads scikit-learn.
        goal: Also choose the threshold that serves it. The evaluation stays that of the scorer's threshold.
        progress: Receives the number of reviews done.
        settings: Bins, bands, resamples.

    Raises:
        UsageError: if `errors` or `num_files` is too small, or the suffix of a table is unknown.
        DataError: if a review cannot be used, or none has a label; with a goal, if not both labels occur.
    """
    if errors < 0:
        raise UsageError("The number of errors to show must be at least 0.", received=errors)
    reviews = open_reviews(source, num_files=num_files, seed=seed)
    survey = reviews.survey(progress)  # refuses bad rows and labels that nothing explains before the work
    if not survey.labels.positive + survey.labels.negative or survey.empty == survey.rows:
        raise no_labels(source, survey)
    for note in [*survey_notes(survey), *one_class(survey)]:
        progress.note(note)
    if goal is not None:
        require_both_labels(survey.labels.positive, survey.labels.negative)
    rows, left_out = _Rows(), Counter[str]()

    def wrong() -> Iterator[Prediction]:
        for prediction in scorer.predict_reviews(usable(reviews, left_out, labelled=True)):
            rows.add(prediction)
            if len(rows.scores) % REPORT_EVERY == 0:
                progress.advance(len(rows.scores) + left_out.total())
            if (prediction.score >= scorer.threshold) != prediction.gold:
                yield prediction

    start = time.monotonic()
    progress.start("Scoring", survey.rows, "reviews")
    # At least 1, because `nlargest` of 0 would read nothing.
    worst = heapq.nlargest(max(errors, 1), wrong(), key=lambda error: abs((error.gold or 0) - error.score))
    progress.finish()
    seconds = time.monotonic() - start
    if not rows.scores:
        raise no_labels(source, survey)
    progress.start("Computing intervals", None)
    scores, gold = np.array(rows.scores), np.array(rows.gold, np.int64)
    correct = (scores >= scorer.threshold) == gold
    sure = np.array(rows.unsure) == 0
    evaluation = Evaluation(
        version=scorer.version,
        threshold=scorer.threshold,
        metrics=measure(
            scores, gold, threshold=scorer.threshold, intervals=True, seed=seed, settings=settings
        ),
        by_length=by_length(correct, rows.lengths, limits=settings.length_bands),
        by_score=by_score(scores, gold, bands=settings.score_bands),
        roc=roc(scores, gold) if curve else (),
        unsure=int((~sure).sum()),
        accuracy_of_the_others=float(correct[sure].mean()) if sure.any() else float("nan"),
        truncated=rows.truncated,
        empty=left_out["empty"],
        unlabelled=left_out["unlabelled"],
        wrong=tuple(worst[:errors]),
        seconds=seconds,
    )
    if goal is not None:
        chosen = choose_threshold(
            scores, gold, goal=goal, current=scorer.threshold, seed=seed, settings=settings
        )
        evaluation = replace(evaluation, chosen=chosen)
        for note in threshold_notes(chosen):
            progress.note(note)
    progress.finish()
    return evaluation
