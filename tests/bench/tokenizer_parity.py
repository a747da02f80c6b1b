"""Does bertsent tokenize real reviews as the TF Hub preprocessors do, and how fast?

    python tests/bench/tokenizer_parity.py aclImdb_v1.tar.gz --vocabulary \\
        bertsent/tf/encoders/minilm/vocab.txt

Draws reviews of an aclImdb folder or archive (train, test and unsup) by a seed, the same ones from either,
cleans them as bertsent does, and compares bertsent's tokenizer with the layer that the Hub preprocessors
contain. Exits with 1 if more than one review in 10,000 differs. Of a review that differs, it shows only the
pieces around the first difference.

Needs bertsent[train]: TensorFlow is the reference here, so this script imports it directly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import sys
import tarfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.files import write_text
from bertsent.base.text import clean
from bertsent.scoring.tokenizer import NORMALISATION, Tokenizer

MEMBER = re.compile(r"(?:^|/)(?:train|test)/(?:pos|neg|unsup)/[^/]+\.txt$")
ALLOWED = 1e-4  # share of reviews that may differ
SEED = 42
BATCH = 256  # texts a call; TF Text gains nothing beyond
SHOWN = 20  # differences printed in full
CONTEXT = 2  # pieces shown on either side of a difference

Ids = list[list[int]]


def main() -> int:
    arguments = _arguments()
    texts = [clean(text) for text in draw(arguments.data, arguments.reviews)]
    tokenizer = Tokenizer.from_file(arguments.vocabulary, lower_case=not arguments.cased)
    reference = hub_tokenizer(arguments.vocabulary, lower_case=not arguments.cased)
    reference(texts[:BATCH])  # traces and warms; ours has no such cost

    ours, our_rate = timed(lambda batch: [ids.tolist() for ids in tokenizer.encode(batch)], texts)
    theirs, their_rate = timed(reference, texts)
    differ = [number for number, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]
    for number in differ[:SHOWN]:
        print(f"review {number}: {difference(tokenizer, ours[number], theirs[number])}")

    report = {
        "reviews": len(texts),
        "differ": len(differ),
        "pieces": sum(map(len, ours)),
        "bertsent_reviews_per_second": round(our_rate),
        "tf_text_reviews_per_second": round(their_rate),
        "lower_case": not arguments.cased,
        "normalisation": NORMALISATION,
        "unicode": unicodedata.unidata_version,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    print("\n".join(f"{name}: {value}" for name, value in report.items()))
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + "\n")
    return 0 if len(differ) <= ALLOWED * len(texts) else 1


def draw(data: Path, count: int) -> list[str]:
    """`count` reviews by a seeded draw over the sorted names, or all where there are fewer."""
    names, read = _archive(data) if data.is_file() else _folder(data)
    if not names:
        sys.exit(f"No reviews in {data}: expected train/pos/*.txt and its like.")
    return read(sorted(random.Random(SEED).sample(sorted(names), min(count, len(names)))))


def _folder(data: Path) -> tuple[list[str], Callable[[list[str]], list[str]]]:
    paths = (path.relative_to(data).as_posix() for path in data.glob("t*/*/*.txt"))
    names = [name for name in paths if MEMBER.search(name)]
    return names, lambda chosen: [(data / name).read_text(encoding="utf-8") for name in chosen]


def _archive(data: Path) -> tuple[list[str], Callable[[list[str]], list[str]]]:
    def read(chosen: list[str]) -> list[str]:
        wanted = set(chosen)
        with tarfile.open(data, "r|gz") as archive:
            found = {
                name: file.read().decode("utf-8")
                for member in archive
                if (name := _below_root(member.name)) in wanted and (file := archive.extractfile(member))
            }
        return [found[name] for name in chosen]

    with tarfile.open(data, "r|gz") as archive:
        names = [_below_root(member.name) for member in archive if MEMBER.search(member.name)]
    return names, read


def _below_root(name: str) -> str:
    return "/".join(name.split("/")[-3:])


def hub_tokenizer(vocabulary: Path, *, lower_case: bool) -> Callable[[Sequence[str]], Ids]:
    """The tokenizer layer that official.nlp.tools.export_tfhub_lib puts into the Hub preprocessors."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    from official.nlp.modeling.layers import BertTokenizer

    layer = BertTokenizer(vocab_file=str(vocabulary), lower_case=lower_case)

    pieces = tf.function(
        lambda texts: layer(texts).merge_dims(1, 2), input_signature=[tf.TensorSpec([None], tf.string)]
    )

    def encode(texts: Sequence[str]) -> Ids:
        found: Ids = pieces(tf.constant([text.encode() for text in texts])).to_list()
        return found

    return encode


def timed(encode: Callable[[Sequence[str]], Ids], texts: Sequence[str]) -> tuple[Ids, float]:
    """The ids of all texts, and texts a second."""
    started = time.perf_counter()
    ids = [row for first in range(0, len(texts), BATCH) for row in encode(texts[first : first + BATCH])]
    return ids, len(texts) / (time.perf_counter() - started)


def difference(tokenizer: Tokenizer, ours: list[int], theirs: list[int]) -> str:
    """The pieces around the first place where the two part."""
    place = next((k for k, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    place = min(len(ours), len(theirs)) if place is None else place
    near = slice(max(0, place - CONTEXT), place + CONTEXT + 1)
    shown = [visible(" ".join(tokenizer.pieces(ids[near]))) for ids in (ours, theirs)]
    return f"at piece {place} bertsent has {shown[0]!r}, TF Text {shown[1]!r}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, help="an aclImdb folder, or its .tar.gz")
    parser.add_argument("--vocabulary", type=Path, required=True, help="the encoder's vocab.txt")
    parser.add_argument("--reviews", type=int, default=10_000, help="how many to draw (10000)")
    parser.add_argument("--cased", action="store_true", help="the vocabulary is cased")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
