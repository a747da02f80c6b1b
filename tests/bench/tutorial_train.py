"""Trains as TensorFlow's tutorial "Classify text with BERT" does, at any length, and prints how fast.

    PEERS_DIR/tf/bin/python tests/bench/tutorial_train.py PEERS_DIR TEXTS.jsonl --seq 256

PEERS_DIR holds an environment `tf` with TensorFlow, TF Text, TF Hub and tf-models, and in `hub/preprocess`
and `hub/encoder` a preprocessor and an encoder from TF Hub. TEXTS.jsonl has one
`{"text": ..., "label": "positive"|"negative"}` per line. The preprocessor is part of the graph and packs each
review to --seq tokens with its `bert_pack_inputs`, as the tutorial does for lengths other than 128. Dropout
0.1, one dense head, AdamW of tf-models, batches of 32 in the order of the file; an incomplete one is dropped.
Two steps warm up, then one pass over all texts is timed, with tokenising, without loading and tracing.

Prints one JSON line: engine, mode, reviews, seq, examples_per_second, peak_mb. Imports nothing from bertsent.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

ENGINE = "tf-hub tutorial"
BATCH = 32  # the tutorial's
DROPOUT = 0.1
RATE, STEPS, WARM_UP = 3e-5, 1000, 100  # of the schedule; their values do not change the work of a step
WARM_BATCHES = 2


def main() -> None:
    arguments = _arguments()
    texts, labels = read(arguments.texts)
    model = build(arguments.peers / "hub", seq=arguments.seq)
    data = batches(texts, labels)
    model.fit(data.take(WARM_BATCHES), verbose=0)
    begun = time.perf_counter()
    model.fit(data, verbose=0)
    seconds = time.perf_counter() - begun
    report = {
        "engine": ENGINE,
        "mode": "train",
        "reviews": len(texts),
        "seq": arguments.seq,
        "examples_per_second": round(len(texts) // BATCH * BATCH / seconds, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(report))


def read(path: Path) -> tuple[list[str], list[float]]:
    """The texts, and 1.0 for each that is positive, else 0.0."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] for row in rows], [float(row["label"] == "positive") for row in rows]


def build(folder: Path, *, seq: int) -> Any:
    """The tutorial's model, compiled: string [batch] -> logit [batch, 1], packed to `seq` places."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    import tensorflow_hub as hub
    import tensorflow_text  # noqa: F401  (registers the preprocessor's ops)
    import tf_keras
    from official.nlp import optimization

    preprocessor = hub.load(str(folder / "preprocess"))
    text = tf_keras.layers.Input(shape=(), dtype=tf.string)
    pieces = hub.KerasLayer(preprocessor.tokenize)(text)
    inputs = hub.KerasLayer(preprocessor.bert_pack_inputs, arguments={"seq_length": seq})([pieces])
    pooled = hub.KerasLayer(str(folder / "encoder"), trainable=True)(inputs)["pooled_output"]
    logit = tf_keras.layers.Dense(1)(tf_keras.layers.Dropout(DROPOUT)(pooled))
    model = tf_keras.Model(text, logit)
    model.compile(
        optimization.create_optimizer(RATE, STEPS, WARM_UP, optimizer_type="adamw"),
        tf_keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return model


def batches(texts: list[str], labels: list[float]) -> Any:
    """The texts in their order as a tf.data.Dataset of full batches."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((tf.constant(texts), tf.constant(labels, tf.float32)))
    return data.batch(BATCH, drop_remainder=True).prefetch(2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("peers", type=Path, help="folder with hub/preprocess and hub/encoder")
    parser.add_argument("texts", type=Path, help="JSON lines with text and label")
    parser.add_argument("--seq", type=int, default=128, help="places a review (128)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
