"""Reviews -> a trained classifier: epochs, the best of them, resume, and the way to a published version."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.files import lock, require_space, sha256_lines
from bertsent.metrics import measure
from bertsent.records import Epoch, Metrics, Progress, Splits, Trained, silent
from bertsent.reviews import load_splits
from bertsent.settings import ScoreSettings, TrainSettings, Workspace
from bertsent.tf import optimizer as optimizers
from bertsent.tf import release, tf, tf_keras
from bertsent.tf.batches import Encoded, encode, scoring_batches, training_batches
from bertsent.tf.checkpoint import Checkpoints, clear, unfinished
from bertsent.tf.classifier import assign, build, parameters, weights
from bertsent.tf.encoder import Encoder, load
from bertsent.tf.export import to_litert
from bertsent.tf.watch import Watch, diverged

_BYTES = 4 * 4 * 2  # a parameter: float32, with two moments and the best epoch's copy, in two checkpoints

_SCORED = 32  # rows a batch where nothing is learnt: as fast as any, and little padding
_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


@dataclass(frozen=True, slots=True)
class Fit:
    """A classifier that holds the weights of its best epoch."""

    classifier: Any
    epochs: tuple[Epoch, ...]
    best_epoch: int  # from 1, the lowest validation loss


def train(
    settings: TrainSettings,
    *,
    data: Path,
    workspace: Workspace,
    output: Path | None = None,
    keep_weights: bool = True,
    resume: bool = False,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains a classifier on a data set and publishes it as the next version.

    Args:
        settings: The run.
        data: A data set as `reviews.load_splits` reads it.
        workspace: Where lock and checkpoints are kept.
        output: The folder of versions; `model/` of the workspace by default.
        keep_weights: Put fp16 weights into the version; warm start and export need them, scoring not.
        resume: Go on from the last whole epoch of a run that was stopped.
        progress: Told of every batch.
        stop: Asked after every batch; when it says True the run ends with what is complete kept.

    Raises:
        DataError: if the reviews cannot be used.
        TrainingError: if the loss is not finite, or the checkpoint belongs to another run; nothing is
            published.
        Interrupted: after `stop`; `resume` goes on.
        BusyError: if another run trains in this workspace.
        StorageError: if there is no room.
        NetworkError, ArtefactError, UsageError: as `encoder.load`.
    """
    begun = time.monotonic()
    folder = output or workspace.model
    with lock(workspace.state / "train.lock", "train"):
        require_space(folder, 0)  # a folder that cannot be written is found before the work, not after
        splits = load_splits(data, settings, progress=progress)
        _note_data(splits, progress)
        encoder = load(
            settings.encoder,
            preprocessor=settings.preprocessor,
            seq_length=settings.seq_length,
            progress=progress,
        )
        encoded = {
            name: encode(getattr(splits, name), encoder.tokenizer, settings)
            for name in ("train", "validation", "test")
        }
        checkpoints = workspace.state / "training"
        with _bfloat16():
            fit = _fit(
                encoder, encoded, splits, settings, checkpoints, resume=resume, progress=progress, stop=stop
            )
        # Traced anew, in fp32: the LiteRT file is compared with the weights, not with their rounding.
        fit.classifier.make_predict_function(force=True)
        trained = release.publish(
            encoder,
            fit.classifier,
            settings=settings,
            splits=splits,
            encoded=encoded,
            logits=lambda split: predict_logits(
                fit.classifier, split, what="Comparing with the trained classifier", progress=progress
            ),
            epochs=fit.epochs,
            best_epoch=fit.best_epoch,
            folder=folder,
            keep_weights=keep_weights,
            progress=progress,
        )
        clear(checkpoints)
    return replace(trained, seconds=time.monotonic() - begun)


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
    """The metrics of a split by the Keras classifier itself.

    Raises:
        TrainingError: if a score is not a number.
    """
    logits = predict_logits(classifier, split, what=what, progress=progress)
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    if np.isnan(scores).any():  # the last step of an epoch went wrong, and no loss came after it
        raise diverged(f"{np.isnan(scores).sum()} of {len(scores)} scores that are no number")
    return measure(scores, split.labels, threshold=ScoreSettings().threshold)


