"""The optimizers of the original scripts, each with linear warm-up and linear decay."""

from __future__ import annotations

import importlib
from typing import Any

from bertsent.base.settings.training import TrainSettings
from bertsent.tf import tf_keras


def create(settings: TrainSettings, *, steps: int) -> Any:
    """The optimizer of a run of `steps` batches.

    The rate falls linearly from `init_lr` before the first step to 0 after the last, but in the first
    `warmup` share of the steps it rises from 0. So its peak is `(1 - warmup) * init_lr`, as in the code of
    Devlin et al. (2019). AdamW and LAMB are those of tf-models: weight decay 0.01 except on biases and layer
    norms, and for AdamW gradients clipped to norm 1.
    """
    # Imported here because it takes seconds and loads all of tf-models' optimization package.
    optimization = importlib.import_module("official.nlp.optimization")
    warm = int(settings.warmup * steps)
    if settings.optimizer in {"adamw", "lamb"}:
        return optimization.create_optimizer(settings.init_lr, steps, warm, optimizer_type=settings.optimizer)
    rate = tf_keras.optimizers.schedules.PolynomialDecay(settings.init_lr, steps, end_learning_rate=0.0)
    if warm:
        rate = optimization.WarmUp(settings.init_lr, rate, warm)
    if settings.optimizer == "sgd":
        return tf_keras.optimizers.legacy.SGD(rate, momentum=settings.momentum)
    return tf_keras.optimizers.legacy.Adam(rate)
