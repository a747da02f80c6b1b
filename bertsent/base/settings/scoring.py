"""Defaults of scoring: tokenizer, engine, threshold, workers and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice

Window = Literal["head", "head+tail"]
Engine = Literal["litert", "tensorflow"]

DEFAULT_THRESHOLD = 0.5  # a score at or above it counts as positive when predictions are compared with labels


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerSettings:
    """Sizes of a tokenizer's caches, which bound its memory. A miss costs time and changes no token id."""

    words: int = 65_536  # 12 MB; 5,000 reviews have 39,000 different words
    letters: int = 24  # of the longest cached word: longer ones occur once, and with 100 the cache took 50 MB
    characters: int = 16_384  # more than any living script has; a hostile text may have more

    def __post_init__(self) -> None:
        sizes = self.words, self.letters, self.characters
        require(min(sizes) >= 1, "words, letters and characters must be at least 1.", sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """How a published version scores."""

    engine: Engine = "litert"  # needs no TensorFlow; the other one is for tokenizers that are not WordPiece
    threshold: float | None = None  # at or above it positive; None: 0.5, and "unsure" in the version's band
    workers: int | None = None  # each uses one core; None: one per core, or fewer if memory is limited
    # Memory needed beside the classifier's own size, where memory is limited. Measured with Parquet at 384
    # tokens: 320 MB of address space, 66 MB more per further worker (tests/bench/growth.py --addresses).
    first_worker_bytes: int = 300 * 2**20
    worker_bytes: int = 44 * 2**20
    chunk: int = 1024  # reviews read ahead and sorted by length at a time; bounds the memory of a stream
    chunk_characters: int = 4 * 2**20  # also ends a chunk: a review may have a megabyte

    def __post_init__(self) -> None:
        require(
            self.threshold is None or 0 < self.threshold < 1,
            "threshold must lie between 0 and 1.",
            self.threshold,
        )
        require_choice("engine", self.engine, Engine)
        require(self.workers is None or self.workers >= 1, "workers must be at least 1.", self.workers)
        require(min(self.chunk, self.chunk_characters) >= 1, "chunk must be at least 1.", self.chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSettings:
    """How many rows may wait for the predictions before them, so that they come out in order."""

    empty: int = 16_384  # rows without text; 16 MB of usual rows, and a chunk of texts is seldom cut short
    characters: int = 32 * 2**20  # of all cells; a chunk has 4 Mi of text, and two are in memory

    def __post_init__(self) -> None:
        require(min(self.empty, self.characters) >= 1, "rows that wait must be at least 1.", self.empty)
