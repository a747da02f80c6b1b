"""The texts on which an export is compared."""

from __future__ import annotations

import itertools
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.settings.export import ExportSettings
from bertsent.data.reviews import read_reviews
from bertsent.data.sample import read_sample

# Texts that another cleaning or tokenizer is likely to get wrong.
ODD = (
    "",
    "<br /><BR>A  caf\u00e9,\tna\u00efvet\u00e9<br/>\u00a0and\u2003\u6771\u4eac\u7269\u8a9e\u2028",
    "\U0001f600 \ufeffSTRASSE\u00df! <br<BR>\ufb01ne <br x> e\u0301t\u00e9",
    "don't... I'd give it 1/10 (really) <b>bold</b> [SEP] &amp; \u0130stanbul\x85\u00ad\u0e01",
    "Supercalifragilisticexpialidocious" * 4,
)


def sample(settings: ExportSettings, *, seq_length: int) -> list[str]:
    """Bundled reviews, texts of joined reviews that are longer than `seq_length` tokens, and odd texts."""
    reviews = read_sample()
    test = [review.text for review in reviews if review.split == "test"][: settings.sample]
    train = itertools.cycle(review.text for review in reviews if review.split == "train")
    long = []
    for _ in range(settings.long):
        words: list[str] = []
        while len(words) <= seq_length:
            words += next(train).split()
        long.append(" ".join(words))
    return [*test, *long, *ODD]


def own(path: Path, settings: ExportSettings) -> list[str]:
    """The user's own reviews: a draw from every class of a folder, or the first rows of a table.

    Raises:
        DataError: if there is no review.
    """
    reviews = read_reviews(path, num_files=settings.checked // 2 if path.is_dir() else None)
    texts = [review.text for review in itertools.islice(reviews, settings.checked)]
    if not texts:
        raise DataError(f"{visible(str(path))} holds no review to compare on.")
    return texts
