"""Batches -> the weights of the best epoch, with checkpoints to go on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import require_space
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.metrics import Metrics
from bertsent.base.records.training import Epoch
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings
from bertsent.scoring.calibration import calibrate, sigmoid
from bertsent.scoring.metrics import measure
from bertsent.tf import optimizer as optimizers
from bertsent.tf import tf, tf_keras
from bertsent.tf.batches import Encoded, scoring_batches, sentence_ends, training_batches, with_crops
from bertsent.tf.callbacks import Watch, diverged
from bertsent.tf.checkpoints import Begun, Checkpoints, Resumed, clear, unfinished
from bertsent.tf.classifier import assign, build, parameters, weights
from bertsent.tf.encoder import Encoder
from bertsent.tf.litert import to_litert
from bertsent.versions.manifest import WEIGHTS, Version

_BYTES = 4 * 4 * 2  # a parameter: float32, with two moments and the best epoch's copy, in two checkpoints
_SCORED = 32  # rows a batch where nothing is learnt: as fast as any, and little padding


@dataclass(frozen=True, slots=True)
class Fit:
    """A classifier that holds the weights of its best epoch."""

    classifier: Any
    epochs: tuple[Epoch, ...]
    best_epoch: int  # from 1, the lowest validation loss


def fit(
    encoder: Encoder,
    encoded: dict[str, Encoded],
    settings: TrainSettings,
    checkpoints: Path,
    *,
    fingerprint: str,
    warm_start: Version | None,
    resume: bool,
    progress: Progress,
    stop: Callable[[], bool],
    keep_last: bool = False,
) -> Fit:
    """Trains a classifier.

    Args:
        encoder: A loaded encoder; its layer is trained.
        encoded: "examples" to train on and the "validation" split.
        settings: The run.
        checkpoints: The folder of checkpoints.
        fingerprint: As `Checkpoints` wants it.
        warm_start: A version whose weights the classifier begins with.
        resume: Go on from the newest whole checkpoint.
        progress: Told of every batch.
        stop: Asked after every batch; when it says True a checkpoint is written and the run ends.
        keep_last: Take the last epoch, not the one with the lowest validation loss.

    Raises:
        TrainingError, Interrupted, StorageError: as `training.train`.
    """
    ends = sentence_ends(encoder.tokenizer)
    examples = [
        with_crops(encoded["examples"], settings.crops, ends=ends, seed=settings.seed, epoch=epoch)
        for epoch in range(1, settings.epochs + 1)
    ]
    steps = sum(math.ceil(len(split) / settings.batch_size) for split in examples)
    classifier = compiled(encoder, settings, steps=steps)
    if warm_start is not None:
        _begin_with(warm_start, classifier, encoder)
    if not encoder.rebuilt:
        to_litert(classifier)  # an encoder that cannot be converted is refused now, not after the training
    require_space(checkpoints.parent, _BYTES * parameters(classifier.variables))
    kept = Checkpoints(
        checkpoints,
        fingerprint=fingerprint,
        classifier=classifier,
        optimizer=classifier.optimizer,
    )
    at = _beginning(kept, checkpoints, resume=resume, progress=progress)
    for number in range(len(at.epochs) + 1, settings.epochs + 1):
        epoch = _epoch(
            classifier, examples[number - 1], encoded["validation"], settings, at, kept, progress, stop
        )
        epochs, best_epoch, best = (*at.epochs, epoch), at.best_epoch, at.best
        if keep_last or not best_epoch or epoch.validation_loss < epochs[best_epoch - 1].validation_loss:
            best_epoch, best = number, weights(classifier)
        at = Resumed(epochs=epochs, best_epoch=best_epoch, best=best)
        kept.save(at)
        progress.tell(
            f"Epoch {number}/{settings.epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}, "
            f"validation loss {epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}, "
            f"{epoch.examples_per_second:.1f} examples/s"
        )
    assign(classifier, at.best)
    return Fit(classifier=classifier, epochs=at.epochs, best_epoch=at.best_epoch)


def compiled(encoder: Encoder, settings: TrainSettings, *, steps: int) -> Any:
    """The classifier with loss and optimizer, ready for a run of `steps` batches."""
    tf_keras.utils.set_random_seed(settings.seed)
    classifier = build(encoder, dropout=settings.dropout, seed=settings.seed)
    classifier.compile(
        optimizers.create(settings, steps=steps),
        tf_keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[tf_keras.metrics.MeanMetricWrapper(_right, name="accuracy")],
    )
    return classifier


def interpolate_weights(classifier: Any, version: Version, share: float) -> None:
    """Sets weights that lie so far (0 to 1) on the way from a version's to the classifier's own."""
    from safetensors.numpy import load_file

    first, last = load_file(version.file(WEIGHTS)), weights(classifier)
    assign(
        classifier,
        {name: (1 - share) * first[name].astype(np.float32) + share * last[name] for name in last},
    )


def _begin_with(version: Version, classifier: Any, encoder: Encoder) -> None:
    """Gives a classifier the weights of a version.

    Raises:
        UsageError: if the version was trained on another encoder.
        ArtefactError: if it carries no weights, or they are damaged.
    """
    from safetensors.numpy import load_file

    if version.manifest.encoder["digest"] != encoder.digest:
        raise UsageError(
            f"Version {version.name} was trained on another encoder.",
            received=visible(str(version.manifest.encoder["name"])),
            hint="name a version of the same --encoder",
        )
    arrays = load_file(version.file(WEIGHTS))
    assign(classifier, {name: array.astype(np.float32) for name, array in arrays.items()})


def _right(targets: Any, logits: Any) -> Any:
    """1 where a logit says what its target says, float32 [batch, 1]; a teacher's targets are not 0 or 1."""
    return tf.cast(tf.equal(targets >= DEFAULT_THRESHOLD, logits >= 0), tf.float32)


