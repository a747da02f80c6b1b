"""Defaults of reading and writing reviews, and the two labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require

NEGATIVE, POSITIVE = 0, 1
LABELS = {"negative": NEGATIVE, "positive": POSITIVE}  # also the order of every confusion table
LABEL_NAMES: dict[int, Literal["negative", "positive"]] = {NEGATIVE: "negative", POSITIVE: "positive"}
# The folders of the classes in the aclImdb layout, train/{neg,pos} and test/{neg,pos}.
FOLDERS = {"neg": NEGATIVE, "pos": POSITIVE}
CLASSES = {**FOLDERS, **LABELS}  # the names of class folders, in lower case -> label
Format = Literal["auto", "csv", "tsv", "lines", "jsonl", "json", "parquet", "xlsx"]
OnBadRow = Literal["refuse", "skip"]
OutputFormat = Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "sqlite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """How folders and files of reviews are read, and what counts as a review."""

    text: str = ""  # column of the text: a name, a dotted path, or a number from 1; empty: found by its name
    label: str = ""  # column of the label, likewise
    labels: str = ""  # what the labels mean, as 'positive=4,5 negative=1,2'; empty: the usual words
    format: Format = "auto"  # by suffix and content
    delimiter: str = ""  # of CSV; empty: found
    encoding: str = ""  # empty: by the byte order mark, else UTF-8
    header: bool = True  # whether the first row of a table names its columns
    sheet: str = ""  # of a workbook; empty: the first
    on_bad_row: OnBadRow = "refuse"  # because a row left out unasked would change results without a word
    max_review_bytes: int = 1024**2  # 1 MiB, 300 times the longest IMDB review; a longer file is no review
    max_row_bytes: int = (
        16 * 1024**2
    )  # of a text format: room for other columns, such as the page of a review
    minimum_per_class: int = 4  # fewer cannot fill train and validation with both classes
    parquet_rows: int = 64  # read from a table at a time: with the longest reviews 64 MiB

    def __post_init__(self) -> None:
        require(self.parquet_rows >= 1, "parquet rows must be at least 1.", self.parquet_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """The largest row group of Parquet, which is held in memory and ends at either limit; compression."""

    group_rows: int = 8192  # 10 MB of IMDB reviews; with it the footer of a million rows stays small
    group_characters: int = 8 * 1024**2  # of text; 8192 of the longest reviews would be 8 GiB
    gzip_level: int = 6  # gzip's own; Python's 9 takes a fifth longer and saves half a percent

    def __post_init__(self) -> None:
        sizes = self.group_rows, self.group_characters
        require(min(sizes) >= 1, "rows and characters of a group must be at least 1.", sizes)
