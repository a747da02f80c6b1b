"""Trains a classifier to the weights of its best epoch, with checkpoints to resume from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.display import counted, visible
from bertsent.base.errors import UsageError
from bertsent.base.files import require_space
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.metrics import Metrics
from bertsent.base.records.training import Epoch
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings
from bertsent.base.version_names import capital
from bertsent.scoring.calibration import calibrate, sigmoid
from bertsent.scoring.metrics import measure
from bertsent.tf import optimizer as optimizers
from bertsent.tf import tf, tf_keras
from bertsent.tf.batches import Encoded, scoring_batches, sentence_ends, training_batches, with_crops
from bertsent.tf.callbacks import Watch, diverged
from bertsent.tf.checkpoints import Checkpoints, PartialEpoch, RunState
from bertsent.tf.classifier import assign, build, parameters, weights
from bertsent.tf.encoder import Encoder
from bertsent.tf.litert import to_litert
from bertsent.tf.training_run import TrainingRun
from bertsent.versions.manifest import WEIGHTS, Version

_BYTES = 4 * 4 * 2  # per parameter: float32, two moments and the best epoch's copy, in two checkpoints
_BATCH = 32  # rows when scoring: as fast as any other size, and little padding


@dataclass(frozen=True, slots=True)
class Fit:
    """A classifier that holds the weights of its best epoch."""

    classifier: Any
    epochs: tuple[Epoch, ...]
    best_epoch: int  # from 1; the one with the lowest validation loss


def fit(
    run: TrainingRun,
    encoded: Mapping[str, Encoded],
    folder: Path,
    *,
    resume: bool,
    progress: Progress,
    stop: Callable[[], bool],
) -> Fit:
    """Trains a classifier.

    A retrain with a warm start takes its last epoch. Its validation rows are old ones; they would choose the
    epoch that learnt least from the new rows. A run with folds has no validation rows, and takes its last.

    Args:
        encoded: "examples" to train on and the "validation" split.
        folder: The folder of checkpoints.
        resume: Resume from the newest intact checkpoint.
        progress: Told of every batch.
        stop: Asked after every batch; if it returns True, a checkpoint is written and the run ends.

    Raises:
        TrainingError, Interrupted, StorageError: as `training.train`.
    """
    settings = run.settings
    examples = by_epoch(run, encoded["examples"])
    classifier = compiled(run.encoder, settings, steps=count_steps(examples, settings))
    if run.warm_start is not None:
        begin_with(run.warm_start, classifier, run.encoder)
    if not run.encoder.rebuilt:
        to_litert(classifier)  # refuses an encoder that cannot be converted now, not after training
    require_space(folder.parent, _BYTES * parameters(classifier.variables))
    checkpoints = Checkpoints(
        folder, fingerprint=run.fingerprint, classifier=classifier, optimizer=classifier.optimizer
    )
    state = checkpoints.start(progress, resume=resume)
    trainer = _Trainer(classifier, settings, encoded["validation"], checkpoints, progress, stop)
    for number in range(len(state.epochs) + 1, settings.epochs + 1):
        if _is_over(state, settings) and not run.takes_last_epoch:
            progress.tell(
                f"Stopped after {counted(len(state.epochs), 'epoch')}: "
                f"{settings.patience} without a lower validation loss"
            )
            break
        epoch = trainer.epoch(examples[number - 1], state)
        epochs, best_epoch, best = (*state.epochs, epoch), state.best_epoch, state.best
        if (
            run.takes_last_epoch
            or not best_epoch
            or epoch.validation_loss < epochs[best_epoch - 1].validation_loss
        ):
            best_epoch, best = number, weights(classifier)
        state = RunState(epochs=epochs, best_epoch=best_epoch, best=best)
        checkpoints.save(state)
        progress.tell(_line(epoch, of=settings.epochs))
    assign(classifier, state.best)
    return Fit(classifier=classifier, epochs=state.epochs, best_epoch=state.best_epoch)


def by_epoch(run: TrainingRun, examples: Encoded) -> list[Encoded]:
    """The examples of each epoch: those of the run, and crops that the epoch draws."""
    settings, ends = run.settings, sentence_ends(run.encoder.tokenizer)
    return [
        with_crops(examples, settings.crops, ends=ends, seed=settings.seed, epoch=epoch)
        for epoch in range(1, settings.epochs + 1)
    ]


def count_steps(examples: Sequence[Encoded], settings: TrainSettings) -> int:
    """The steps of all epochs."""
    return sum(math.ceil(len(split) / settings.batch_size) for split in examples)


def _line(epoch: Epoch, *, of: int) -> str:
    """What is said of an epoch; a run with folds has no validation rows."""
    validation = f"validation loss {epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}, "
    return (
        f"Epoch {epoch.epoch}/{of}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}, "
        f"{'' if math.isnan(epoch.validation_loss) else validation}{epoch.examples_per_second:.1f} examples/s"
    )


def _is_over(state: RunState, settings: TrainSettings) -> bool:
    """Whether the last epochs, as many as the patience, have not lowered the validation loss."""
    return bool(settings.patience) and len(state.epochs) - state.best_epoch >= settings.patience


def compiled(encoder: Encoder, settings: TrainSettings, *, steps: int) -> Any:
    """The classifier with loss and optimizer, ready for a run of `steps` batches."""
    tf_keras.utils.set_random_seed(settings.seed)
    classifier = build(encoder, dropout=settings.dropout, seed=settings.seed)
    classifier.compile(
        optimizers.create(settings, steps=steps),
        tf_keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[tf_keras.metrics.MeanMetricWrapper(_is_correct, name="accuracy")],
    )
    return classifier


def interpolate_weights(classifier: Any, version: Version, *, alpha: float) -> None:
    """Sets the weights to (1 - alpha) * a version's + alpha * the classifier's own, with alpha 0 to 1."""
    first, last = _weights_of(version), weights(classifier)
    assign(classifier, {name: (1 - alpha) * first[name] + alpha * last[name] for name in last})


def _weights_of(version: Version) -> dict[str, NDArray[np.float32]]:
    """The weights in a version's file as float32."""
    from safetensors.numpy import load_file

    return {name: array.astype(np.float32) for name, array in load_file(version.file(WEIGHTS)).items()}


