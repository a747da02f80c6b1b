"""Defaults of reading and writing reviews, and the two labels."""

from __future__ import annotations

from dataclasses import dataclass

from bertsent.base.settings.checks import require

NEGATIVE, POSITIVE = 0, 1
LABELS = {"negative": NEGATIVE, "positive": POSITIVE}  # also the order of every confusion table
LABEL_NAMES = {number: name for name, number in LABELS.items()}
# The aclImdb layout: train/{neg,pos} and test/{neg,pos}. No other folder is a class.
FOLDERS = {"neg": NEGATIVE, "pos": POSITIVE}
HALVES = ("train", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """What counts as a review when folders and files are read."""

    max_review_bytes: int = 1024**2  # 1 MiB, 300 times the longest IMDB review; a longer file is no review
    minimum_per_class: int = 4  # fewer cannot fill train and validation with both classes
    parquet_rows: int = 64  # read from a table at a time: with the longest reviews 64 MiB

    def __post_init__(self) -> None:
        require(self.parquet_rows >= 1, "parquet rows must be at least 1.", self.parquet_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """The largest row group of Parquet, which is held in memory; it ends at either limit."""

    group_rows: int = 8192  # 10 MB of IMDB reviews; with it the footer of a million rows stays small
    group_characters: int = 8 * 1024**2  # of text; 8192 of the longest reviews would be 8 GiB

    def __post_init__(self) -> None:
        sizes = self.group_rows, self.group_characters
        require(min(sizes) >= 1, "rows and characters of a group must be at least 1.", sizes)
