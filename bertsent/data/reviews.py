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
from bertsent.base.settings.reading import FOLDERS, HALVES, ReadSettings
from bertsent.base.text import clean, encodable, is_empty, read_utf8
from bertsent.data.folders import count_files, draw_names, file_names, has_files, is_real_folder
from bertsent.data.tables import read_table

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


def read_reviews(path: Path, *, num_files: int | None = None, seed: int | None = None) -> Iterator[Review]:
    """Yields the reviews of a folder or table one by one, so that memory does not grow with their texts.

    Texts are not cleaned (the tokenizer does that), but lone surrogates become U+FFFD and a text with nothing
    to read becomes "", which the caller handles. A folder with `pos` or `neg` or both gives gold labels; one
    of `*.txt` files gives none.

    Args:
        num_files: Draw this many files from each class folder; a folder with fewer gives all.
        seed: Of the draw; None for the seed of `TrainSettings`.

    Raises:
        DataError: at once if there is nothing to read at `path`; while reading, at the first file or row
            that cannot be used, which the message names.
        UsageError: for a table with an unknown suffix, or `num_files` with a table or below 1.
    """
    if is_folder(path):
        return map(_readable, _read_files(path, _classes(path, num_files), _READ, num_files, seed))
    if num_files is not None:
        raise UsageError("A number of files can be drawn only from a folder.", received=visible(str(path)))
    return map(_readable, read_table(path, settings=_READ))


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


def count_reviews(path: Path, *, num_files: int | None = None) -> int | None:
    """How many reviews `read_reviews` will yield; None for a table, which would have to be read first."""
    if not is_folder(path):
        return None
    counts = [count_files(path / name) for name in _classes(path, num_files)]
    return sum(counts if num_files is None else (min(count, num_files) for count in counts))


def count_labels(reviews: Iterable[Review]) -> dict[str, int]:
    """How many reviews have each label, by the name of its folder."""
    labels = Counter(review.label for review in reviews)
    return {name: labels[label] for name, label in FOLDERS.items()}


def _readable(review: Review) -> Review:
    text = "" if is_empty(review.text) else encodable(review.text)
    return review if text == review.text else replace(review, text=text)


def _read_files(
    folder: Path,
    classes: Sequence[str],
    settings: ReadSettings,
    num_files: int | None = None,
    seed: int | None = None,
) -> Iterator[Review]:
    for name in classes:
        inside = folder / name
        if num_files is None:
            names = file_names(inside)
        else:
            salt = f"{_training_seed() if seed is None else seed}:{name}"
            names = draw_names(inside, num_files, salt=salt)
        for file in names:
            path = str(inside / file)
            yield Review(read_utf8(path, limit=settings.max_review_bytes), FOLDERS.get(name), path)


def _training_seed() -> int:
    from bertsent.base.settings.training import TrainSettings  # not needed for scoring without a draw

    return TrainSettings().seed


def _classes(folder: Path, num_files: int | None) -> list[str]:
    """The class folders to read; [""] for a folder without classes.

    Raises:
        DataError: if there is nothing to read in `folder`.
        UsageError: if `num_files` is below 1.
    """
    if num_files is not None and num_files < 1:
        raise UsageError("The number of files must be at least 1.", received=num_files)
    classes = _class_folders(folder) or [""]
    halves = [visible(str(folder / half)) for half in HALVES if is_folder(folder / half)]
    if "" in classes and halves:
        raise DataError("This is a whole data set; name one of its halves.", hint=" or ".join(halves))
    if not any(has_files(folder / name) for name in classes):
        raise DataError(f"{visible(str(folder))} holds no review: neither *.txt nor pos/*.txt and neg/*.txt.")
    return classes


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
