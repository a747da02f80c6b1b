"""Defaults of reading and writing reviews, and the two labels."""

from __future__ import annotations

from dataclasses import dataclass

from bertsent.base.settings.checks import require

NEGATIVE, POSITIVE = 0, 1
LABELS = {"negative": NEGATIVE, "positive": POSITIVE}  # also the order of every confusion table
LABEL_NAMES = {number: name for name, number in LABELS.items()}
FOLDERS = {"neg": NEGATIVE, "pos": POSITIVE}  # the aclImdb layout; no other folder is a class


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """What counts as a review when folders and files are read."""

    max_review_bytes: int = 1024**2  # 1 MiB is 300 times the longest IMDB review; above it is no review
    minimum_per_class: int = 4  # fewer cannot fill train and validation with both classes
    parquet_rows: int = 64  # taken from a table at a time: of the longest reviews 64 MiB
    # File names held of a folder: 25 MB. One of more is looked through again for every so many; a million
    # files take a second, and scoring so many reviews takes half an hour.
    held_names: int = 262_144

    def __post_init__(self) -> None:
        sizes = self.parquet_rows, self.held_names
        require(min(sizes) >= 1, "parquet rows and held names must be at least 1.", sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """How much of a Parquet file is held before it is written: a row group, ended by either bound."""

    group_rows: int = 8192  # 10 MB of IMDB reviews; a footer of a million rows stays small with it
    group_characters: int = 8 * 1024**2  # of text; 8192 of the longest reviews would be 8 GiB

    def __post_init__(self) -> None:
        sizes = self.group_rows, self.group_characters
        require(min(sizes) >= 1, "rows and characters of a group must be at least 1.", sizes)
