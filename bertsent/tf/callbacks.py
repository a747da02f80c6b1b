"""The Keras callback of training and scoring: progress, stopping, and a loss that is not a number."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable

from bertsent.base.errors import Interrupted, TrainingError
from bertsent.base.records.core import Progress
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.training import CheckpointSettings
from bertsent.tf import tf_keras


class Watch(tf_keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each batch; ends the run when the loss is not finite or when asked to stop.

    Args:
        progress: Told of every batch.
        stop: Asked after every batch.
        rows: Rows of the whole epoch or split.
        batch_size: Rows per batch.
        first: Batches that were done before this process began.
        save: Called with the number of batches done here and their mean loss and accuracy, every few minutes
            and before the run is stopped.

    As a context it keeps TensorFlow's messages about graph rewriting off stderr; they appear once, while the
    first batch is traced.
    """

    def __init__(
        self,
        progress: Progress,
        stop: Callable[[], bool],
        *,
        rows: int,
        batch_size: int,
        first: int = 0,
        save: Callable[[int, dict[str, float]], None] = lambda steps, metrics: None,
    ) -> None:
        super().__init__()
        self._progress, self._stop, self._rows = progress, stop, rows
        self._batch_size, self._first, self._save = batch_size, first, save
        self._saved = time.monotonic()
        self._tracing = contextlib.ExitStack()

    def __enter__(self) -> Watch:
        self._tracing.enter_context(quiet_stderr())
        return self

    def __exit__(self, *error: object) -> None:
        self._tracing.close()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._tracing.close()
        metrics = logs or {}
        if not math.isfinite(metrics.get("loss", 0.0)):
            raise diverged(f"loss {metrics['loss']} at batch {batch + 1}")
        self._progress.advance(self._done(batch), **metrics)
        stopped = self._stop()
        if stopped or time.monotonic() - self._saved > 60 * CheckpointSettings().minutes:
            self._save(batch + 1, metrics)
            self._saved = time.monotonic()
        if stopped:
            raise Interrupted("Training stopped.", hint="the same command with --resume resumes it")

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._tracing.close()
        self._progress.advance(self._done(batch))

    def _done(self, batch: int) -> int:
        return min((self._first + batch + 1) * self._batch_size, self._rows)


def diverged(received: str) -> TrainingError:
    """The error for a loss or score that is not a number."""
    return TrainingError(
        "The loss is no longer a finite number, so nothing was published.",
        received=received,
        hint="train with a lower --init-lr",
    )
