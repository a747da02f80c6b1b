"""One training run: its settings, its rows and what it begins with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from bertsent.base.digests import sha256_lines
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings
from bertsent.labelling.selection import Mix
from bertsent.scoring.pseudo_labels import PseudoLabels
from bertsent.tf.balance import Balanced, balance
from bertsent.tf.encoder import Encoder
from bertsent.versions.manifest import WEIGHTS, Version


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Everything that decides which classifier a run produces."""

    settings: TrainSettings
    encoder: Encoder
    mix: Mix  # the labelled rows: for `train` those of the data set, for a retrain new ones too
    pseudo_labels: PseudoLabels | None = None
    warm_start: Version | None = None  # begin with this version's weights instead of the encoder's

    @property
    def splits(self) -> Splits:
        """The data set."""
        return self.mix.splits

    @property
    def continues(self) -> bool:
        """Whether it is a retrain with a version's weights, which must not forget the old rows."""
        return self.warm_start is not None and bool(self.mix.new)

    @property
    def takes_last_epoch(self) -> bool:
        """Whether the last epoch is published: no validation rows may choose one."""
        return self.continues or bool(self.settings.folds)

    @property
    def rows(self) -> dict[str, tuple[Review, ...]]:
        """The labelled rows by split: "train" holds those to train on; only a retrain has "reserved"."""
        rows = dict(self.splits.items()) | {"train": (*self.mix.old, *self.mix.new)}
        return rows | ({"reserved": self.mix.reserved} if self.mix.reserved else {})

    @property
    def balanced(self) -> Balanced:
        """Which of the rows "train" to train on, and with which weights."""
        return balance(self.mix.old, self.mix.new, self.settings.balance, seed=self.settings.seed)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of everything that must stay the same when a stopped run is resumed."""
        pseudo, warm_start = self.pseudo_labels, self.warm_start
        settings = asdict(self.settings)
        if self.settings.balance == "none":  # as before there was a choice: an older checkpoint still fits
            del settings["balance"]
        for name in ("patience", "folds"):
            if not settings[name]:
                del settings[name]
        if pseudo is None or not pseudo.of_training:
            del settings["teacher_share"]
        return sha256_lines(
            [
                *([self.mix.digest] if self.mix.new else []),
                json.dumps(settings, sort_keys=True),
                json.dumps(dict(self.splits.digests), sort_keys=True),
                json.dumps([pseudo.digest, pseudo.source], sort_keys=True) if pseudo else "",
                warm_start.manifest.files[WEIGHTS]["sha256"] if warm_start else "",
                f"{self.encoder.digest} rebuilt={self.encoder.rebuilt}",
                self.encoder.tokenizer.digest(),
            ]
        )

    def data(self) -> dict[str, Any]:
        """The manifest's `data`: digest and counts of each split, of pseudo-labels and of new labels; for the
        training rows also how they were read and balanced.

        Where the splits only stand in for a data set, its entries are those of the version that training
        began with: what its weights have learnt from, and what not.
        """
        data: dict[str, Any] = {
            name: {
                "digest": self.splits.digests[name],
                "n": len(reviews),
                "positive": sum(review.label == POSITIVE for review in reviews),
            }
            for name, reviews in self.splits.items()
        }
        if self.splits.read:
            data["train"]["read"] = dict(self.splits.read)
        if self.settings.balance != "none":
            data["train"]["balance"] = self.balanced.as_json()
        if self.mix.stand_in and self.warm_start is not None:
            data |= {
                name: dict(entry) for name, entry in self.warm_start.manifest.data.items() if name in data
            }
        if self.pseudo_labels is not None:
            data["unlabelled"] = {
                "digest": self.pseudo_labels.digest,
                "n": len(self.pseudo_labels.reviews),
                "positive": int((self.pseudo_labels.targets >= DEFAULT_THRESHOLD).sum()),
                "teacher": dict(self.pseudo_labels.source),
            }
        return data | ({"labels": self.mix.as_json()} if self.mix.new else {})