def begin_with(version: Version, classifier: Any, encoder: Encoder) -> None:
    """Gives a classifier the weights of a version.

    Raises:
        UsageError: if the version was trained on another encoder.
        ArtefactError: if it carries no weights, or they are damaged.
    """
    if version.manifest.encoder["digest"] != encoder.digest:
        raise UsageError(
            f"{capital(version.name)} was trained on another encoder.",
            received=visible(str(version.manifest.encoder["name"])),
            hint="name a version of the same --encoder",
        )
    assign(classifier, _weights_of(version))


def _is_correct(targets: Any, logits: Any) -> Any:
    """float32 [batch, 1]: 1 if logit and target give the same label; pseudo-labels are not just 0 or 1."""
    return tf.cast(tf.equal(targets >= DEFAULT_THRESHOLD, logits >= 0), tf.float32)


@dataclass(frozen=True, slots=True)
class _Trainer:
    """Trains a classifier epoch by epoch."""

    classifier: Any
    settings: TrainSettings
    validation: Encoded
    checkpoints: Checkpoints
    progress: Progress
    stop: Callable[[], bool]

    def epoch(self, split: Encoded, state: RunState) -> Epoch:
        """Trains one epoch, or the rest of it after `state`, and measures it on the validation split."""
        number, before, started = len(state.epochs) + 1, state.partial, time.monotonic()
        title = f"{number}/{self.settings.epochs}"
        self.progress.start(f"Epoch {title}", len(split), "examples")

        def so_far(steps: int, metrics: Mapping[str, float]) -> PartialEpoch:
            """The epoch so far; Keras' metrics are means over the steps of this process."""
            done = before.step + steps
            share = steps / done if done else 0.0
            return PartialEpoch(
                step=done,
                loss=share * metrics["loss"] + (1 - share) * before.loss,
                accuracy=share * metrics["accuracy"] + (1 - share) * before.accuracy,
                seconds=before.seconds + time.monotonic() - started,
            )

        batch_size = self.settings.batch_size
        watch = Watch(
            self.progress,
            self.stop,
            rows=len(split),
            batch_size=batch_size,
            first=before.step,
            save=lambda steps, metrics: self.checkpoints.save(replace(state, partial=so_far(steps, metrics))),
        )
        with watch:
            batches = training_batches(
                split, batch_size=batch_size, seed=self.settings.seed, epoch=number, skip=before.step
            )
            history = self.classifier.fit(batches, verbose=0, callbacks=[watch]).history
        total = so_far(len(batches), {name: values[0] for name, values in history.items()})
        self.progress.finish()
        loss, accuracy = self._validate(f"Validation {title}")
        return Epoch(
            epoch=number,
            loss=total.loss,
            accuracy=total.accuracy,
            validation_loss=loss,
            validation_accuracy=accuracy,
            seconds=total.seconds,
            examples_per_second=len(split) / total.seconds,
        )

    def _validate(self, title: str) -> tuple[float, float]:
        """Log loss and accuracy on the validation rows; NaN without any."""
        if not len(self.validation):
            return math.nan, math.nan
        measured = evaluate(self.classifier, self.validation, what=title, progress=self.progress)
        return measured.log_loss, measured.confusion.accuracy


def predict_logits(
    classifier: Any, split: Encoded, *, what: str = "Scoring", progress: Progress = silent
) -> Any:
    """The logits of a split, float32 [rows], in the split's order; `progress` shows `what`."""
    logits = np.empty(len(split), np.float32)
    if len(split):
        batches, order = scoring_batches(split, batch_size=_BATCH)
        progress.start(what, len(split), "reviews")
        with Watch(progress, lambda: False, rows=len(split), batch_size=_BATCH) as watch:
            logits[order] = classifier.predict(batches, verbose=0, callbacks=[watch])[:, 0]
        progress.finish()
    return logits


def evaluate(
    classifier: Any, split: Encoded, *, what: str = "Scoring", progress: Progress = silent
) -> Metrics:
    """The metrics of the Keras classifier on a split, calibrated as it would be published.

    Late epochs are overconfident: without calibration an earlier, less accurate one would have a lower loss.

    Raises:
        TrainingError: if a score is not a number.
    """
    logits = predict_logits(classifier, split, what=what, progress=progress)
    scores = sigmoid(logits)
    if np.isnan(scores).any():  # the last step of an epoch diverged, and no loss came after it
        raise diverged(f"{np.isnan(scores).sum()} of {len(scores)} scores are not a number")
    corrected = calibrate(scores, split.labels, tokens=split.lengths).apply(logits, split.lengths)
    return measure(corrected, split.labels, threshold=DEFAULT_THRESHOLD)
