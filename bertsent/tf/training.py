"""Reviews -> a trained classifier: epochs, the best of them, resume, and the way to a published version."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.errors import Interrupted, TrainingError
from bertsent.files import lock, quiet_stderr, require_space, sha256_lines
from bertsent.metrics import measure
from bertsent.records import Epoch, Metrics, Progress, Splits, Trained, silent
from bertsent.reviews import load_splits
from bertsent.settings import ScoreSettings, TrainSettings, Workspace
from bertsent.tf import optimizer as optimizers
from bertsent.tf import release, tf, tf_keras
from bertsent.tf.batches import Encoded, encode, scoring_batches, training_batches
from bertsent.tf.checkpoint import Checkpoints, clear, unfinished
from bertsent.tf.classifier import assign, build, weights
from bertsent.tf.encoder import Encoder, load
from bertsent.tf.export import to_litert

_SPACE = 1_500_000_000  # bytes: two checkpoints of a BERT-base with its optimizer state, and the version


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
        require_space(folder, _SPACE // 10)
        require_space(workspace.state, _SPACE)
        splits = load_splits(data, settings, progress=progress)
        _note_data(splits, progress)
        encoder = load(settings.encoder, preprocessor=settings.preprocessor, progress=progress)
        encoded = {
            name: encode(getattr(splits, name), encoder.tokenizer, settings)
            for name in ("train", "validation", "test")
        }
        checkpoints = workspace.state / "training"
        fit = _fit(
            encoder, encoded, splits, settings, checkpoints, resume=resume, progress=progress, stop=stop
        )
        trained = release.publish(
            encoder,
            fit.classifier,
            settings=settings,
            splits=splits,
            encoded=encoded,
            logits=lambda split: predict_logits(fit.classifier, split, progress=progress),
            epochs=fit.epochs,
            best_epoch=fit.best_epoch,
            folder=folder,
            keep_weights=keep_weights,
            progress=progress,
        )
        clear(checkpoints)
    return replace(trained, seconds=time.monotonic() - begun)


def predict_logits(classifier: Any, split: Encoded, *, progress: Progress = silent) -> Any:
    """The logits of a split, float32 [rows], in its own order."""
    logits = np.empty(len(split), np.float32)
    if len(split):
        batches, order = scoring_batches(split, batch_size=32)
        watch = _Watch(progress, lambda: False, seen=0, check=False)
        with watch:
            logits[order] = classifier.predict(batches, verbose=0, callbacks=[watch])[:, 0]
    return logits


def evaluate(classifier: Any, split: Encoded, *, progress: Progress = silent) -> Metrics:
    """The metrics of a split by the Keras classifier itself."""
    scores = 1 / (1 + np.exp(-predict_logits(classifier, split, progress=progress).astype(np.float64)))
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
    _use_bfloat16()
    classifier = build(encoder, dropout=settings.dropout, seed=settings.seed)
    if not encoder.rebuilt:
        to_litert(classifier)  # an encoder that cannot be converted is refused now, not after the training
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
    watch = _Watch(progress, stop, seen=len(split), batch_size=settings.batch_size)
    with watch:
        batches = training_batches(split, batch_size=settings.batch_size, seed=settings.seed, epoch=number)
        history = classifier.fit(batches, verbose=0, callbacks=[watch]).history
    seconds = time.monotonic() - begun
    progress.start(f"Validation {number}/{settings.epochs}", None)
    validation = evaluate(classifier, encoded["validation"], progress=progress)
    progress.finish()
    return Epoch(
        epoch=number,
        loss=history["loss"][0],
        accuracy=history["accuracy"][0],
        validation_loss=validation.log_loss,
        validation_accuracy=validation.confusion.accuracy,
        seconds=seconds,
        examples_per_second=len(split) / seconds,
    )


class _Watch(tf_keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each batch, ends the run on a loss that is not finite or when asked to stop.

    As a context it keeps TensorFlow's own lines about graph rewriting off stderr: they come once, while
    the first batch is traced.
    """

    def __init__(
        self,
        progress: Progress,
        stop: Callable[[], bool],
        *,
        seen: int,
        batch_size: int = 0,
        check: bool = True,
    ) -> None:
        super().__init__()
        self._progress, self._stop, self._total = progress, stop, seen
        self._batch_size, self._check = batch_size, check
        self._tracing = contextlib.ExitStack()

    def __enter__(self) -> _Watch:
        self._tracing.enter_context(quiet_stderr())
        return self

    def __exit__(self, *error: object) -> None:
        self._tracing.close()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._tracing.close()
        figures = logs or {}
        if not math.isfinite(figures.get("loss", 0.0)):
            raise TrainingError(
                "The loss is no longer a finite number, so nothing was published.",
                received=f"loss {figures['loss']} at batch {batch + 1}",
                hint="train with a lower --init-lr",
            )
        self._progress.advance(min((batch + 1) * self._batch_size, self._total), **figures)
        if self._stop():
            raise Interrupted("Training stopped.", hint="the same command with --resume goes on")

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._tracing.close()


def _use_bfloat16() -> None:
    """Lets grappler turn matrix products into bf16 where the processor has them; elsewhere fp32 stays.

    Measured on two cores with AVX512-BF16: 26 against 16 examples a second at 128 tokens.
    """
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
        if "avx512_bf16" in flags or "amx_bf16" in flags:
            tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})


def _fingerprint(settings: TrainSettings, splits: Splits, encoder: Encoder) -> str:
    return sha256_lines(
        [
            json.dumps(asdict(settings), sort_keys=True),
            json.dumps(dict(splits.digests), sort_keys=True),
            encoder.digest,
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
