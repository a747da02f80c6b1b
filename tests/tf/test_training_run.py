"""The record of a training run: its rows, its fingerprint and what the manifest says of its data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.training import TrainSettings
from bertsent.labelling.selection import Mix
from bertsent.scoring.pseudo_labels import PseudoLabels
from bertsent.versions.manifest import WEIGHTS

ROWS = (Review("good", 1), Review("bad", 0), Review("fine", 1))
SPLITS = Splits(
    train=ROWS[:2], validation=ROWS[2:], test=(), digests={"train": "a", "validation": "b", "test": "c"}
)
PSEUDO = PseudoLabels(
    reviews=ROWS,
    targets=np.array([0.2, 0.5, 0.9], np.float32),
    digest="d",
    source={"version": 1, "digest": "v", "weights": {"version": 0.5, "bigrams": 0.25, "bias": 0.0}},
)
PLAIN = Mix(splits=SPLITS, old=SPLITS.train)
RETRAIN = Mix(splits=SPLITS, old=ROWS[:1], new=ROWS[2:], interpolation=0.7)


def run(mix: Mix, *, pseudo_labels: PseudoLabels | None = None, warm: bool = False) -> Any:
    pytest.importorskip("tensorflow", reason="needs bertsent[train]")
    from bertsent.tf.training_run import TrainingRun

    encoder: Any = SimpleNamespace(digest="e", rebuilt=True, tokenizer=SimpleNamespace(digest=lambda: "t"))
    version: Any = SimpleNamespace(manifest=SimpleNamespace(files={WEIGHTS: {"sha256": "w"}}))
    return TrainingRun(TrainSettings(), encoder, mix, pseudo_labels, version if warm else None)


def test_fingerprints_are_those_of_0_4_0() -> None:
    """Or a run that 0.4.0 left unfinished could not be resumed. A new setting changes all of them."""
    assert [
        run(PLAIN).fingerprint,
        run(PLAIN, pseudo_labels=PSEUDO, warm=True).fingerprint,
        run(RETRAIN, warm=True).fingerprint,
    ] == [
        "89ae1d7856e75bc0c55962fdbf4422701433c4a4bd577e64298b5407ca35288e",
        "98e12158d33c7e1bce1dbe5d1cc5c4848e6f77a048d9e0d5b59c05e48a5a2c8a",
        "1b96c66db03338f67212d05169e96e38fea6d50dc0c4816b5c8a0c2853163108",
    ]


def test_rows_of_a_retrain_are_old_and_new_ones() -> None:
    assert run(PLAIN).rows == {"train": ROWS[:2], "validation": ROWS[2:], "test": ()}
    reserved = Mix(splits=SPLITS, old=ROWS[:1], new=ROWS[2:], reserved=ROWS[1:2])
    assert run(reserved).rows["train"] == (ROWS[0], ROWS[2])
    assert run(reserved).rows["reserved"] == ROWS[1:2]


@pytest.mark.parametrize(
    ("mix", "warm", "continues"),
    [(PLAIN, False, False), (PLAIN, True, False), (RETRAIN, False, False), (RETRAIN, True, True)],
)
def test_only_a_retrain_with_a_warm_start_continues(mix: Mix, warm: bool, continues: bool) -> None:
    assert run(mix, warm=warm).continues is continues


def test_data_counts_splits_pseudo_labels_and_new_labels() -> None:
    assert run(PLAIN).data() == {
        "train": {"digest": "a", "n": 2, "positive": 1},
        "validation": {"digest": "b", "n": 1, "positive": 1},
        "test": {"digest": "c", "n": 0, "positive": 0},
    }
    unlabelled = run(PLAIN, pseudo_labels=PSEUDO).data()["unlabelled"]
    assert unlabelled == {"digest": "d", "n": 3, "positive": 2, "teacher": PSEUDO.source}
    assert run(RETRAIN).data()["labels"]["step"] == 0.7
