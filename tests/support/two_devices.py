"""Trains the same classifier on one device and on two, and records how much the results differ.

It is a separate program because TensorFlow must know the devices before anything else. Two logical CPUs stand
for two GPUs. Arguments: the folders of an encoder and its preprocessor, and a folder to write told.json into.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.tf import classifier, encoder, fit, tf, tf_keras
from bertsent.tf.batches import Encoded, training_batches
from bertsent.tf.bert import BertEncoder
from bertsent.tf.litert import to_litert

ROWS, BATCH, LONGEST, EPOCHS = 96, 16, 32, 3


def split() -> Encoded:
    """Rows of random pieces, positive if the first one has a high number."""
    random = np.random.default_rng(1)
    lengths = random.integers(4, LONGEST + 1, ROWS)
    rows = [np.array([2, *random.integers(5, 90, length - 2), 3], np.int32) for length in lengths]
    targets = np.array([row[1] > 50 for row in rows], np.float32)
    return Encoded.of(rows, targets)


def train(
    loaded: encoder.Encoder, scope: Any, file: Path, *, exported: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Losses, logits, weights and the scores of the LiteRT file after a few epochs in a strategy's scope.

    With `exported` the file gets these weights: the last digits of its own would turn an int8 step or two.
    """
    rows = split()
    with scope:
        # Variables lie on all devices only if they are made in the scope; without dropout all is repeatable.
        own = replace(loaded, layer=BertEncoder(loaded.layer.arrays(), dropout=0.0))
        made = classifier.build(own, dropout=0.0, seed=1)
        made.compile(
            tf_keras.optimizers.SGD(0.1),  # Adam would make much of the last digits of small gradients
            tf_keras.losses.BinaryCrossentropy(from_logits=True),
        )
        losses = [
            made.fit(training_batches(rows, batch_size=BATCH, seed=1, epoch=epoch), verbose=0).history[
                "loss"
            ][0]
            for epoch in range(EPOCHS)
        ]
        weights = classifier.weights(made)
        logits = fit.predict_logits(made, rows)
        classifier.assign(made, {name: np.zeros_like(value) for name, value in weights.items()})
        zeros = fit.predict_logits(made, rows)
        classifier.assign(made, weights)
        again = fit.predict_logits(made, rows)
        classifier.assign(made, exported or weights)
    file.write_bytes(to_litert(made, Calibration(temperature=1.5)))
    litert = LiteRTClassifier(file, tokenizer=loaded.tokenizer, settings=ScoreSettings())
    scores = litert.score(rows.word_pieces())
    return {
        "losses": losses,
        "weights": weights,
        "logits": logits,
        "zeros": zeros,
        "again": again,
        "scores": scores,
    }


def main() -> None:
    source, preprocessor, folder = sys.argv[1:]
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    loaded = encoder.load(source, preprocessor=preprocessor)
    # Collective operations, the default, wait for each other in threads that two cores have too few of.
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    one = train(loaded, contextlib.nullcontext(), Path(folder, "one.tflite"))
    two = train(loaded, strategy.scope(), Path(folder, "two.tflite"), exported=one["weights"])
    before = loaded.layer.arrays()

    def apart(name: str) -> float:
        return float(np.abs(np.asarray(one[name]) - np.asarray(two[name])).max())

    told = {
        "replicas": strategy.num_replicas_in_sync,
        "losses": one["losses"],
        "spread": float(np.ptp(one["logits"])),
        "zeros": float(np.abs(two["zeros"]).max()),
        "restored": float(np.abs(two["again"] - two["logits"]).max()),
        "moved": max(float(np.abs(one["weights"][f"encoder/{n}"] - before[n]).max()) for n in before),
        "weights": max(float(np.abs(v - two["weights"][n]).max()) for n, v in one["weights"].items()),
        "apart": {name: apart(name) for name in ("losses", "logits", "scores")},
    }
    Path(folder, "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
