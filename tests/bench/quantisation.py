"""How much accuracy do int8 weights cost a trained version, and which parts of it cost how much?

    python tests/bench/quantisation.py model/2 data/aclImdb/test --limit 5000 --json quantisation.json

Takes a version that has weights.safetensors, builds its classifier again, writes it as a LiteRT file in each
of the ways below and scores the same labelled reviews (a folder with pos and neg) with every file, as
`bertsent predict` would:

- float32: no quantisation; the others are compared with it.
- fp16: weights in fp16, all arithmetic in float32.
- int8 as shipped: products in int8 (weights with a scale per output channel, activations with one per row),
  tables of word and position embeddings in int8 with a scale per row. LiteRT's converter leaves weights of
  less than 1,024 numbers in float32; the head of any narrower encoder is among these.
- int8 by LiteRT alone: the tables have one scale each, as `tf.lite.Optimize.DEFAULT` gives them.
- int8, tables fp16 / float32: the tables are not quantised.
- int8, head float32: as shipped, but pooler and head are not quantised.
- int8, tables fp16, head float32: both.

Prints one table: size of the file in MB, accuracy, log loss, expected calibration error, share of the reviews
with float32's label, mean distance from float32's score. The last row is the version's own classifier.tflite,
which was made before its weights were rounded to fp16 for weights.safetensors. All files have the version's
temperature and bias. Needs bertsent[train] and a version whose encoder bertsent rebuilds (a plain BERT).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import platform
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bertsent import __version__
from bertsent.base.errors import BertsentError, UsageError
from bertsent.base.files import now, write_text
from bertsent.base.records.core import Review
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, ScoreSettings
from bertsent.data.reviews import read_reviews
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.scoring.metrics import measure
from bertsent.scoring.tokenizer import window
from bertsent.tf import tf
from bertsent.tf.classifier import HEAD, assign, build, weights
from bertsent.tf.encoder import Encoder, load
from bertsent.tf.litert import calibrated_scores, to_litert
from bertsent.versions.manifest import CLASSIFIER, WEIGHTS, Version, read_version

SEED = 42  # of the draw of --limit
MB = 1e6
PACKAGES = ("tensorflow", "ai-edge-litert", "numpy")  # beside bertsent itself
BITS = {"fp16": (np.float16, np.int16), "float32": (np.float32, np.int32)}

Figures = dict[str, Any]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to write the LiteRT file."""

    name: str
    weights: Literal["float32", "fp16", "int8"]
    tables: Literal["", "rows", "fp16", "float32"] = ""  # embeddings; "" leaves them to the converter
    float_head: bool = False  # pooler and head


REFERENCE = "float32"
SHIPPED = Variant("int8 as shipped", "int8", tables="rows")
VARIANTS = (
    Variant(REFERENCE, "float32"),
    Variant("fp16", "fp16"),
    SHIPPED,
    Variant("int8 by LiteRT alone", "int8"),
    Variant("int8, tables fp16", "int8", tables="fp16"),
    Variant("int8, tables float32", "int8", tables="float32"),
    Variant("int8, head float32", "int8", tables="rows", float_head=True),
    Variant("int8, tables fp16, head float32", "int8", tables="fp16", float_head=True),
)
OWN = "the version's own file"


def main() -> int:
    arguments = _arguments()
    try:
        version = read_version(arguments.version)
        encoder, classifier = rebuild(version)
        reviews = draw(list(read_reviews(arguments.data)), arguments.limit)
        rows = compare(version, encoder, classifier, reviews)
    except BertsentError as error:
        sys.exit(str(error))
    print("\n".join(table(rows)))
    if arguments.json:
        write_text(arguments.json, json.dumps(report(version, reviews, rows), indent=2) + "\n")
    return 0


def rebuild(version: Version) -> tuple[Encoder, Any]:
    """The encoder of a version, and its classifier with the version's weights.

    Raises:
        UsageError: if it is no encoder that bertsent rebuilds.
        BertsentError: if the version carries no weights, or its encoder cannot be loaded.
    """
    arrays = load_file(version.file(WEIGHTS))
    stated = version.manifest.encoder
    encoder = load(
        stated["handle"], preprocessor=stated["preprocessor"], seq_length=version.manifest.seq_length
    )
    if not encoder.rebuilt or encoder.tokenizer.digest() != version.manifest.tokenizer["digest"]:
        raise UsageError("Only a version of an encoder that bertsent rebuilds can be taken apart.")
    classifier = build(encoder, dropout=0.0, seed=SEED)
    assign(classifier, {name: array.astype(np.float32) for name, array in arrays.items()})
    return encoder, classifier


def draw(reviews: list[Review], limit: int | None) -> list[Review]:
    """`limit` reviews by a seeded draw, or all of them."""
    if limit is None or limit >= len(reviews):
        return reviews
    return random.Random(SEED).sample(reviews, limit)


