"""A data set on disk, cleaned, de-duplicated and split into train, validation and test."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import is_folder
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.training import FewShotSettings, TrainSettings
from bertsent.data.folders import sorted_entries
from bertsent.data.layout import is_data_set, layout_of
from bertsent.data.reviews import FETCH_HINT, count_labels, open_reviews, usable
from bertsent.data.source import Source
from bertsent.data.split_rows import Rows, SplitReader, has_split_column

_FEW_SHOT = FewShotSettings()


def find_data_set(data: Path) -> Path:
    """The data set to use if none is named: `data/aclImdb`, else the only one in `data`, else `data` itself.

    Raises:
        DataError: if there is none, or more than one to choose from.
    """
    if is_folder(data / "aclImdb"):
        return data / "aclImdb"
    if is_folder(data) and layout_of(data).is_divided:
        return data
    data_sets = _data_sets(data)
    if len(data_sets) != 1:
        raise DataError(
            f"{visible(str(data))} must hold one data set: a table, or a folder with train/, with pos/ and "
            "neg/, or with tables.",
            received=", ".join(visible(path.name) for path in data_sets) or "none",
            hint=f"--data {visible(str(data_sets[0]))}" if data_sets else FETCH_HINT,
        )
    return data_sets[0]


def has_data_set(data: Path) -> bool:
    """Whether `data` holds a data set, or several, or is one."""
    return is_folder(data / "aclImdb") or (
        is_folder(data) and (layout_of(data).is_divided or bool(_data_sets(data)))
    )


def load_splits(data: Path | Source, settings: TrainSettings, *, progress: Progress = silent) -> Splits:
    """Reads a data set and splits it by text digest.

    A data set is one or more folders and tables; `layout.layout_of` says which of them hold validation and
    test rows, and a column `split` says it of the rows of a table. Where neither does, the rows are drawn:
    the test split first, then the validation split, with the same share (0.2 gives 20 % test, 16 %
    validation, 64 % train); a validation split with no row of a label gets one. Where one part of a data set
    brings validation rows and another none, those of the other are drawn from its training rows: a version
    is calibrated for what it learns. Validation or test rows without any label are passed over.

    With `settings.folds` no row is held out: all are training rows, and the data set may bring no others.

    Texts are cleaned, and each is in one split; splits are sorted by digest. Where a row goes depends only
    on its text and the seed, not on formats, the order of rows, or other rows. A text that has both labels in
    one split is left out of that split. A validation row whose text is also a training row is left out,
    and a test row whose text is in one of the other two, whatever its label.

    Args:
        data: A folder or table, or several, and how to read them.
        settings: Seed and share of the validation split.

    Raises:
        DataError: before any row is loaded if there are values that look like labels of a scale, or too few
            rows of a label; if the train or validation split is empty or too small; with folds, if the data
            set has splits of its own; and as `reviews.open_reviews`.
    """
    source = Source.of(data)
    reader = SplitReader(source, progress, least=_FEW_SHOT.least_per_label if settings.folds else None)
    halves = reader.read(layout_of(source))
    undivided = reader.undivided()
    train, validation, test = (halves[name].distinct() for name in ("train", "validation", "test"))
    if settings.folds:
        _require_undivided(source, validation, test)
        _require_enough_for_folds(source, train)
    leaked = _leave_out(validation, train) + _leave_out(test, train, validation)
    if not settings.folds:
        if not halves["test"].rows_read:
            test, train = _divide(train, f"{settings.seed}:test", settings.validation_share)
        if not halves["validation"].rows_read:
            validation, train = _divide(
                train, str(settings.seed), settings.validation_share, both_labels=True
            )
        elif undivided:
            drawn, train = _divide(train, str(settings.seed), settings.validation_share, among=undivided)
            validation = dict(sorted({**validation, **drawn}.items()))
    splits = {"train": train, "validation": validation, "test": test}
    if not settings.folds:
        _require_both_labels(source, splits, progress)
    return Splits(
        train=tuple(train.values()),
        validation=tuple(validation.values()),
        test=tuple(test.values()),
        digests={
            name: sha256_lines(f"{digest} {review.label}" for digest, review in split.items())
            for name, split in splits.items()
        },
        duplicates=sum(half.repeated for half in halves.values()),
        conflicts=sum(half.contradicted for half in halves.values()),
        leaked=leaked,
        **reader.left_out(),
    )


def few_rows(data: Path | Source) -> int:
    """How many labelled rows a data set has if they are too few to hold some out; else 0, as for one with
    splits of its own. At most the first `FewShotSettings.most_rows` are read. What cannot be read has none:
    `load_splits` says why."""
    count = 0
    with contextlib.suppress(DataError, UsageError):
        layout = layout_of(data)
        if layout.validation or layout.test:
            return 0
        for source in layout.train:
            reviews = open_reviews(source)
            if has_split_column(reviews):
                return 0
            for _ in usable(reviews, Counter(), labelled=True):
                count += 1
                if count > _FEW_SHOT.most_rows:
                    return 0
        return count
    return 0


def fold_numbers(reviews: Sequence[Review], settings: TrainSettings) -> list[int]:
    """The fold of each row, 0 to `settings.folds` - 1: each label is dealt out evenly, in the order of a hash
    of seed and text."""
    folds = [0] * len(reviews)
    order = sorted(
        range(len(reviews)),
        key=lambda row: (
            reviews[row].label or 0,
            sha256_text(f"{settings.seed}:fold:{sha256_text(reviews[row].text)}"),
        ),
    )
    for place, row in enumerate(order):
        folds[row] = place % settings.folds
    return folds


def _data_sets(data: Path) -> list[Path]:
    """The data sets in a folder, by name; none if it does not exist."""
    inside = [data / entry.name for entry in sorted_entries(data)] if is_folder(data) else []
    # The name of an unfinished download begins with a dot.
    return [path for path in inside if path.name[0] != "." and is_data_set(path)]


def _leave_out(rows: Rows, *others: Rows) -> int:
    """Removes the rows whose text is in one of the others; returns their number."""
    shared = [digest for digest in rows if any(digest in other for other in others)]
    for digest in shared:
        del rows[digest]
    return len(shared)


def _require_undivided(source: Source, validation: Rows, test: Rows) -> None:
    """Refuses rows that a data set brings to measure on, where folds are to measure."""
    if validation or test:
        raise DataError(
            f"{visible(str(source))} brings validation or test rows of its own, so folds have nothing to do.",
            received=f"{len(validation)} validation, {len(test)} test rows",
            hint="--folds 0 measures on them",
        )


def _require_enough_for_folds(source: Source, train: Rows) -> None:
    """Refuses too few different texts of a label: the counts of rows may have been enough."""
    counts, least = count_labels(train.values()), _FEW_SHOT.least_per_label
    if min(counts.values()) < least:
        raise DataError(
            f"{visible(str(source))} needs at least {least} different reviews of each label.",
            received=f"{counts['pos']} positive, {counts['neg']} negative",
            hint="add reviews: bertsent label gives texts their labels",
        )


def _require_both_labels(source: Source, splits: Mapping[str, Rows], progress: Progress) -> None:
    """Refuses a data set too small to train on. A test split that lacks a label gives only a note."""
    counts = {split: count_labels(rows.values()) for split, rows in splits.items()}
    if not all([*counts["train"].values(), *counts["validation"].values()]):
        raise DataError(
            f"{visible(str(source))} is too small: train and validation need reviews of both labels.",
            received="; ".join(
                f"{split} {row['pos']} pos, {row['neg']} neg" for split, row in counts.items()
            ),
            hint="add reviews, or change the validation share or the seed",
        )
    if not all(counts["test"].values()):
        progress.note("The test split lacks a label, so some of its metrics cannot be computed.")


def _divide(
    rows: Rows, salt: str, share: float, *, both_labels: bool = False, among: Collection[str] | None = None
) -> tuple[Rows, Rows]:
    """The rows whose digest, salted and hashed to [0, 1), is below `share`, and the other rows.

    With `among`, only rows with these digests are taken. With `both_labels`, a label that no such row has
    gives its row with the lowest hash: of few rows, none may lie below.
    """

    def position(digest: str) -> float:
        return int(sha256_text(f"{salt}:{digest}")[:16], 16) / 2**64

    taken = [key for key in rows if (among is None or key in among) and position(key) < share]
    below = {digest: rows.pop(digest) for digest in taken}
    for label in LABELS.values() if both_labels else ():
        others = [digest for digest, review in rows.items() if review.label == label]
        if len(others) > 1 and all(review.label != label for review in below.values()):
            lowest = min(others, key=position)
            below[lowest] = rows.pop(lowest)
    return dict(sorted(below.items())), rows
