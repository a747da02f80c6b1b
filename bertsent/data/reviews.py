"""Reviews on disk -> cleaned, de-duplicated and split for training, or one at a time for `batch`.

Folders are read here, file by file as `bertsent.data.folders` names them; tables in `bertsent.data.tables`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.settings.reading import FOLDERS, ReadSettings
from bertsent.base.text import clean, encodable, is_empty, read_utf8
from bertsent.data.folders import (
    count_files,
    draw_names,
    file_names,
    has_files,
    is_folder,
    is_real_folder,
)
from bertsent.data.tables import read_table

if TYPE_CHECKING:
    pass

_READ = ReadSettings()
_HALVES = ("train", "test")
_ADVANCE = 500  # reviews between two reports of progress: a report costs as much as a review
_FETCH = "bertsent download, or bertsent download --sample for a small data set"

File = tuple[str, str]  # class folder and name
Rows = dict[str, Review]  # by the digest of their text, sorted


def read_folder(folder: Path, *, settings: ReadSettings = _READ, progress: Progress = silent) -> list[Review]:
    """The reviews of `folder/neg` and `folder/pos`, cleaned, sorted by class and file name.

    Reviews with nothing to read are left out, and `progress.note` says how many.

    Raises:
        DataError: if a class is missing or too small, or a file is too large or no UTF-8 text.
    """
    classes = _class_folders(folder)
    counts = {name: count_files(folder / name) for name in classes}
    _require_classes(folder, counts, settings)
    files, total = _all(folder, classes, settings), sum(counts.values())
    progress.start(f"Reading {visible(folder.name)}", total, "reviews")
    reviews: list[Review] = []
    for done, review in enumerate(_stream(folder, files, settings), start=1):
        if not is_empty(review.text):
            reviews.append(replace(review, text=clean(review.text)))
        if done % _ADVANCE == 0 or done == total:
            progress.advance(done)
    progress.finish()
    if len(reviews) < total:
        progress.note(f"{visible(str(folder))}: left out {total - len(reviews)} reviews without any text.")
        _require_classes(folder, _count_labels(reviews), settings)
    return reviews


def read_reviews(
    path: Path, *, num_files: int | None = None, seed: int | None = None, settings: ReadSettings = _READ
) -> Iterator[Review]:
    """Yields the reviews of a folder or table one by one, so that memory does not grow with their number.

    Texts are as they stand (`clean` comes before the tokenizer), save that lone surrogates become U+FFFD
    and a text with nothing to read becomes "": the caller decides what an empty review means. A folder
    with `pos` and `neg`, or one of them, gives gold labels; one of `*.txt` files gives none. With
    `num_files`, that many files are drawn from each class folder, or all where it has fewer; the draw
    follows `seed`, by default that of `TrainSettings`.

    Raises:
        DataError: at once if there is nothing to read at `path`; while reading, at a file or row that
            cannot be used, which it names.
        UsageError: for a table of unknown suffix, or `num_files` with a table or below 1.
    """
    if is_folder(path):
        classes = _classes(path, num_files)
        if num_files is None:
            files = _all(path, classes, settings)
        else:
            files = _drawn(path, classes, num_files, _training_seed() if seed is None else seed, settings)
        return map(_readable, _stream(path, files, settings))
    if num_files is not None:
        raise UsageError("A number of files can only be drawn from a folder.", received=visible(str(path)))
    return map(_readable, read_table(path, settings=settings))


def usable(reviews: Iterable[Review], left_out: Counter[str], *, labelled: bool = False) -> Iterator[Review]:
    """Passes on the reviews that have something to read, and a label where that is asked for.

    Args:
        left_out: Grows as the others go by: "empty" (no sentiment to be right about), "unlabelled".
    """
    for review in reviews:
        if not review.text:
            left_out["empty"] += 1
        elif labelled and review.label is None:
            left_out["unlabelled"] += 1
        else:
            yield review


def count_reviews(path: Path, *, num_files: int | None = None) -> int | None:
    """How many reviews `read_reviews` will yield; None for a table, which would have to be read for it."""
    if not is_folder(path):
        return None
    counts = [count_files(path / name) for name in _classes(path, num_files)]
    return sum(counts if num_files is None else (min(count, num_files) for count in counts))


def _readable(review: Review) -> Review:
    text = "" if is_empty(review.text) else encodable(review.text)
    return review if text == review.text else replace(review, text=text)


def _stream(folder: Path, files: Iterable[File], settings: ReadSettings) -> Iterator[Review]:
    for name, inside in itertools.groupby(files, key=itemgetter(0)):
        label, place = FOLDERS.get(name), str(folder / name / "_")[:-1]  # joining paths takes its time, too
        for _, file in inside:
            path = place + file
            yield Review(read_utf8(path, limit=settings.max_review_bytes), label, path)


def _classes(folder: Path, num_files: int | None) -> list[str]:
    """The class folders to read, ("",) where there is none.

    Raises:
        DataError: if there is nothing to read in `folder`.
        UsageError: if `num_files` is below 1.
    """
    if num_files is not None and num_files < 1:
        raise UsageError("The number of files must be at least 1.", received=num_files)
    classes = _class_folders(folder) or [""]
    halves = [visible(str(folder / half)) for half in _HALVES if is_folder(folder / half)]
    if "" in classes and halves:
        raise DataError("This is a whole data set; name one of its halves.", hint=" or ".join(halves))
    if not any(has_files(folder / name) for name in classes):
        raise DataError(f"{visible(str(folder))} holds no review: neither *.txt nor pos/*.txt and neg/*.txt.")
    return classes


def _all(folder: Path, classes: Sequence[str], settings: ReadSettings) -> Iterator[File]:
    for name in classes:
        yield from ((name, file) for file in file_names(folder / name, settings=settings))


def _drawn(
    folder: Path, classes: Sequence[str], num_files: int, seed: int, settings: ReadSettings
) -> Iterator[File]:
    for name in classes:
        names = draw_names(folder / name, num_files, salt=f"{seed}:{name}", settings=settings)
        yield from ((name, file) for file in names)


def _training_seed() -> int:
    from bertsent.base.settings.training import TrainSettings

    return TrainSettings().seed


def _class_folders(folder: Path) -> list[str]:
    if not is_folder(folder):
        raise DataError(f"There is no folder {visible(str(folder))}.", hint=_FETCH)
    return [name for name in FOLDERS if is_real_folder(folder / name)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _count_labels(reviews: Iterable[Review]) -> dict[str, int]:
    labels = Counter(review.label for review in reviews)
    return {name: labels[label] for name, label in FOLDERS.items()}


def _require_classes(folder: Path, counts: Mapping[str, int], settings: ReadSettings) -> None:
    if any(counts.get(name, 0) < settings.minimum_per_class for name in FOLDERS):
        raise DataError(
            f"{visible(str(folder))} needs folders pos and neg with at least {settings.minimum_per_class} "
            "reviews each, a UTF-8 text in every file *.txt.",
            received=", ".join(f"{name} {counts.get(name, 'missing')}" for name in FOLDERS),
        )
