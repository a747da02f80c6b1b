"""Trains one epoch as `bertsent train` does, without validation and publishing, and prints how fast.

    python tests/bench/ours_train.py TEXTS.jsonl --seq 256

TEXTS.jsonl has one `{"text": ..., "label": "positive"|"negative"}` per line. Classifier, loss, optimizer,
dropout, bf16 if the processor has it, batches of similar length and the callback that watches the loss are
those of `bertsent train`. The window is `head` without crops, so the model sees the same tokens of each
review as in the tutorial. Texts are not changed. Rows that do not fill a batch of 32 are dropped. Two steps
warm up, then one pass over all texts is timed: tokenising, the batches and the steps, but not loading and
tracing (one graph serves all lengths).

Prints one JSON line: engine, mode, reviews, seq, examples_per_second, share_of_time_on_input, peak_mb. The
share is that of tokenising all texts and drawing all batches without training in between. It is an upper
bound: training prepares batches during the steps. Needs bertsent[train].
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import deque
from pathlib import Path
from typing import Any

from bertsent.base.records.core import Review, silent
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.training import TrainSettings
from bertsent.scoring.tokenizer import AnyTokenizer
from bertsent.tf.batches import encode, training_batches
from bertsent.tf.callbacks import Watch
from bertsent.tf.encoder import load
from bertsent.tf.fit import compiled
from bertsent.tf.training import bfloat16

ENGINE = "bertsent"
STEPS = 1000  # of the schedule, as in tutorial_train.py; their number does not change the work of a step
WARM_BATCHES = 2


def main() -> None:
    arguments = _arguments()
    settings = TrainSettings(
        encoder=arguments.encoder,
        preprocessor=arguments.preprocessor,
        seq_length=arguments.seq,
        window="head",
        epochs=1,
        crops=0.0,
    )
    every = read(arguments.texts)
    reviews = every[: len(every) // settings.batch_size * settings.batch_size]
    encoder = load(settings.encoder, preprocessor=settings.preprocessor, seq_length=settings.seq_length)
    classifier = compiled(encoder, settings, steps=STEPS)
    with bfloat16():
        fit(classifier, reviews[: WARM_BATCHES * settings.batch_size], encoder.tokenizer, settings)
        begun = time.perf_counter()
        fit(classifier, reviews, encoder.tokenizer, settings)
        seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    begun = time.perf_counter()
    deque(batches(reviews, encoder.tokenizer, settings), maxlen=0)
    report = {
        "engine": ENGINE,
        "mode": "train",
        "reviews": len(every),
        "seq": settings.seq_length,
        "examples_per_second": round(len(reviews) / seconds, 2),
        "share_of_time_on_input": round((time.perf_counter() - begun) / seconds, 4),
        "peak_mb": peak,
    }
    print(json.dumps(report))


def read(path: Path) -> list[Review]:
    """The texts with their labels."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [Review(row["text"], LABELS[row["label"]]) for row in rows]


def batches(reviews: list[Review], tokenizer: AnyTokenizer, settings: TrainSettings) -> Any:
    """Tokenizes the reviews and gives them as one epoch of batches."""
    split = encode(reviews, tokenizer, seq_length=settings.seq_length, kind=settings.window)
    return training_batches(split, batch_size=settings.batch_size, seed=settings.seed, epoch=1)


def fit(classifier: Any, reviews: list[Review], tokenizer: AnyTokenizer, settings: TrainSettings) -> None:
    """One pass over the reviews, from their texts."""
    watch = Watch(silent, lambda: False, seen=len(reviews), batch_size=settings.batch_size)
    with watch:
        classifier.fit(batches(reviews, tokenizer, settings), verbose=0, callbacks=[watch])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("texts", type=Path, help="JSON lines with text and label")
    parser.add_argument("--seq", type=int, default=128, help="places a review, at most (128)")
    parser.add_argument("--encoder", default="minilm", help="preset, handle or folder (minilm)")
    parser.add_argument("--preprocessor", default="", help="its partner, where it is no preset")
    return parser.parse_args()


if __name__ == "__main__":
    main()