def _fit(
    encoder: Encoder,
    encoded: dict[str, Encoded],
    splits: Splits,
    settings: TrainSettings,
    checkpoints: Path,
    *,
    resume: bool,
    progress: Progress,
    stop: Callable[[], bool],
) -> Fit:
    tf_keras.utils.set_random_seed(settings.seed)
    classifier = build(encoder, dropout=settings.dropout, seed=settings.seed)
    if not encoder.rebuilt:
        to_litert(classifier)  # an encoder that cannot be converted is refused now, not after the training
    require_space(checkpoints.parent, _BYTES * parameters(classifier.variables))
    steps = settings.epochs * math.ceil(len(encoded["train"]) / settings.batch_size)
    optimizer = optimizers.create(settings, steps=steps)
    classifier.compile(
        optimizer,
        tf_keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[tf_keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )
    kept = Checkpoints(
        checkpoints,
        fingerprint=_fingerprint(settings, splits, encoder),
        classifier=classifier,
        optimizer=optimizer,
    )
    epochs, best_epoch, best = _beginning(kept, checkpoints, resume=resume, progress=progress)
    for number in range(len(epochs) + 1, settings.epochs + 1):
        epoch = _epoch(classifier, encoded, settings, number, progress, stop)
        if not epochs or epoch.validation_loss < epochs[best_epoch - 1].validation_loss:
            best_epoch, best = number, weights(classifier)
        epochs = (*epochs, epoch)
        kept.save(epochs, best_epoch=best_epoch, best=best)
        progress.note(
            f"Epoch {number}/{settings.epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}, "
            f"validation loss {epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}, "
            f"{epoch.examples_per_second:.1f} examples/s"
        )
    assign(classifier, best)
    return Fit(classifier=classifier, epochs=epochs, best_epoch=best_epoch)


def _beginning(
    kept: Checkpoints, folder: Path, *, resume: bool, progress: Progress
) -> tuple[tuple[Epoch, ...], int, dict[str, Any]]:
    """Epochs done, best epoch and best weights to start from."""
    if resume:
        resumed = kept.resume(progress)
        if resumed:
            progress.note(f"Going on after epoch {len(resumed.epochs)}")
            return resumed.epochs, resumed.best_epoch, resumed.best
        progress.note("No epoch of an earlier run is complete; starting from the beginning")
    elif unfinished(folder):
        progress.note("An unfinished run was left behind (--resume would have gone on); starting anew")
    clear(folder)
    return (), 0, {}


def _epoch(
    classifier: Any,
    encoded: dict[str, Encoded],
    settings: TrainSettings,
    number: int,
    progress: Progress,
    stop: Callable[[], bool],
) -> Epoch:
    split = encoded["train"]
    begun = time.monotonic()
    progress.start(f"Epoch {number}/{settings.epochs}", len(split), "examples")
    watch = Watch(progress, stop, seen=len(split), batch_size=settings.batch_size)
    with watch:
        batches = training_batches(split, batch_size=settings.batch_size, seed=settings.seed, epoch=number)
        history = classifier.fit(batches, verbose=0, callbacks=[watch]).history
    seconds = time.monotonic() - begun
    progress.finish()
    validation = evaluate(
        classifier, encoded["validation"], what=f"Validation {number}/{settings.epochs}", progress=progress
    )
    return Epoch(
        epoch=number,
        loss=history["loss"][0],
        accuracy=history["accuracy"][0],
        validation_loss=validation.log_loss,
        validation_accuracy=validation.confusion.accuracy,
        seconds=seconds,
        examples_per_second=len(split) / seconds,
    )


@contextlib.contextmanager
def _bfloat16() -> Iterator[None]:
    """Lets grappler turn matrix products into bf16 where the processor has them; elsewhere fp32 stays.

    In the block only: an encoder that is loaded later must be compared with its Hub graph in fp32.
    Measured on two cores with AVX512-BF16: 26 against 16 examples a second at 128 tokens.
    """
    flags = ""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    able = "avx512_bf16" in flags or "amx_bf16" in flags
    tf.config.optimizer.set_experimental_options({_BFLOAT16: able})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_BFLOAT16: False})


def _fingerprint(settings: TrainSettings, splits: Splits, encoder: Encoder) -> str:
    return sha256_lines(
        [
            json.dumps(asdict(settings), sort_keys=True),
            json.dumps(dict(splits.digests), sort_keys=True),
            f"{encoder.digest} rebuilt={encoder.rebuilt}",
            encoder.tokenizer.digest(),
        ]
    )


def _note_data(splits: Splits, progress: Progress) -> None:
    counts = ", ".join(f"{len(getattr(splits, name))} {name}" for name in ("train", "validation", "test"))
    left = [
        f"{count} {what}"
        for count, what in (
            (splits.duplicates, "duplicates"),
            (splits.conflicts, "with both labels"),
            (splits.leaked, "test rows that training holds"),
        )
        if count
    ]
    progress.note(f"Reviews: {counts}" + (f" (left out: {', '.join(left)})" if left else ""))
    if splits.ignored:
        progress.note(f"Not read, as only pos and neg are classes: {', '.join(splits.ignored)}")
