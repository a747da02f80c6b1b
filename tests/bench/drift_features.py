"""Which features should the text measure of `drift` read: word pieces, a frozen encoder's vectors, or both?

    python tests/bench/drift_features.py --data aclImdb --foreign apps.txt --foreign shop.jsonl \\
        --model model/1

The encoder is the published one that training begins with (a fine-tuned one knows the rows it was trained
on). Its vector of a review is the mean of its last layer over the pieces, as its authors use it, computed by
an int8 LiteRT file, as `drift` would have to. All features go through the same regression, folds and shuffles
on the same draws: 200 new rows against 2,000 of the same labels. Word pieces are thinned to equal lengths, as
in `drift`; an encoder has to read whole texts.

Prints for each kind of new rows the mean of 2 AUC - 1 and its deviation, in how many runs it would be drift
at a first look (above the threshold, and p at most a third of the look's alpha), and in how many p < 0.05.
Needs bertsent[train] and about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drift_power import Bench

from bertsent.base.settings.drift import DriftSettings
from bertsent.data.reviews import read_reviews
from bertsent.drift import features, text_measure
from bertsent.drift.records import NewRow
from bertsent.drift.verdict import significance
from bertsent.scoring.tokenizer import pack

SETTINGS = DriftSettings()
NEW = 200
ALPHA = significance(1, SETTINGS) / 3  # Holm's strictest part
RIDGES = {"pieces": (SETTINGS.ridge,), "encoder": (0.5, SETTINGS.ridge), "both": (SETTINGS.ridge,)}
SHUFFLES = 99  # a fifth of what `drift` takes; what they leave of the p-value is its tail
Draw = tuple[list[NewRow], list[NewRow]]  # old rows and new ones, of the same labels


class Encoder:
    """Rows -> unit vectors of the frozen encoder, each computed once."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        self._run = _litert(name)
        self._tokenizer = tokenizer
        self._known: dict[str, Any] = {}
        self.seconds = 0.0

    def vectors(self, rows: Sequence[NewRow]) -> Any:
        """float64 [rows, hidden]."""
        begun = time.perf_counter()
        for row in rows:
            if row.digest not in self._known:
                vector = self._run(pack([row.pieces], tokenizer=self._tokenizer)).astype(np.float64)
                self._known[row.digest] = vector / np.linalg.norm(vector)
        self.seconds += time.perf_counter() - begun
        return np.stack([self._known[row.digest] for row in rows])

    @property
    def rate(self) -> float:
        """Rows a second."""
        return len(self._known) / self.seconds


