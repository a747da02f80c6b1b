"""A data set on disk, cleaned, de-duplicated and split into train, validation and test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import is_folder
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import FOLDERS, HALVES
from bertsent.base.settings.training import TrainSettings
from bertsent.data.folders import count_files, entries, is_real_folder, sorted_entries
from bertsent.data.reviews import FETCH_HINT, count_labels, read_folder

_Rows = dict[str, Review]  # by the digest of their text, sorted


def find_data_set(data: Path) -> Path:
    """The data set to use if none is named: `data/aclImdb`, else the only one in `data`.

    Raises:
        DataError: if there is none, or more than one to choose from.
    """
    if is_folder(data / "aclImdb"):
        return data / "aclImdb"
    data_sets = _data_sets(data)
    if len(data_sets) != 1:
        raise DataError(
            f"{visible(str(data))} must hold one data set (a folder with train/ or with pos/ and neg/).",
            received=", ".join(visible(path.name) for path in data_sets) or "none",
            hint=f"--data {visible(str(data_sets[0]))}" if data_sets else FETCH_HINT,
        )
    return data_sets[0]


def has_data_set(data: Path) -> bool:
    """Whether `data` holds a data set, or several."""
    return is_folder(data / "aclImdb") or bool(_data_sets(data))


def load_splits(folder: Path, settings: TrainSettings, *, progress: Progress = silent) -> Splits:
    """Reads a data set and splits it by text digest.

    Texts are cleaned, and each is in one split; splits are sorted by digest. Whether a row goes to validation
    depends only on its text and the seed, not on file order or other rows. Without a test folder the test
    split is drawn first, in the same way and with the same share (0.2 gives 20 % test, 16 % validation, 64 %
    train). A text that has both labels in one half is left out of that half. A test row whose text is also in
    the training half is left out, whatever its label.

    Args:
        folder: Holds `train/{pos,neg}` and perhaps `test/{pos,neg}`, or `pos` and `neg` themselves.
        settings: Seed and share of the validation split.

    Raises:
        DataError: if the folder, a class, or the train or validation split is missing, empty or too small.
    """
    nested = is_real_folder(folder / "train")
    source = folder / "train" if nested else folder
    rows, duplicates, conflicts = _distinct(read_folder(source, progress=progress))
    leaked = 0
    if nested and is_real_folder(folder / "test"):
        given, repeated, mixed = _distinct(read_folder(folder / "test", progress=progress))
        test = {digest: review for digest, review in given.items() if digest not in rows}
        duplicates, conflicts, leaked = duplicates + repeated, conflicts + mixed, len(given) - len(test)
    else:
        test, rows = _divide(rows, f"{settings.seed}:test", settings.validation_share)
    validation, train = _divide(rows, str(settings.seed), settings.validation_share)
    splits = {"train": train, "validation": validation, "test": test}
    _require_both_labels(folder, splits, progress)
    return Splits(
        **{name: tuple(split.values()) for name, split in splits.items()},
        digests={
            name: sha256_lines(f"{digest} {review.label}" for digest, review in split.items())
            for name, split in splits.items()
        },
        duplicates=duplicates,
        conflicts=conflicts,
        leaked=leaked,
        ignored=tuple(_ignored(folder, nested=nested)),
    )


def _data_sets(data: Path) -> list[Path]:
    """The data sets in a folder, by name; none if it does not exist."""
    inside = [data / entry.name for entry in sorted_entries(data)] if is_folder(data) else []
    # The name of an unfinished download begins with a dot.
    return [path for path in inside if path.name[0] != "." and _is_data_set(path)]


def _is_data_set(path: Path) -> bool:
    return is_folder(path / "train") or all(is_folder(path / name) for name in FOLDERS)


def _ignored(folder: Path, *, nested: bool, prefix: str = "") -> Iterator[str]:
    """What `load_splits` did not read: paths relative to the data set, with kind or number of entries."""
    loose = 0
    for entry in sorted_entries(folder):
        name, inner = visible(prefix + entry.name), Path(entry.path)
        if entry.is_symlink():
            yield f"{name} (a link)"
        elif not entry.is_dir():
            loose += not entry.name.startswith(".")  # hidden files are not data
        elif nested and entry.name in HALVES:
            yield from _ignored(inner, nested=False, prefix=f"{entry.name}/")
        elif nested or entry.name not in FOLDERS:
            yield f"{name} ({_files(len(list(inner.glob('*'))))})"
        elif others := sum(1 for _ in entries(inner)) - count_files(inner):
            yield f"{name} (entries that are not reviews: {others})"
    if loose:
        yield f"{prefix or './'} ({_files(loose, 'loose file')})"


def _files(number: int, what: str = "file") -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _require_both_labels(folder: Path, splits: Mapping[str, _Rows], progress: Progress) -> None:
    """Refuses a data set too small to train on. A test split that lacks a label gives only a note."""
    counts = {split: count_labels(rows.values()) for split, rows in splits.items()}
    if not all([*counts["train"].values(), *counts["validation"].values()]):
        raise DataError(
            f"{visible(str(folder))} is too small: train and validation need reviews of both labels.",
            received="; ".join(
                f"{split} {row['pos']} pos, {row['neg']} neg" for split, row in counts.items()
            ),
            hint="add reviews, or change the validation share or the seed",
        )
    if not all(counts["test"].values()):
        progress.note("The test split lacks a label, so some of its metrics cannot be computed.")


def _distinct(reviews: Iterable[Review]) -> tuple[_Rows, int, int]:
    """The first review of each text, the number of rows that repeat one, and of texts with both labels."""
    first: _Rows = {}
    contradicted: set[str] = set()
    repeated = 0
    for review in reviews:
        digest = sha256_text(review.text)
        earlier = first.setdefault(digest, review)
        if earlier.label != review.label:
            contradicted.add(digest)
        elif earlier is not review:
            repeated += 1
    return {key: first[key] for key in sorted(first.keys() - contradicted)}, repeated, len(contradicted)


def _divide(rows: _Rows, salt: str, share: float) -> tuple[_Rows, _Rows]:
    """The rows whose digest, salted and hashed to [0, 1), is below `share`, and the other rows."""
    below: _Rows = {}
    others: _Rows = {}
    for digest, review in rows.items():
        position = int(sha256_text(f"{salt}:{digest}")[:16], 16) / 2**64
        (below if position < share else others)[digest] = review
    return below, others
