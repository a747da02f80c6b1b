"""Defaults of what every start needs: the workspace, the labels, reading, writing and scoring."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from bertsent.base.settings.checks import names, require

Window = Literal["head", "head+tail"]
Engine = Literal["litert", "tensorflow"]

NEGATIVE, POSITIVE = 0, 1
LABELS = {"negative": NEGATIVE, "positive": POSITIVE}  # also the order of every confusion table
LABEL_NAMES = {number: name for name, number in LABELS.items()}
EVEN = 0.5  # a score from here on is nearer to positive: where labels are compared with answers
FOLDERS = {"neg": NEGATIVE, "pos": POSITIVE}  # the aclImdb layout; no other folder is a class


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder one project lives in: `model/ data/ labels/ reports/ .bertsent/`."""

    root: Path

    @classmethod
    def current(cls) -> Workspace:
        """The folder named by `BERTSENT_HOME`, else the current one."""
        return cls(Path(os.environ.get("BERTSENT_HOME") or Path.cwd()))

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def labels(self) -> Path:
        """The log of human answers, and `pos` and `neg` made of it."""
        return self.root / "labels"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def state(self) -> Path:
        """Locks, drift state and training checkpoints; safe to delete between runs."""
        return self.root / ".bertsent"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerSettings:
    """What a tokenizer remembers, which is what it grows to; forgetting costs time and changes no id."""

    words: int = 65_536  # 5,000 reviews have 39,000 different words; so many take 12 MB
    letters: int = 24  # of a word to remember: longer ones come once, and so many of 100 letters took 50 MB
    characters: int = 16_384  # more than a living script has, less than a hostile text may send

    def __post_init__(self) -> None:
        sizes = self.words, self.letters, self.characters
        require(min(sizes) >= 1, "words, letters and characters must be at least 1.", sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """How a published version scores."""

    engine: Engine = "litert"  # cuts texts without TensorFlow; the other is for what is not WordPiece
    threshold: float | None = None  # at or above it positive; None: 0.5, and "unsure" in the version's band
    workers: int | None = None  # each scores on a core of its own; None: one a core, or what memory holds
    # What of a limit on memory is set aside, beside the classifier's own size: 320 MB of addresses at 384
    # places, Parquet and all, 66 MB more for each further worker (tests/bench/growth.py --addresses).
    first_worker_bytes: int = 300 * 2**20
    worker_bytes: int = 44 * 2**20
    chunk: int = 1024  # reviews read ahead and sorted by length at a time; bounds the memory of a stream
    chunk_characters: int = 4 * 2**20  # or so many characters, if that is less: reviews may have a megabyte

    def __post_init__(self) -> None:
        require(
            self.threshold is None or (math.isfinite(self.threshold) and 0 < self.threshold < 1),
            "threshold must lie between 0 and 1.",
            self.threshold,
        )
        require(self.engine in get_args(Engine), f"engine is one of {names(Engine)}.", self.engine)
        require(self.workers is None or self.workers >= 1, "workers must be at least 1.", self.workers)
        require(min(self.chunk, self.chunk_characters) >= 1, "chunk must be at least 1.", self.chunk)
