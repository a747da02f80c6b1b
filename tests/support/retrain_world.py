"""A world that a model learns in seconds: film reviews, which a tiny champion knows by two words, and labels
of a shop, whose words it has never seen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bertsent.base.errors import Interrupted
from bertsent.base.settings.toml_file import Config
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.retraining import run as core
from bertsent.retraining.records import Retrained, RetrainRun, Trigger
from bertsent.versions.manifest import Version
from bertsent.versions.store import find
from support import tiny_bert
from support.listener import Listener

Folders = tuple[Path, Path]
FILM = ("awful", "wonderful")  # by label
SHOP = ("stale", "tasty")
# One epoch, as there are too few validation rows to choose between two.
PACE = {"epochs": 1, "init_lr": 3e-3, "batch_size": 4, "crops": 0.0, "optimizer": "adam"}
DRIFT = Trigger(
    "drift",
    batch="b" * 64,
    report={
        "verdict": "drift",
        "threshold": 0.1,
        "measures": {"text": {"value": 0.9, "low": 0.8, "high": 1.0}, "error": {"value": None}},
        "reason": "90 % of the new reviews look foreign.",
    },
)
TRAIN, TEST = 120, 800  # reviews; of 800 test rows two may change without a point being in doubt
LABELS = 240


def texts(words: tuple[str, str], count: int, *, seed: int) -> Iterator[tuple[str, int]]:
    """Distinct reviews that say one of two words, with their labels in turn."""
    draw = random.Random(f"{words} {seed}")
    for number in range(count):
        label = number % 2
        rest = [draw.choice(("the", "film", "was", "it", "and")) for _ in range(draw.randrange(6))]
        yield " ".join([words[label], *rest, words[label], f"number {seed} {number}"]), label


def known(count: int, *, wrong: bool = False) -> list[tuple[str, int]]:
    """New reviews like those the champion was trained on; `wrong` turns their labels round."""
    trained = {text for text, _ in texts(FILM, TRAIN, seed=1)}
    draw = random.Random(0)
    rows: dict[str, int] = {}
    while len(rows) < count:
        label = len(rows) % 2
        rest = " ".join(draw.choice(("the", "film", "was", "it", "and")) for _ in range(draw.randrange(6)))
        word = FILM[label]
        text = f"{word} {rest} {word} number 1 {draw.randrange(TRAIN)}"
        if text not in trained:
            rows[text] = label ^ wrong
    return list(rows.items())


def data_set(folder: Path, *, train: int = TRAIN) -> Path:
    """A data set about films."""
    for half, count, seed in (("train", train, 1), ("test", TEST, 2)):
        for number, (text, label) in enumerate(texts(FILM, count, seed=seed)):
            file = folder / half / ("neg", "pos")[label] / f"{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def settings(folders: Folders, **changes: Any) -> TrainSettings:
    """A run of seconds that learns its words."""
    quick = {"epochs": 4, "init_lr": 4e-3, "batch_size": 8, "crops": 0.0, "optimizer": "adam"}
    return tiny_bert.settings(folders, **quick | {"dropout": 0.0} | changes)


def write_config(path: Path, **changes: Any) -> Path:
    """The pace of a retrain as a configuration file."""
    lines = [f"{name} = {value!r}" for name, value in (PACE | changes).items()]
    path.write_text("[train]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def label(home: Path, rows: Iterable[tuple[str, int]]) -> None:
    """Records answers as `bertsent label` does."""
    log = LabelLog(Workspace(home).labels)
    for text, answer in rows:
        log.append(decide(text, "positive" if answer else "negative", picked_by="random"))


def current(home: Path) -> Version:
    """The version that would score now."""
    return find(None, folder=home / "model")


class AtTheGate(Listener):
    """Ends a retrain when its challenger is trained and not yet judged."""

    def start(self, what: str, total: int | None, unit: str = "") -> None:
        super().start(what, total, unit)
        if what == "Scoring by the champion":
            raise Interrupted("At the gate.")


def retrain(
    home: Path, data: Path | None, *, trigger: Trigger = DRIFT, epochs: int = 1, **options: Any
) -> Retrained:
    """Retrains on all labels of a workspace, from the champion."""
    champion, pace = current(home), Config(values=PACE | {"epochs": epochs})
    return core.retrain(
        RetrainRun(
            workspace=Workspace(home),
            data=data,
            champion=champion,
            rows=LabelLog(Workspace(home).labels).labelled(),
            trigger=trigger,
            settings=core.settings_for(champion, warm_start=True, config=pace),
            warm_start=True,
            **options,
        )
    )


def challenge(home: Path, data: Path, rows: Iterable[tuple[str, int]]) -> Path:
    """Labels rows in a workspace and retrains up to the gate."""
    label(home, rows)
    with pytest.raises(Interrupted, match="At the gate"):
        retrain(home, data, progress=AtTheGate())
    return home
