"""Scores texts as `bertsent batch` does, at a chosen number of tokens, and prints how fast.

    python tests/bench/ours_score.py TEXTS.jsonl --seq 128 [--model VERSION|FOLDER] [--exact 200]

The time is from text to label: cleaning, tokenising, window, scoring. The window is `head`, and a few rows
warm up, as with the peers.

`--exact N` measures no time. It checks that the scores of N texts are equal within 1e-4 however they are
scored: in another order, one at a time, in small chunks, by one, two or three workers, by threads inside one
interpreter. It exits with 1 if not. `padded` is the largest difference when the bare LiteRT file scores
batches of 8 padded to the full length, as one would without bertsent: sums of another length round
differently, some int8 steps after them change, and scores of short rows move. So bertsent pads nothing.

Prints one JSON line: engine, mode, reviews, seq, reviews_per_second, gop_per_second, peak_mb; or `apart`, the
largest difference of each way from the first, and `padded`. gop_per_second counts only useful operations: two
per multiplication in the matrix products, of real word pieces, and in the last block what [CLS] needs.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import pack, window
from bertsent.versions.manifest import CLASSIFIER, Version
from bertsent.versions.store import find

ENGINE = "bertsent"
LAYERS, HIDDEN, INNER = 6, 384, 1536  # all-MiniLM-L6-v2
TOLERANCE = 1e-4  # of a score
WARM = 64  # texts, as two batches of 32

Scores = np.ndarray[Any, np.dtype[np.float64]]


def main() -> int:
    arguments = _arguments()
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    version = shortened(find(arguments.model, folder=Workspace.current().model), arguments.seq)
    figures = {"engine": ENGINE, "seq": version.manifest.seq_length}
    if arguments.exact:
        chosen = texts[: arguments.exact]
        apart = differences(version, chosen)
        padded = float(np.abs(by_file(version, chosen, rows=8) - by(version, chosen)).max())
        figures |= {"mode": "exact", "reviews": len(chosen), "apart": apart, "padded": padded}
        print(json.dumps(figures))
        return 0 if max(apart.values()) <= TOLERANCE else 1
    scorer = Scorer(version, ScoreSettings(workers=arguments.workers))
    list(scorer.predict(texts[:WARM]))
    begun = time.perf_counter()
    predictions = list(scorer.predict(texts))
    seconds = time.perf_counter() - begun
    places = [min(prediction.tokens + 2, version.manifest.seq_length) for prediction in predictions]
    figures |= {
        "mode": "score",
        "reviews": len(texts),
        "reviews_per_second": round(len(texts) / seconds, 1),
        "gop_per_second": round(sum(map(operations, places)) / seconds / 1e9, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))
    return 0


def shortened(version: Version, seq_length: int) -> Version:
    """The same version with fewer places, and the window that the peers have."""
    return replace(version, manifest=replace(version.manifest, seq_length=seq_length, window="head"))


def operations(places: int) -> int:
    """Operations of one row: two a multiplication, of the matrix products only."""
    block = 2 * places * (4 * HIDDEN**2 + 2 * HIDDEN * INNER) + 4 * places**2 * HIDDEN
    keys_and_values = 4 * places * HIDDEN**2
    cls = 2 * (2 * HIDDEN**2 + 2 * HIDDEN * INNER) + 4 * places * HIDDEN + 2 * HIDDEN**2  # with the pooler
    return (LAYERS - 1) * block + keys_and_values + cls


def differences(version: Version, texts: list[str]) -> dict[str, float]:
    """The largest difference of each way to score from the scores one gets by default."""
    first = by(version, texts)
    ways = {
        "reverse order": by(version, texts[::-1])[::-1],
        "one at a time": by(version, texts, chunk=1),
        "chunks of 7": by(version, texts, chunk=7),
        **{f"{count} workers": by(version, texts, workers=count) for count in (1, 2, 3)},
        "two threads a row": by(version, texts, workers=2, chunk=1),
    }
    return {name: float(np.abs(scores - first).max()) for name, scores in ways.items()}


def by(version: Version, texts: list[str], **settings: int) -> Scores:
    """Scores by bertsent, float64 [texts]."""
    scorer = Scorer(version, ScoreSettings(**settings))  # type: ignore[arg-type]
    return np.array([prediction.score for prediction in scorer.predict(texts)])


def by_file(version: Version, texts: list[str], *, rows: int) -> Scores:
    """Scores by a bare interpreter, `rows` a batch, padded to the full window."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(version.file(CLASSIFIER)))
    given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def batches() -> Iterator[Any]:
        tokenizer, places = Scorer(version).tokenizer, version.manifest.seq_length
        encoded = tokenizer.encode([clean(text) for text in texts])
        seen = [window(ids, seq_length=places, kind="head") for ids in encoded]
        for begin in range(0, len(seen), rows):
            batch = pack(seen[begin : begin + rows], tokenizer=tokenizer, width=places)
            interpreter.resize_tensor_input(given, batch.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(given, batch)
            interpreter.invoke()
            yield interpreter.get_tensor(result)

    return np.concatenate([*batches()]).astype(np.float64)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("texts", type=Path, help="JSON lines with text")
    parser.add_argument("--seq", type=int, default=128, help="places of a row (128)")
    parser.add_argument("--model", help="a version number or a version's folder (the current version)")
    parser.add_argument("--workers", type=int, help="how many (one a core)")
    parser.add_argument("--exact", type=int, default=0, metavar="N", help="compare the scores of N texts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
