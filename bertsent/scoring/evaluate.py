"""A version and labelled reviews -> how good its answers are, and which are the worst."""

from __future__ import annotations

import heapq
import time
from array import array
from collections import Counter
from pathlib import Path

import numpy as np

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Prediction, Progress, silent
from bertsent.base.records.metrics import Evaluation
from bertsent.base.settings.evaluation import EvaluateSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.data.reviews import count_reviews, read_reviews, usable
from bertsent.scoring.metrics import by_length, by_score, measure, roc
from bertsent.scoring.scorer import REPORT_EVERY, Scorer

_SETTINGS, _SEED = EvaluateSettings(), TrainSettings().seed


class _Tally:
    """What is kept of the predictions that pass: numbers, and the `errors` worst of the wrong ones."""

    def __init__(self, threshold: float, errors: int) -> None:
        self.threshold, self.errors = threshold, errors
        self.scores, self.gold, self.lengths, self.unsure = array("d"), array("b"), array("q"), array("b")
        self.truncated = 0
        self._worst: list[tuple[float, int, Prediction]] = []  # a heap, the least bad first

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, prediction: Prediction) -> None:
        """Counts a prediction of a review with a gold label."""
        gold = prediction.gold or 0
        if (prediction.score >= self.threshold) != gold:
            # Among equals the first stays; the number also keeps predictions from being compared.
            heapq.heappush(self._worst, (abs(gold - prediction.score), -len(self), prediction))
            if len(self._worst) > self.errors:
                heapq.heappop(self._worst)
        self.scores.append(prediction.score)
        self.gold.append(gold)
        self.lengths.append(prediction.tokens)
        self.unsure.append(prediction.label == "unsure")
        self.truncated += prediction.truncated

    def wrong(self) -> tuple[Prediction, ...]:
        """The wrong predictions that are furthest from their gold label, worst first."""
        return tuple(prediction for _, _, prediction in sorted(self._worst, reverse=True))


def evaluate(
    path: Path,
    *,
    scorer: Scorer,
    num_files: int | None = None,
    seed: int = _SEED,
    errors: int = _SETTINGS.errors,
    progress: Progress = silent,
    settings: EvaluateSettings = _SETTINGS,
) -> Evaluation:
    """Scores the labelled reviews at `path`, or some drawn at random, and compares answers with labels.

    Of a review only its numbers are kept (18 bytes), and of the worst errors their predictions.

    Args:
        path: A folder or table, as `reviews.read_reviews` takes it.
        scorer: The version to measure.
        num_files: Draw this many files of each class.
        seed: Of that draw, and of the bootstrap behind the intervals.
        errors: How many of the most confidently wrong predictions to keep.
        progress: Told how many are done.
        settings: Bins, bands, resamples.

    Raises:
        UsageError: if `errors` or `num_files` is too small, or the suffix of a table unknown.
        DataError: if the reviews cannot be used, or none has a label.
    """
    if errors < 0:
        raise UsageError("The number of errors to show must be at least 0.", received=errors)
    reviews = read_reviews(path, num_files=num_files, seed=seed)
    tally, left_out = _Tally(scorer.threshold, errors), Counter[str]()
    begun = time.monotonic()
    progress.start("Scoring", count_reviews(path, num_files=num_files), "reviews")
    for prediction in scorer.predict_reviews(usable(reviews, left_out, labelled=True)):
        tally.add(prediction)
        if len(tally) % REPORT_EVERY == 0:
            progress.advance(len(tally) + left_out.total())
    progress.finish()
    seconds = time.monotonic() - begun
    if not tally.scores:
        raise DataError(
            f"{visible(str(path))} holds no labelled review with something to read.",
            received=f"{left_out['unlabelled']} without a label, {left_out['empty']} empty",
            hint="name a folder with pos and neg or a table with a column label; bertsent batch needs none",
        )
    progress.start("Computing intervals", None)
    evaluation = _measured(tally, left_out, version=scorer.version, seconds=seconds, seed=seed, to=settings)
    progress.finish()
    return evaluation


def _measured(
    tally: _Tally, left_out: Counter[str], *, version: str, seconds: float, seed: int, to: EvaluateSettings
) -> Evaluation:
    scores, gold = np.array(tally.scores), np.array(tally.gold, np.int64)
    right = (scores >= tally.threshold) == gold
    sure = np.array(tally.unsure) == 0
    return Evaluation(
        version=version,
        threshold=tally.threshold,
        metrics=measure(scores, gold, threshold=tally.threshold, intervals=True, seed=seed, settings=to),
        by_length=by_length(right, tally.lengths, limits=to.length_bands),
        by_score=by_score(scores, gold, bands=to.score_bands),
        roc=roc(scores, gold),
        unsure=int((~sure).sum()),
        accuracy_of_the_others=float(right[sure].mean()) if sure.any() else float("nan"),
        truncated=tally.truncated,
        empty=left_out["empty"],
        unlabelled=left_out["unlabelled"],
        wrong=tally.wrong(),
        seconds=seconds,
    )
