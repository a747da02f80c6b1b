"""Defaults of what every start needs: the workspace, the labels, reading, writing and scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from bertsent.base.settings.checks import names, require

Window = Literal["head", "head+tail"]
Engine = Literal["litert", "tensorflow"]

DEFAULT_THRESHOLD = 0.5  # a score from here on is nearer to positive: where labels are compared with answers


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
    # tokens, Parquet and all, 66 MB more for each further worker (tests/bench/growth.py --addresses).
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