def _beginning(kept: Checkpoints, folder: Path, *, resume: bool, progress: Progress) -> Resumed:
    """Where to start from."""
    if resume:
        resumed = kept.resume(progress)
        if resumed:
            inside = f", batch {resumed.begun.step}" if resumed.begun.step else ""
            progress.tell(f"Going on after epoch {len(resumed.epochs)}{inside}")
            return resumed
        progress.note("No checkpoint of an earlier run is whole; starting from the beginning")
    elif unfinished(folder):
        progress.note("An unfinished run was left behind (--resume would have gone on); starting anew")
    clear(folder)
    return Resumed(epochs=(), best_epoch=0, best={})


def _epoch(
    classifier: Any,
    split: Encoded,
    validation: Encoded,
    settings: TrainSettings,
    at: Resumed,
    kept: Checkpoints,
    progress: Progress,
    stop: Callable[[], bool],
) -> Epoch:
    """Trains one epoch, or what `at` left of it, and measures it on the validation split."""
    number, start = len(at.epochs) + 1, time.monotonic()
    progress.start(f"Epoch {number}/{settings.epochs}", len(split), "examples")

    def begun(steps: int, figures: dict[str, float]) -> Begun:
        """The epoch so far; Keras' figures are means over the steps of this process."""
        done = at.begun.step + steps
        share = steps / done if done else 0.0
        return Begun(
            step=done,
            loss=share * figures["loss"] + (1 - share) * at.begun.loss,
            accuracy=share * figures["accuracy"] + (1 - share) * at.begun.accuracy,
            seconds=at.begun.seconds + time.monotonic() - start,
        )

    watch = Watch(
        progress,
        stop,
        seen=len(split),
        batch_size=settings.batch_size,
        first=at.begun.step,
        save=lambda steps, figures: kept.save(replace(at, begun=begun(steps, figures))),
    )
    with watch:
        batches = training_batches(
            split,
            batch_size=settings.batch_size,
            seed=settings.seed,
            epoch=number,
            skip=at.begun.step,
        )
        history = classifier.fit(batches, verbose=0, callbacks=[watch]).history
    whole = begun(len(batches), {name: values[0] for name, values in history.items()})
    progress.finish()
    measured = evaluate(
        classifier, validation, what=f"Validation {number}/{settings.epochs}", progress=progress
    )
    return Epoch(
        epoch=number,
        loss=whole.loss,
        accuracy=whole.accuracy,
        validation_loss=measured.log_loss,
        validation_accuracy=measured.confusion.accuracy,
        seconds=whole.seconds,
        examples_per_second=len(split) / whole.seconds,
    )


def predict_logits(
    classifier: Any, split: Encoded, *, what: str = "Scoring", progress: Progress = silent
) -> Any:
    """The logits of a split, float32 [rows], in its own order; `what` names the work to `progress`."""
    logits = np.empty(len(split), np.float32)
    if len(split):
        batches, order = scoring_batches(split, batch_size=_SCORED)
        progress.start(what, len(split), "reviews")
        watch = Watch(progress, lambda: False, seen=len(split), batch_size=_SCORED)
        with watch:
            logits[order] = classifier.predict(batches, verbose=0, callbacks=[watch])[:, 0]
        progress.finish()
    return logits


def evaluate(
    classifier: Any, split: Encoded, *, what: str = "Scoring", progress: Progress = silent
) -> Metrics:
    """The metrics of a split by the Keras classifier itself, calibrated as it would be published.

    Late epochs are surer of themselves: by the loss of their plain scores an earlier, less accurate one
    would look better.

    Raises:
        TrainingError: if a score is not a number.
    """
    logits = predict_logits(classifier, split, what=what, progress=progress)
    scores = sigmoid(logits)
    if np.isnan(scores).any():  # the last step of an epoch went wrong, and no loss came after it
        raise diverged(f"{np.isnan(scores).sum()} of {len(scores)} scores that are no number")
    return measure(calibrate(scores, split.labels).apply(logits), split.labels, threshold=DEFAULT_THRESHOLD)
