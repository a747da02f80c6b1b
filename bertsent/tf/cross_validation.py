"""Judges a training by cross-validation, where rows are too few to hold some out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.core import Progress, silent
from bertsent.data.splits import fold_numbers
from bertsent.tf.batches import training_batches
from bertsent.tf.callbacks import Watch
from bertsent.tf.examples import encode_run
from bertsent.tf.fit import begin_with, by_epoch, compiled, count_steps, predict_logits
from bertsent.tf.training_run import TrainingRun
from bertsent.versions.manifest import Version


def cross_validate(
    run: TrainingRun, begun_with: Version, *, progress: Progress, stop: Callable[[], bool]
) -> NDArray[np.float32]:
    """The logits of all training rows, float32 [rows], not calibrated: each by a classifier that was trained
    like that of the run, but on the rows of the other folds.

    The classifiers are trained on fewer rows than the one that is published, so on average they are a
    little worse than it (Kohavi 1995, "A Study of Cross-Validation and Bootstrap").

    Args:
        run: A run with folds.
        begun_with: The version of its warm start, with which each classifier begins.
        progress: Told of every batch.
        stop: Asked after every batch; if it returns True, the run ends.

    Raises:
        Interrupted: after `stop`. The training itself has its checkpoint, so a resumed run only repeats this.
        TrainingError: if a loss is not a number.
    """
    numbers = np.array(fold_numbers(run.rows["train"], run.settings))
    logits = np.empty(len(numbers), np.float32)
    folds = [_Fold(run, numbers, fold) for fold in range(run.settings.folds)]
    # One classifier for all folds, as tracing it takes longer than a fold; so the longest decides the decay.
    steps = max(count_steps(fold.examples, run.settings) for fold in folds)
    classifier = compiled(run.encoder, run.settings, steps=steps)
    for fold in folds:
        begin_with(begun_with, classifier, run.encoder)
        _forget(classifier.optimizer)
        title = f"Fold {fold.number + 1}/{len(folds)}"
        fold.train(classifier, title, progress, stop)
        logits[fold.held_out] = predict_logits(classifier, fold.validation)
    return logits


class _Fold:
    """The rows of one fold, and those that train its classifier."""

    def __init__(self, run: TrainingRun, numbers: NDArray[np.int64], number: int) -> None:
        rows = run.rows["train"]
        self.number, self.held_out = number, np.flatnonzero(numbers == number)
        others = tuple(rows[row] for row in np.flatnonzero(numbers != number))
        splits = replace(run.splits, train=others, validation=tuple(rows[row] for row in self.held_out))
        part = replace(run, mix=replace(run.mix, splits=splits, old=others))
        encoded = encode_run(part, None, silent)
        self.validation, self.examples = encoded["validation"], by_epoch(part, encoded["examples"])
        self._settings = run.settings

    def train(self, classifier: Any, title: str, progress: Progress, stop: Callable[[], bool]) -> None:
        """Trains all epochs of this fold."""
        settings = self._settings
        progress.start(title, settings.epochs, "epochs")
        for epoch, split in enumerate(self.examples, start=1):
            batches = training_batches(split, batch_size=settings.batch_size, seed=settings.seed, epoch=epoch)
            with Watch(silent, stop, rows=len(batches), batch_size=1) as watch:
                classifier.fit(batches, verbose=0, callbacks=[watch])
            progress.advance(epoch)
        progress.finish()


def _forget(optimizer: Any) -> None:
    """Sets the steps and moments of an optimizer to 0."""
    variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    for variable in variables:
        variable.assign(np.zeros(variable.shape, variable.dtype.as_numpy_dtype))