def _litert(name: str) -> Callable[[Any], Any]:
    """The encoder as int8 LiteRT: token ids [1, tokens] -> the mean of its last layer, float32 [hidden]."""
    from ai_edge_litert.interpreter import Interpreter

    from bertsent.tf import encoder, tf
    from bertsent.tf.bert import BertEncoder

    class MeanEncoder(BertEncoder):
        def call(self, ids: Any, training: bool = False) -> Any:
            hidden = self._embed(ids, training)
            free = tf.zeros([1, 1, tf.shape(ids)[1]])  # a row is a batch: no place is padded, none is masked
            for layer in range(self.shape.layers):
                prefix = f"transformer/layer_{layer}/"
                hidden = self._block(prefix, hidden, self._gather(prefix, hidden, free), training)
            return tf.reduce_mean(hidden, axis=0, keepdims=True)

    published = encoder.load(name).layer
    mean = MeanEncoder(published.arrays(), approximate_gelu=published.gelu == "tanh")
    signature = [tf.TensorSpec([None, None], tf.int32)]
    with mean.int8_rows():
        function = tf.function(lambda ids: mean(ids), input_signature=signature).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], mean)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    interpreter = Interpreter(model_content=converter.convert(), num_threads=2)
    ids_at, mean_at = (
        details()[0]["index"] for details in (interpreter.get_input_details, interpreter.get_output_details)
    )

    def run(ids: Any) -> Any:
        interpreter.resize_tensor_input(ids_at, ids.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(ids_at, ids)
        interpreter.invoke()
        return interpreter.get_tensor(mean_at)[0]

    return run


def draws(bench: Bench, old: Sequence[NewRow]) -> Iterator[tuple[str, Callable[[int], Draw]]]:
    """The kinds of new rows, and how a run draws them."""
    pool = bench.pool
    in_order = [
        sorted(
            (place for place, row in enumerate(pool) if row.label == label),
            key=lambda place: _number(bench.reviews[place].path),
        )
        for label in (0, 1)
    ]

    def against(new: Sequence[NewRow], others: Sequence[NewRow], run: int) -> Draw:
        order = np.random.default_rng([run, 9]).permutation(len(others)).tolist()
        drawn: list[NewRow] = []
        for label in (0, 1):
            wanted = SETTINGS.reference_per_row * sum(row.label == label for row in new)
            drawn += [others[place] for place in order if others[place].label == label][:wanted]
        return drawn, list(new)

    def parted(run: int) -> Draw:
        order = np.random.default_rng([run, 10]).permutation(len(old)).tolist()
        shuffled = [old[place] for place in order]
        return against(shuffled[:NEW], shuffled[NEW:], run)

    def few_films(run: int) -> Draw:
        random, half = np.random.default_rng([run, 11]), NEW // 2
        begin = [int(random.integers(len(places) - half)) for places in in_order]
        chosen = [place for places, at in zip(in_order, begin, strict=True) for place in places[at:][:half]]
        return against([pool[place] for place in chosen], old, run)

    yield "one pool, parted at random", parted
    yield "new films", lambda run: against([pool[place] for place in bench.draw(NEW, run)], old, run)
    yield "the same, in the order of films", few_films
    for name in bench.foreign:
        for share in (0.1, 0.25, 1.0):
            yield (
                f"{share:.0%} {name}",
                lambda run, name=name, share=share: against(bench.mixed(name, share, NEW, run), old, run),
            )


def _number(path: str) -> int:
    """Of a file; IMDB numbers them film by film."""
    return int(Path(path).stem.split("_")[0])


def separations(
    bench: Bench, encoder: Encoder, draw: Draw, run: int
) -> Iterator[tuple[str, text_measure.Separation]]:
    """The text measure of one draw by each kind of features."""
    old, new = draw
    reference = bench.as_reference(old)
    compared = features.match_rows(reference, new, settings=SETTINGS, random=np.random.default_rng([run, 1]))
    if compared is None or len(compared.label) != len(old) + len(new):
        raise ValueError("too few old rows of a label: more with --old")
    new = [new[place] for place in compared.index.tolist()]
    pieces = features.tfidf(compared, reference, settings=SETTINGS)
    vectors = encoder.vectors([*old, *new])
    for label in np.unique(compared.label).tolist():  # as `tfidf` does
        vectors[compared.label == label] -= vectors[compared.label == label].mean(axis=0)
    table = {"pieces": pieces, "encoder": vectors, "both": np.hstack([pieces, vectors])}
    for name, values in table.items():
        for ridge in RIDGES[name]:
            settings = DriftSettings(ridge=ridge, shuffles=SHUFFLES)
            random = np.random.default_rng([run, 2])
            yield (
                f"{name}, ridge {ridge:g}",
                text_measure.separate(compared, values, settings=settings, random=random),
            )


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of aclImdb")
    parser.add_argument(
        "--foreign", type=Path, action="append", required=True, help="reviews of other things"
    )
    parser.add_argument("--model", type=Path, required=True, help="a version: its window, and labels")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--pool", type=int, default=2000, help="test reviews that are drawn from")
    parser.add_argument("--old", type=int, default=4000, help="training reviews that are drawn from")
    parser.add_argument("--times", type=int, default=15, help="runs of each kind")
    parser.add_argument("--cache", type=Path, help="a folder for scores")
    parser.add_argument("--only", action="append", help="kinds of new rows, by a part of their names")
    arguments = parser.parse_args()
    arguments.runs = 1.0
    bench = Bench(arguments)
    train = list({review.text: review for review in read_reviews(arguments.data / "train")}.values())
    chosen = np.random.default_rng(2).permutation(len(train))[: arguments.old].tolist()
    old = bench.rows([train[place] for place in chosen])
    encoder = Encoder(arguments.encoder, bench.scorer.tokenizer)
    print(f"{'':34} {'features':20} {'2 AUC - 1':16} {'drift':>8} {'p < 0.05':>9}", flush=True)
    for kind, draw in draws(bench, old):
        if arguments.only and not any(words in kind for words in arguments.only):
            continue
        found: dict[str, list[text_measure.Separation]] = {}
        for run in range(arguments.times):
            for name, one in separations(bench, encoder, draw(run), run):
                found.setdefault(name, []).append(one)
        for name, ones in found.items():
            values = np.array([one.value for one in ones])
            drift = sum(one.value > SETTINGS.threshold and one.p_value <= ALPHA for one in ones)
            low = sum(one.p_value < 0.05 for one in ones)
            print(
                f"{kind:34} {name:20} {values.mean():6.3f} +- {values.std(ddof=1):.3f} "
                f"{drift:5} of {len(ones)} {low:5} of {len(ones)}",
                flush=True,
            )
    print(f"(the encoder read {encoder.rate:.0f} rows a second)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
