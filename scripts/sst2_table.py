"""Writes SST-2's training phrases as a table for `bertsent train --data`.

    python scripts/sst2_table.py train.tsv sst2.csv

The phrases are parts of sentences, so a draw of rows would put parts of one sentence into training and
validation. Here sentences are drawn: column `split` has `validation` for a tenth of the sentences, and no
phrase of theirs is a training row. A phrase of fewer than four words is left out: it says little, and often
what its sentence denies.

The corpus is tokenised and in lower case ("does n't work ."), and people do not write so. A training phrase
that looks different when written as usual ("doesn't work.") is there in both ways.

SST-2: Socher et al., Recursive Deep Models for Semantic Compositionality, EMNLP 2013, as GLUE has it
(`label<TAB>sentence`, 0 negative, 1 positive).
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LEAST_WORDS = 4
VALIDATION_SHARE = 0.1
_AS_WRITTEN = (
    (r" (n't|'(?:s|re|ve|ll|d|m))\b", r"\1"),  # does n't, it 's
    (r" ([,.;:!?%])", r"\1"),
    (r"-lrb- ", "("),
    (r" -rrb-", ")"),
    (r"`` | ''|''$|^``", '"'),
    (r"\bca n't\b", "can't"),
    (r"\b(gon|wan) (na)\b", r"\1\2"),
    (r"\\/", "/"),
)


def main(source: Path, target: Path) -> None:
    """Reads the corpus and writes the table; prints how many rows of each kind it has."""
    phrases = read(source)
    sentences = list(whole_sentences(phrases))
    held = {each for each in sentences if position(each) < VALIDATION_SHARE}
    parts = {part for sentence in held for part in spans(sentence)}
    rows = [(text, label, "validation") for text, label in phrases.items() if text in held]
    for text, label in phrases.items():
        if text not in parts:
            rows += [(form, label, "train") for form in dict.fromkeys((text, as_written(text)))]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label", "split"))
        writer.writerows(rows)
    validation = sum(split == "validation" for _, _, split in rows)
    print(f"{len(rows) - validation} training rows, {validation} validation rows: {target}")


def read(source: Path) -> dict[str, int]:
    """The phrases of at least `LEAST_WORDS` words and their labels; one with both labels is left out."""
    phrases: dict[str, int] = {}
    both = set()
    for line in source.read_text(encoding="utf-8").splitlines():
        label, _, text = line.partition("\t")
        text = " ".join(text.split())
        if (
            label in {"0", "1"}
            and len(text.split()) >= LEAST_WORDS
            and phrases.setdefault(text, int(label)) != int(label)
        ):
            both.add(text)
    return {text: label for text, label in phrases.items() if text not in both}


def whole_sentences(phrases: dict[str, int]) -> Iterator[str]:
    """The phrases that are no part of a longer one."""
    seen: set[str] = set()
    for text in sorted(phrases, key=lambda text: (-len(text.split()), text)):
        if text not in seen:
            yield text
            seen.update(spans(text))


def spans(text: str) -> Iterator[str]:
    """Every run of at least `LEAST_WORDS` words."""
    words = text.split()
    for start in range(len(words)):
        for end in range(start + LEAST_WORDS, len(words) + 1):
            yield " ".join(words[start:end])


def position(text: str) -> float:
    """A place in [0, 1) that depends on the text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 2**64


def as_written(text: str) -> str:
    """A tokenised phrase as people write it."""
    for pattern, replacement in _AS_WRITTEN:
        text = re.sub(pattern, replacement, text)
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
