"""Every default of bertsent, declared once, with its reason beside it.

The command line shows these values in `--help` and passes changed ones back as a new record; no other
module repeats them. All records are frozen; a value that cannot be used raises `UsageError` when the
record is made.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from bertsent.errors import UsageError

Window = Literal["head", "head+tail"]
Optimizer = Literal["adamw", "adam", "lamb", "sgd"]
Engine = Literal["litert", "tensorflow"]

NEGATIVE, POSITIVE = 0, 1
LABELS = {"negative": NEGATIVE, "positive": POSITIVE}  # also the order of every confusion table
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
    def state(self) -> Path:
        """Locks, drift state and training checkpoints; safe to delete between runs."""
        return self.root / ".bertsent"


def cache_folder() -> Path:
    """The per-user cache for encoders: `BERTSENT_CACHE`, else the platform's (never /tmp,
    which cleaners empty by halves: tensorflow/hub issues 602 and 896)."""
    named = os.environ.get("BERTSENT_CACHE")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("bertsent"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadSettings:
    """How archives are fetched and unpacked."""

    url: str = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"  # the authors' page
    connect_timeout: float = 10.0  # seconds; a host that takes longer to answer is down
    read_timeout: float = 60.0  # seconds without a byte; the Stanford server pauses for up to half a minute
    attempts: int = 5  # with the back-off below: about 30 s of patience in all
    backoff: float = 2.0  # seconds before the second attempt, doubled each time
    max_backoff: float = 60.0  # seconds; also the longest Retry-After that is obeyed
    max_members: int = 500_000  # aclImdb has 100,000 files; five million would fill the inodes
    max_bytes: int = 10 * 1024**3  # unpacked; aclImdb has 0.5 GB
    max_ratio: int = 200  # unpacked : packed; text reaches 10, a bomb 1,000
    max_member_bytes: int = 512 * 1024**2  # one file of an archive; the largest of aclImdb has 40 MB
    ratio_from: int = 16 * 1024**2  # bytes unpacked; below it a small tar's empty blocks look like a bomb
    space_factor: int = 8  # on the disk : packed; aclImdb takes 7 times its archive in 4 KiB blocks
    headway: int = 1024**2  # bytes; an attempt that brings so many starts the count of attempts anew
    keep_partial: float = 7 * 86_400.0  # seconds; an older half of a download is removed

    def __post_init__(self) -> None:
        _require(self.attempts >= 1, "attempts must be at least 1.", self.attempts)


KNOWN_SHA256 = {
    # As TensorFlow Datasets has it: tensorflow_datasets/datasets/imdb_reviews/checksums.tsv
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz": (
        "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
    ),
}

KNOWN_FOLDER = {  # what the archive unpacks to: lets a run see before the download that the place is taken
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz": "aclImdb",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """What counts as a review when folders and files are read."""

    max_review_bytes: int = 1024**2  # 1 MiB is 300 times the longest IMDB review; above it is no review
    minimum_per_class: int = 4  # fewer cannot fill train and validation with both classes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """One training run. The first six values are those of TensorFlow's tutorial
    "Classify text with BERT", which the original scripts followed."""

    epochs: int = 5
    init_lr: float = 3e-5  # where the linear decay starts (Devlin et al. 2019 tried 5e-5, 3e-5, 2e-5)
    warmup: float = 0.1  # share of all steps in which the rate rises to init_lr
    batch_size: int = 32
    dropout: float = 0.1  # before the head
    optimizer: Optimizer = "adamw"
    encoder: str = "minilm"  # bundled: needs no network
    preprocessor: str = ""  # empty: the encoder's partner in presets.py
    seq_length: int = 128  # word pieces, [CLS] and [SEP] counted; 128 is the tutorial's
    window: Window = "head+tail"  # a review's verdict usually stands at its end
    momentum: float = 0.9  # SGD only; plain SGD does not move a transformer in 5 epochs
    validation_share: float = 0.2  # of the training data, by text digest
    seed: int = 42  # as the original scripts

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs must be at least 1.", self.epochs)
        _require(
            math.isfinite(self.init_lr) and 0 < self.init_lr <= 1,
            "init-lr must lie above 0 and at most at 1.",
            self.init_lr,
        )
        _require(0 <= self.warmup < 1, "warmup is a share of the steps, 0 to below 1.", self.warmup)
        _require(self.batch_size >= 1, "batch-size must be at least 1.", self.batch_size)
        _require(0 <= self.dropout < 1, "dropout must lie in 0 to below 1.", self.dropout)
        _require(
            8 <= self.seq_length <= 512,  # position embeddings of BERT end at 512
            "seq-length must lie in 8 to 512, BERT's longest.",
            self.seq_length,
        )
        _require(
            0 < self.validation_share < 1,
            "validation-share must lie between 0 and 1.",
            self.validation_share,
        )
        _require(
            0 <= self.seed < 2**32,  # NumPy takes no other
            "seed must lie in 0 to 4294967295.",
            self.seed,
        )
        _require(
            self.optimizer in get_args(Optimizer), f"optimizer is one of {_names(Optimizer)}.", self.optimizer
        )
        _require(self.window in get_args(Window), f"window is one of {_names(Window)}.", self.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """How a published version scores."""

    engine: Engine = "litert"  # cuts texts without TensorFlow; the other is for what is not WordPiece
    threshold: float = 0.5  # a score at or above it is positive
    batch_size: int = 8  # with LiteRT on two cores 8 x 128 beat 32 x 128: 151 against 119 reviews a second
    length_step: int = 32  # word pieces; batches are padded to a multiple, so that few shapes occur
    chunk: int = 2048  # reviews held and sorted by length at a time; bounds the memory of a stream

    def __post_init__(self) -> None:
        _require(
            math.isfinite(self.threshold) and 0 < self.threshold < 1,
            "threshold must lie between 0 and 1.",
            self.threshold,
        )
        _require(self.engine in get_args(Engine), f"engine is one of {_names(Engine)}.", self.engine)
        sizes = self.batch_size, self.length_step, self.chunk
        _require(min(sizes) >= 1, "batch size, length step and chunk must be at least 1.", sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """What a version keeps of its training data for `drift`."""

    max_rows: int = 5000  # enough for the text measure (drift needs 5 to 10 reference rows a new row)


def _require(condition: bool, message: str, received: object) -> None:
    if not condition:
        raise UsageError(message, received=received)


def _names(choices: Any) -> str:
    return ", ".join(get_args(choices))
