"""Opens reviews wherever they lie, and picks those that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bertsent.base.errors import UsageError
from bertsent.base.records.core import Review
from bertsent.base.settings.reading import FOLDERS
from bertsent.data.reader import Reviews
from bertsent.data.source import Source

FETCH_HINT = "bertsent download, or bertsent download --sample for a small data set"


def read_reviews(
    source: Path | Source, *, num_files: int | None = None, seed: int | None = None
) -> Iterator[Review]:
    """Yields the reviews of a source one by one, as `open_reviews` describes, without a first pass.

    Raises:
        DataError, UsageError, MissingExtraError: as `open_reviews`, and `Reviews.__iter__` while reading.
    """
    return iter(open_reviews(source, num_files=num_files, seed=seed))


def open_reviews(
    source: Path | Source, *, cells: bool = False, num_files: int | None = None, seed: int | None = None
) -> Reviews:
    """Opens folders and tables of reviews, to be read as a stream once or more often.

    Args:
        source: One path, or several with the settings to read them with.
        cells: Whether reviews carry the cells of their row, which needs a survey first.
        num_files: Draw this many files from each class folder; a folder with fewer gives all.
        seed: Of the draw; None for the seed of `TrainSettings`.

    Raises:
        DataError: if there is nothing to read at a path, or no column is obviously the text.
        UsageError: for a file whose format cannot be told, an option that does not fit the file, or
            `num_files` with a table or below 1.
        MissingExtraError: for a format whose package is not installed.
    """
    if num_files is not None and num_files < 1:
        raise UsageError("The number of files must be at least 1.", received=num_files)
    return Reviews(Source.of(source), cells=cells, num_files=num_files, seed=seed)


def usable(reviews: Iterable[Review], left_out: Counter[str], *, labelled: bool = False) -> Iterator[Review]:
    """Yields the reviews that are not empty and, with `labelled`, have a label.

    Args:
        left_out: Receives the numbers of the others, "empty" and "unlabelled".
    """
    for review in reviews:
        if not review.text:
            left_out["empty"] += 1
        elif labelled and review.label is None:
            left_out["unlabelled"] += 1
        else:
            yield review


def count_labels(reviews: Iterable[Review]) -> dict[str, int]:
    """How many reviews have each label, by the name of its folder."""
    labels = Counter(review.label for review in reviews)
    return {name: labels[label] for name, label in FOLDERS.items()}
