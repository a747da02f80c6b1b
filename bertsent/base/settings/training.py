"""Defaults of training: the recipe, checkpoints, and pseudo-labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.settings.checks import require, require_choice
from bertsent.base.settings.scoring import Window

Optimizer = Literal["adamw", "adam", "lamb", "sgd"]
Balance = Literal["none", "downsample", "weights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """One training run. The values are the recipe for `minilm`; docs/model-1.md has what was tried.
    The recipe "original" has the values of the original scripts."""

    epochs: int = 2  # a third costs half an hour; crops give as many new examples every epoch
    init_lr: float = 7e-5  # where the linear decay starts; this small encoder needs more than BERT's 3e-5
    warmup: float = 0.1  # share of all steps in which the rate rises to init_lr
    batch_size: int = 32
    dropout: float = 0.1  # before the head
    optimizer: Optimizer = "adamw"
    encoder: str = "minilm"  # bundled: needs no network
    preprocessor: str = ""  # empty: the encoder's partner in presets.py
    seq_length: int = 256  # word pieces a version sees, with [CLS] and [SEP]; 512 scored no better
    train_length: int = 160  # word pieces of a training example, at most seq_length; half the time of 256
    window: Window = "head+tail"  # a review's verdict usually stands at its end
    crops: float = 1.0  # sentences per review and epoch that train too: they help on short texts
    momentum: float = 0.9  # SGD only; plain SGD does not move a transformer in 5 epochs
    validation_share: float = 0.1  # of the training data, by text digest: 2,500 IMDB reviews are enough
    # If one label is rarer. "none", because each row then counts alike, in the loss as in the accuracy.
    balance: Balance = "none"
    unlabelled_rows: int = 30_000  # at most, of reviews without labels, which take as long as labelled ones
    # How much of a score that comes with a labelled row counts in what it teaches, beside its label. A half:
    # the teacher knows how clear a text is, and the label which side it is on.
    teacher_share: float = 0.5
    # Epochs without a lower validation loss after which training ends; 0: none. As the rate falls with the
    # epochs that were asked for, a late epoch may still be the best, so this saves time at that risk.
    patience: int = 0
    # Folds of a cross-validation, for a warm start on few rows: all rows train, none is held out, and every
    # row is judged by a classifier that has not seen it. 0: validation and test rows are held out.
    folds: int = 0
    seed: int = 42  # as in the original scripts

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs must be at least 1.", self.epochs)
        require(0 < self.init_lr <= 1, "init-lr must lie above 0 and at most at 1.", self.init_lr)
        require(0 <= self.warmup < 1, "warmup is a share of the steps, 0 to below 1.", self.warmup)
        require(self.batch_size >= 1, "batch-size must be at least 1.", self.batch_size)
        require(0 <= self.momentum < 1, "momentum must lie in 0 to below 1.", self.momentum)
        require(0 <= self.dropout < 1, "dropout must lie in 0 to below 1.", self.dropout)
        # The position embeddings of BERT end at 512.
        for name, length in (("seq-length", self.seq_length), ("train-length", self.train_length)):
            require(8 <= length <= 512, f"{name} must lie in 8 to 512, BERT's longest.", length)
        require(self.patience >= 0, "patience must be at least 0 (0: train all epochs).", self.patience)
        require(self.folds == 0 or 2 <= self.folds <= 20, "folds must be 0, or lie in 2 to 20.", self.folds)
        require(
            not (self.folds and self.patience),
            "patience needs validation rows, and folds hold none out.",
            f"folds {self.folds}, patience {self.patience}",
        )
        require(0 <= self.crops <= 100, "crops must lie in 0 to 100.", self.crops)
        require(self.unlabelled_rows >= 1, "unlabelled-rows must be at least 1.", self.unlabelled_rows)
        share = self.validation_share
        require(0 < share < 1, "validation-share must lie between 0 and 1.", share)
        require(0 <= self.teacher_share <= 1, "teacher-share must lie in 0 to 1.", self.teacher_share)
        require(0 <= self.seed < 2**32, "seed must lie in 0 to 4294967295.", self.seed)  # NumPy's range
        require_choice("optimizer", self.optimizer, Optimizer)
        require_choice("window", self.window, Window)
        require_choice("balance", self.balance, Balance)


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotSettings:
    """When `train` takes the recipe "few-shot" by itself, and what a cross-validation needs."""

    recipe: str = "few-shot"
    # Labelled rows of a data set without splits of its own, with a warm start. A tenth of 200 are 20 test
    # rows: 18 of them right say no more than 0.68 to 0.99.
    most_rows: int = 200
    least_per_label: int = 8  # distinct texts; with fewer a fold would judge one row of a label, or none

    def __post_init__(self) -> None:
        require(self.least_per_label >= 2, "least per label must be at least 2.", self.least_per_label)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings:
    """The checkpoints that the next run resumes a killed one from."""

    minutes: float = 10.0  # between two checkpoints inside an epoch; one takes about two seconds
    kept: int = 2  # the newest, and one to fall back on


@dataclass(frozen=True, slots=True, kw_only=True)
class BigramSettings:
    """The bag of bigrams that gives pseudo-labels together with a version."""

    least_reviews: int = 2  # that a bigram must occur in; most occur in only one and tell nothing
    bag_strength: float = 20.0  # inverse of the regularisation; 10 to 50 differ by 0.3 points on IMDB


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """What training with `minilm` takes of memory, in bytes, measured on two cores."""

    # `ulimit -v` below which TensorFlow aborts without a word: 2.5 GB did, 3.5 GB did not.
    addresses: int = 3_500_000_000
    # Peaks of resident memory: 2.8 GB with batches of 8 and 64 word pieces, 3.1 GB with 32 and 160 (the
    # defaults), 4.1 GB with 64 and 192.
    training: int = 4_000_000_000
