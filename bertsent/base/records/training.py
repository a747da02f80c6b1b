"""The records of training: its data, its epochs, its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertsent.base.records.core import Review
from bertsent.base.records.metrics import Metrics, Quantised

CROSS_VALIDATION = "cross_validation"  # the metrics of a run with folds


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set, cleaned, de-duplicated and split by text digest."""

    train: tuple[Review, ...]
    validation: tuple[Review, ...]
    test: tuple[Review, ...]
    digests: Mapping[str, str]  # split -> sha256 over its sorted text digests and labels
    duplicates: int = 0  # rows left out because the same text occurred before
    conflicts: int = 0  # texts left out because they occurred with both labels
    leaked: int = 0  # held-out rows left out because training holds the same text
    ignored: tuple[str, ...] = ()  # entries of the data set and columns that were not read, in words
    empty: int = 0  # rows left out because there is nothing to read in them
    unlabelled: int = 0  # rows left out because they have no label
    unknown: Mapping[str, int] = field(default_factory=dict)  # value that is no label -> its rows
    bad_rows: int = 0  # rows left out because they could not be read, with `on_bad_row` "skip"
    other_splits: Mapping[str, int] = field(default_factory=dict)  # value of a split column -> rows left out
    read: Mapping[str, Any] = field(default_factory=dict)  # what was read and how, for the manifest

    def items(self) -> tuple[tuple[str, tuple[Review, ...]], ...]:
        """Name and rows of each split."""
        return ("train", self.train), ("validation", self.validation), ("test", self.test)


@dataclass(frozen=True, slots=True)
class Download:
    """What `download` did."""

    path: Path  # the data set, or the encoder's folder
    files: int
    bytes: int
    fetched: bool  # False: it was complete already
    sha256: str = ""  # of the archive
    counts: Mapping[str, int] = field(default_factory=dict)  # folder of the data set -> files in it
    tables: tuple[str, ...] = ()  # its tables, as paths inside it; none if it consists of class folders
    left_out: Mapping[str, int] = field(default_factory=dict)  # entry of the archive -> files not taken of it


@dataclass(frozen=True, slots=True)
class Tree:
    """One part of a model's structure, with its parts below it."""

    name: str
    detail: str = ""  # its kind and output shape
    parameters: int = 0  # of this part and all below it
    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an encoder does with one text, before any training."""

    encoder: str
    handle: str
    text: str
    word_pieces: tuple[str, ...]
    input_word_ids: tuple[int, ...]  # [seq_length]
    input_mask: tuple[int, ...]  # [seq_length]
    input_type_ids: tuple[int, ...]  # [seq_length]
    tokens: int
    truncated: bool
    pooled_output: tuple[float, ...]  # [hidden_size], each in [-1, 1]
    sequence_shape: tuple[int, ...]  # [batch, seq_length, hidden_size]; empty where there is none
    untrained_score: float  # sigmoid of a random head: shows that nothing is learnt yet
    parameters: int
    trainable_parameters: int
    structure: Tree


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training data, as history.json keeps it."""

    epoch: int  # from 1
    loss: float
    accuracy: float
    validation_loss: float  # log loss when calibrated, as the version would be
    validation_accuracy: float
    seconds: float
    examples_per_second: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` did: the published version and its numbers."""

    version: int
    path: Path
    best_epoch: int
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, Metrics]  # split -> of the LiteRT file
    quantised: Quantised
    seconds: float
    # P(positive) by text, of the rows that were scored when the version was made: validation, test, reserved.
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)
