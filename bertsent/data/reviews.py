"""Reads the reviews of a folder or table: one at a time for scoring, all at once for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import is_folder
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.settings.reading import FOLDERS, ReadSettings
from bertsent.base.text import clean, is_empty, read_utf8
from bertsent.data.folders import count_files, file_names, is_real_folder
from bertsent.data.reader import Reviews
from bertsent.data.source import Source

_READ = ReadSettings()
_ADVANCE = 500  # reviews between two reports of progress: a report costs as much as a review
FETCH_HINT = "bertsent download, or bertsent download --sample for a small data set"


def read_folder(folder: Path, *, settings: ReadSettings = _READ, progress: Progress = silent) -> list[Review]:
    """The reviews of `folder/neg` and `folder/pos`, cleaned, sorted by class and file name.

    Empty reviews are left out; `progress.note` says how many.

    Raises:
        DataError: if a class is missing or too small, or a file is too large or not UTF-8 text.
    """
    classes = _class_folders(folder)
    counts = {name: count_files(folder / name) for name in classes}
    _require_classes(folder, counts, settings)
    total = sum(counts.values())
    progress.start(f"Reading {visible(folder.name)}", total, "reviews")
    reviews: list[Review] = []
    for done, review in enumerate(_read_files(folder, classes, settings), start=1):
        if not is_empty(review.text):
            reviews.append(replace(review, text=clean(review.text)))
        if done % _ADVANCE == 0 or done == total:
            progress.advance(done)
    progress.finish()
    if len(reviews) < total:
        progress.note(f"{visible(str(folder))}: left out {total - len(reviews)} reviews without text.")
        _require_classes(folder, count_labels(reviews), settings)
    return reviews


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


def _read_files(folder: Path, classes: Sequence[str], settings: ReadSettings) -> Iterator[Review]:
    for name in classes:
        inside = folder / name
        for file in file_names(inside):
            path = str(inside / file)
            yield Review(read_utf8(path, limit=settings.max_review_bytes), FOLDERS.get(name), path)


def _class_folders(folder: Path) -> list[str]:
    if not is_folder(folder):
        raise DataError(f"There is no folder {visible(str(folder))}.", hint=FETCH_HINT)
    return [name for name in FOLDERS if is_real_folder(folder / name)]


def _require_classes(folder: Path, counts: Mapping[str, int], settings: ReadSettings) -> None:
    if any(counts.get(name, 0) < settings.minimum_per_class for name in FOLDERS):
        raise DataError(
            f"{visible(str(folder))} needs folders pos and neg with at least {settings.minimum_per_class} "
            "reviews each: files *.txt with UTF-8 text.",
            received=", ".join(f"{name} {counts.get(name, 'missing')}" for name in FOLDERS),
        )