def compare(version: Version, encoder: Encoder, classifier: Any, reviews: list[Review]) -> list[Figures]:
    """Scores the reviews with every file and sets the scores beside those of float32."""
    manifest = version.manifest
    pieces = encoder.tokenizer.encode([review.text for review in reviews])
    rows = [window(ids, seq_length=manifest.seq_length, kind=manifest.window) for ids in pieces]
    gold = np.array([review.label for review in reviews], np.int64)
    found: list[Figures] = []
    reference = np.empty(0, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for name, file in write(version, classifier, Path(folder)):
            litert = LiteRTClassifier(file, tokenizer=encoder.tokenizer, settings=ScoreSettings())
            scores = litert.score(rows)
            reference = reference if found else scores
            found.append({"name": name, "bytes": file.stat().st_size, **figures(scores, reference, gold)})
    return found


def write(version: Version, classifier: Any, folder: Path) -> Iterator[tuple[str, Path]]:
    """Writes the files into `folder` and gives each by name: float32 first, the version's own last."""
    calibration = Calibration.of(version.manifest.calibration)
    for number, variant in enumerate(VARIANTS):
        print(f"{variant.name} ...", file=sys.stderr)
        file = folder / f"{number}.tflite"
        file.write_bytes(convert(classifier, variant, calibration))
        yield variant.name, file
    yield OWN, version.file(CLASSIFIER)


def convert(classifier: Any, variant: Variant, calibration: Calibration) -> bytes:
    """The LiteRT file of one variant."""
    if variant == SHIPPED:
        return to_litert(classifier, calibration)
    logit = float_head(classifier) if variant.float_head else classifier

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="input_word_ids")])  # type: ignore[untyped-decorator]
    def score(input_word_ids: Any) -> dict[str, Any]:
        raw = logit(input_word_ids, training=False)
        return {"score": calibrated_scores(raw, input_word_ids, calibration)}

    with kept(classifier.get_layer("encoder"), variant.tables):
        function = score.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], classifier)
    if variant.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant.weights == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    with quiet_stderr():
        converted: bytes = converter.convert()
    return converted


def kept(layer: Any, tables: str) -> contextlib.AbstractContextManager[None]:
    """While it holds, the encoder looks words and places up in tables of this kind."""
    if tables == "rows":
        rows: contextlib.AbstractContextManager[None] = layer.int8_rows()
        return rows
    return as_bits(layer, *BITS[tables]) if tables else contextlib.nullcontext()


@contextlib.contextmanager
def as_bits(layer: Any, kind: Any, integer: Any) -> Iterator[None]:
    """While it holds, tables are looked up as integers and then read as floats of the same bits.

    The converter would quantise a table of float32, and LiteRT cannot look up rows of fp16.
    """
    tables = {name: array.astype(kind).view(integer) for name, array in layer.arrays().items()}

    def look_up(name: str, rows: Any) -> Any:
        return tf.cast(tf.bitcast(tf.gather(tf.constant(tables[name]), rows), kind), tf.float32)

    layer._lookup = look_up
    try:
        yield
    finally:
        del layer._lookup


def float_head(classifier: Any) -> Callable[..., Any]:
    """The classifier with pooler and head written so that the converter sees no product in them."""
    arrays = weights(classifier)
    encoder = classifier.get_layer("encoder")

    def dense(values: Any, name: str) -> Any:
        products = tf.expand_dims(values, 2) * arrays[f"{name}/kernel"]  # [batch, inputs, outputs]
        return tf.reduce_sum(products, 1) + arrays[f"{name}/bias"]

    def logit(ids: Any, training: bool) -> Any:
        product = encoder(ids, training=training).op
        while product.type != "MatMul":  # back from the pooled output to what the pooler multiplies
            product = product.inputs[0].op
        return dense(tf.tanh(dense(product.inputs[0], "encoder/pooler_transform")), HEAD)

    return logit


def figures(scores: Scores, reference: Scores, gold: NDArray[np.int64]) -> Figures:
    """How good the scores are, and how far from the reference."""
    measured = measure(scores, gold, threshold=DEFAULT_THRESHOLD)
    return {
        "accuracy": measured.confusion.accuracy,
        "log_loss": measured.log_loss,
        "ece": measured.ece,
        "agreement": float(np.mean((scores >= DEFAULT_THRESHOLD) == (reference >= DEFAULT_THRESHOLD))),
        "mean_difference": float(np.mean(np.abs(scores.astype(np.float64) - reference))),
    }


def table(rows: list[Figures]) -> list[str]:
    """The lines of the table."""
    heads = f"{'file':<32} {'MB':>6} {'accuracy':>8} {'log loss':>8} {'ECE':>7}"
    lines = [f"{heads} {'agreement':>9} {'difference':>10}"]
    for row in rows:
        lines.append(
            f"{row['name']:<32} {row['bytes'] / MB:>6.1f} {row['accuracy']:>8.4f} {row['log_loss']:>8.4f} "
            f"{row['ece']:>7.4f} {row['agreement']:>9.2%} {row['mean_difference']:>10.5f}"
        )
    return lines


def report(version: Version, reviews: list[Review], rows: list[Figures]) -> Figures:
    """What goes into the JSON file."""
    manifest = version.manifest
    return {
        "date": now(),
        "version": manifest.version,
        "encoder": manifest.encoder["name"],
        "seq_length": manifest.seq_length,
        "window": manifest.window,
        "calibration": dict(manifest.calibration),
        "reviews": len(reviews),
        "positive": sum(review.label == POSITIVE for review in reviews),
        "libraries": {
            "bertsent": __version__,
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "python": platform.python_version(),
        "machine": platform.machine(),
        "files": rows,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("version", type=Path, help="folder of a version with weights.safetensors")
    parser.add_argument("data", type=Path, help="folder with pos and neg")
    parser.add_argument("--limit", type=int, help="draw so many reviews (all)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
