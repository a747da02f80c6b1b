"""Writes the files that `scripts/teacher.py` trains on and scores, from IMDB's archive and a table of SST-2.

    python scripts/sst2_table.py train.tsv sst2.csv
    python scripts/teacher_tables.py data/aclImdb sst2.csv teacher/

    reviews.jsonl, phrases.jsonl                        the teacher trains on them
    reviews-validation.jsonl, phrases-validation.jsonl  it is measured on them
    phrases-6.jsonl, sentences.jsonl, unlabelled.jsonl  it scores them, for `bertsent train --unlabelled`

The splits are those of `bertsent train --data data/aclImdb --data sst2.csv`, so the teacher sees no row that
the new version is measured on. Sentences and unlabelled reviews come from different reviews of train/unsup.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bertsent.base.records.core import Review
from bertsent.base.settings.training import TrainSettings
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.data.splits import load_splits

MEASURED = 800  # validation reviews: a minute or two of scoring
PHRASES = 9_000  # to score, each of at least six words: a shorter one says less than its label
SENTENCES = 30_000  # to score, of 4 to 40 words, two of each review
UNLABELLED = 10_000  # reviews to score
_OF_SENTENCES = slice(20_000, 49_000)  # the unlabelled reviews from which sentences are taken
_END = re.compile(r"(?<=[.!?])\s+")


def main(archive: Path, table: Path, folder: Path) -> None:
    """Writes all files; prints how many rows each has."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = load_splits(archive, TrainSettings())
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    phrases = [Review(row["text"], int(row["label"])) for row in rows if row["split"] == "train"]
    sentences = [Review(row["text"], int(row["label"])) for row in rows if row["split"] == "validation"]
    write(folder / "reviews.jsonl", splits.train)
    write(folder / "phrases.jsonl", phrases)
    write(folder / "reviews-validation.jsonl", splits.validation[:MEASURED])
    write(folder / "phrases-validation.jsonl", sentences)
    long = [Review(row.text) for row in phrases if len(row.text.split()) >= 6]
    write(folder / "phrases-6.jsonl", shuffled(long, seed=3)[:PHRASES])
    labelled = {review.text for _, reviews in splits.items() for review in reviews}
    texts = dict.fromkeys(clean(review.text) for review in read_reviews(archive / "train" / "unsup"))
    unlabelled = shuffled([Review(text) for text in texts if text and text not in labelled], seed=7)
    write(folder / "unlabelled.jsonl", unlabelled[:UNLABELLED])
    write(folder / "sentences.jsonl", sentences_of(unlabelled[_OF_SENTENCES])[:SENTENCES])


def sentences_of(reviews: Sequence[Review]) -> list[Review]:
    """Two sentences of each review, in random order."""
    draw = random.Random(8)
    drawn: list[str] = []
    for review in reviews:
        parts = [part.strip() for part in _END.split(review.text) if 4 <= len(part.split()) <= 40]
        drawn += draw.sample(parts, min(2, len(parts)))
    sentences = list(dict.fromkeys(drawn))
    draw.shuffle(sentences)
    return [Review(sentence) for sentence in sentences]


def shuffled(reviews: list[Review], *, seed: int) -> list[Review]:
    """The reviews in random order."""
    random.Random(seed).shuffle(reviews)
    return reviews


def write(path: Path, reviews: Iterable[Review]) -> None:
    """Writes texts, and labels where they are known, as JSON lines."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for review in reviews:
            label = {} if review.label is None else {"label": review.label}
            file.write(json.dumps({"text": review.text, **label}, ensure_ascii=False) + "\n")
            count += 1
    print(f"{path}: {count} rows")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
