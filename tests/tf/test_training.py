"""Training: the best epoch, runs that stop and go on, losses that are no number, disks that are full."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_bert
from support.listener import Listener

from bertsent.base.errors import Interrupted, StorageError, TrainingError
from bertsent.base.records.training import Splits, Trained
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.splits import load_splits
from bertsent.scoring.tokenizer import Tokenizer
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, read_version

Folders = tuple[Path, Path]
EPOCHS = 3


@pytest.fixture
def heard() -> Listener:
    return Listener()


@pytest.fixture
def train(sample: Path, workspace: Path, heard: Listener) -> Callable[..., Trained]:
    """Trains in this test's workspace, on the sample if nothing else is said."""
    from bertsent.tf import training

    def run(settings: TrainSettings, *, data: Path = sample, **options: Any) -> Trained:
        return training.train(settings, data=data, workspace=Workspace(workspace), progress=heard, **options)

    return run


def temporary(workspace: Path) -> list[Path]:
    return [*workspace.rglob("*.tmp"), *workspace.rglob("*.owner")]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Folders, sample: Path) -> Path:
    """A workspace whose run of three epochs was stopped in its last one."""
    from bertsent.tf import training

    home = Workspace(tmp_path_factory.mktemp("stopped"))
    last = home.state / "training" / f"epoch-{EPOCHS - 1:04d}"
    with pytest.raises(Interrupted):
        training.train(
            tiny_bert.settings(tiny_encoder, epochs=EPOCHS),
            data=sample,
            workspace=home,
            stop=last.exists,
        )
    return home.root


@pytest.fixture
def unfinished(stopped: Path, workspace: Path) -> Path:
    """The checkpoints of that run in this test's workspace, free to be damaged."""
    return Path(shutil.copytree(stopped / ".bertsent", workspace / ".bertsent")) / "training"


# The best epoch


@pytest.fixture(scope="module")
def contrary_run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Folders) -> Trained:
    """A run whose validation rows have the opposite labels, so that it gets worse with every epoch.

    Training holds every text of the test half, so no row of that is left.
    """
    from bertsent.tf import training

    home, settings = Workspace(tmp_path_factory.mktemp("contrary")), tiny_bert.settings(tiny_encoder)
    for number in range(160):
        word, name = ("wonderful", "pos") if number % 2 else ("awful", "neg")
        file = home.data / "train" / name / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{word} {word} {word} {number}")
    shutil.copytree(home.data / "train", home.data / "test")
    for review in load_splits(home.data, settings).validation:
        number = int(review.text.split()[-1])
        old, new = ("pos", "neg") if number % 2 else ("neg", "pos")
        (home.data / "train" / old / f"{number}.txt").rename(home.data / "train" / new / f"{number}.txt")
    longer = replace(settings, epochs=4, init_lr=2e-3, optimizer="adam", dropout=0.0)
    return training.train(longer, data=home.data, workspace=home)


def test_train_publishes_the_epoch_of_the_lowest_validation_loss(contrary_run: Trained) -> None:
    losses = [epoch.validation_loss for epoch in contrary_run.epochs]
    best = losses[contrary_run.best_epoch - 1]
    assert best == min(losses)
    assert losses[-1] > best + 0.001  # or the test could not tell them apart
    history = json.loads((contrary_run.path / "history.json").read_text(encoding="utf-8"))
    assert history["best_epoch"] == contrary_run.best_epoch
    assert [epoch["validation_loss"] for epoch in history["epochs"]] == losses
    assert contrary_run.metrics["validation"].log_loss == pytest.approx(best, abs=0.03)


def test_train_publishes_although_no_test_row_is_left(contrary_run: Trained) -> None:
    assert contrary_run.metrics["test"].confusion.n == 0
    assert contrary_run.quantised.agreement >= 0.9  # of the validation rows

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (contrary_run.path / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text, parse_constant=refuse)
    assert manifest["metrics"]["test"]["accuracy"] is None
    assert "| test | 0 | - | - |" in (contrary_run.path / "README.md").read_text(encoding="utf-8")


# Losses that are no number


def piece_only_in(split: str, splits: Splits, vocabulary: Path) -> int:
    """A word piece that occurs in one split and in no other."""
    tokenizer = Tokenizer.from_file(vocabulary, lower_case=True)
    seen = {
        name: set(np.concatenate(tokenizer.encode([review.text for review in getattr(splits, name)])))
        for name in ("train", "validation", "test")
    }
    return int(min(seen[split] - set.union(*(seen[name] for name in seen if name != split))))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_train_publishes_nothing_when_the_loss_is_no_number(
    train: Callable[..., Trained],
    tiny_encoder: Folders,
    sample: Path,
    workspace: Path,
    tmp_path: Path,
    split: str,
) -> None:
    settings = tiny_bert.settings(tiny_encoder, seq_length=512)
    piece = piece_only_in(split, load_splits(sample, settings), tiny_encoder[1] / "assets" / "vocab.txt")
    broken = tiny_bert.without_number(tiny_encoder[0], tmp_path / "broken", piece=piece)
    with pytest.raises(TrainingError, match="no longer a finite number") as refusal:
        train(tiny_bert.settings((broken, tiny_encoder[1]), seq_length=512))
    assert ("loss nan" if split == "train" else "not a number") in str(refusal.value.received)
    assert not list((workspace / "model").iterdir())
    assert not (workspace / ".bertsent" / "training").exists()
    assert not temporary(workspace)


# Runs that stop and go on


def test_stop_keeps_the_last_epoch_and_where_it_stopped(stopped: Path) -> None:
    names = sorted(path.name for path in (stopped / ".bertsent" / "training").iterdir())
    assert names == [f"epoch-{EPOCHS - 1:04d}", f"epoch-{EPOCHS - 1:04d}-step-000001"]
    assert not list((stopped / "model").iterdir())
    assert not temporary(stopped)


def test_resume_goes_on_inside_an_epoch(
    train: Callable[..., Trained], tiny_encoder: Folders, unfinished: Path, heard: Listener
) -> None:
    trained = train(tiny_bert.settings(tiny_encoder, epochs=EPOCHS), resume=True)
    assert heard.heard(f"Resuming after epoch {EPOCHS - 1}, batch 1")
    assert [epoch.epoch for epoch in trained.epochs] == [1, 2, 3]
    assert abs(trained.epochs[2].loss - trained.epochs[1].loss) < 0.2
    assert not unfinished.exists()


def test_train_without_resume_says_what_it_drops(
    train: Callable[..., Trained], tiny_encoder: Folders, unfinished: Path, heard: Listener
) -> None:
    with pytest.raises(Interrupted):
        train(tiny_bert.settings(tiny_encoder, epochs=EPOCHS), stop=lambda: True)
    assert heard.heard("--resume would have resumed it")
    assert [path.name for path in unfinished.iterdir()] == ["epoch-0000-step-000001"]


def test_resume_refuses_other_settings(
    train: Callable[..., Trained], tiny_encoder: Folders, unfinished: Path
) -> None:
    with pytest.raises(TrainingError, match="other data, settings or another encoder"):
        train(tiny_bert.settings(tiny_encoder, epochs=EPOCHS, init_lr=2e-3), resume=True)
    assert len(list(unfinished.iterdir())) == 2


def test_resume_refuses_other_data(
    train: Callable[..., Trained], tiny_encoder: Folders, unfinished: Path, sample: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(sample, tmp_path / "other"))
    next((other / "train" / "pos").iterdir()).write_text("Another text altogether.")
    with pytest.raises(TrainingError, match="other data, settings or another encoder"):
        train(tiny_bert.settings(tiny_encoder, epochs=EPOCHS), data=other, resume=True)


# Reviews without labels

TAUGHT = [f"A {word} film, number {number}." for number in range(10) for word in ("lovely", "dull")]


def taught_settings(folders: Folders) -> TrainSettings:
    return tiny_bert.settings(folders, epochs=2, crops=0.0)


@pytest.fixture(scope="module")
def stopped_with_teacher(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Folders, sample: Path, trained: Path
) -> Path:
    """A workspace whose run with a teacher was stopped in its second epoch."""
    from bertsent.tf import training

    home, heard = Workspace(tmp_path_factory.mktemp("taught")), Listener()
    (home.root / "unsup").mkdir()
    for number, text in enumerate(TAUGHT):
        (home.root / "unsup" / f"{number}_0.txt").write_text(text, encoding="utf-8")
    with pytest.raises(Interrupted):
        training.train(
            taught_settings(tiny_encoder),
            data=sample,
            workspace=home,
            unlabelled=[home.root / "unsup"],
            teacher=store.find("1", folder=trained),
            progress=heard,
            stop=(home.state / "training" / "epoch-0001").exists,
        )
    assert heard.heard(f"Pseudo-labels: {len(TAUGHT)} reviews without labels, scored by version 1")
    train = load_splits(sample, taught_settings(tiny_encoder)).train
    assert heard.totals["Epoch 1/2"] == len(train) + len(TAUGHT)
    return home.root


@pytest.fixture
def unsup(stopped_with_teacher: Path, workspace: Path) -> Path:
    """Its reviews without labels, and what it left behind, in this test's workspace."""
    shutil.copytree(stopped_with_teacher / ".bertsent", workspace / ".bertsent")
    return Path(shutil.copytree(stopped_with_teacher / "unsup", workspace / "unsup"))


def test_resume_goes_on_with_the_teacher_and_publishes(
    train: Callable[..., Trained], tiny_encoder: Folders, trained: Path, unsup: Path, heard: Listener
) -> None:
    teacher = store.find("1", folder=trained)
    settings = taught_settings(tiny_encoder)
    version = train(settings, unlabelled=[unsup], teacher=teacher, resume=True)
    assert heard.heard("Resuming after epoch 1")
    assert "Scoring by version 1" not in heard.begun, "the answers were kept"
    stated = dict(read_version(version.path).manifest.data["unlabelled"])
    said = stated.pop("teacher")
    assert stated.keys() == {"digest", "n", "positive"}
    assert stated["n"] == len(TAUGHT)
    assert 0 <= stated["positive"] <= len(TAUGHT)
    assert len(stated["digest"]) == 64
    assert said["version"] == 1
    assert said["digest"] == teacher.manifest.files[CLASSIFIER]["sha256"]
    assert f"| unlabelled | {len(TAUGHT)} |" in (version.path / "README.md").read_text(encoding="utf-8")


def test_patience_ends_training_that_gets_no_better(
    train: Callable[..., Trained], tiny_encoder: Folders, heard: Listener
) -> None:
    still = tiny_bert.settings(tiny_encoder, epochs=5, crops=0.0, init_lr=1e-12, patience=1)
    version = train(still)
    assert len(version.epochs) == 2
    assert version.best_epoch == 1
    assert heard.heard("Stopped after 2 epochs: 1 without a lower validation loss")


def test_train_learns_the_scores_of_a_file(
    train: Callable[..., Trained], tiny_encoder: Folders, sample: Path, workspace: Path, heard: Listener
) -> None:
    """Wrong scores for all training rows, with nothing left of their labels, teach the opposite."""
    settings = tiny_bert.settings(tiny_encoder, crops=0.0, teacher_share=1.0)
    rows = load_splits(sample, settings).train
    with (workspace / "scored.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "opinion"))
        writer.writerows((row.text, 1 - (row.label or 0)) for row in rows)
        writer.writerows((text, 0.5) for text in TAUGHT)
    version = train(settings, unlabelled=[workspace / "scored.csv"], score_column="opinion")
    assert version.metrics["validation"].roc_auc < 0.5
    assert heard.totals["Epoch 1/1"] == len(rows) + len(TAUGHT)
    stated = read_version(version.path).manifest.data["unlabelled"]
    assert stated["n"] == len(TAUGHT)
    assert stated["teacher"].keys() == {"column", "digest", "of_training"}
    assert stated["teacher"]["of_training"] == len(rows)
    assert "came with scores of another model" in (version.path / "README.md").read_text(encoding="utf-8")


def test_a_version_without_a_teacher_speaks_of_none(trained: Path) -> None:
    assert store.find("1", folder=trained).manifest.data.keys() == {"train", "validation", "test"}


@pytest.mark.parametrize("change", ["one more", "another", "none"])
def test_resume_refuses_other_reviews_without_labels(
    train: Callable[..., Trained], tiny_encoder: Folders, trained: Path, unsup: Path, change: str
) -> None:
    (unsup / ("0_0.txt" if change == "another" else "new.txt")).write_text("Another text altogether.")
    taught = {} if change == "none" else {"unlabelled": [unsup], "teacher": store.find("1", folder=trained)}
    with pytest.raises(TrainingError, match="other data, settings or another encoder"):
        train(taught_settings(tiny_encoder), resume=True, **taught)


# Disks


def test_train_refuses_an_output_that_cannot_be_written_before_it_reads(
    train: Callable[..., Trained], tiny_encoder: Folders, workspace: Path, heard: Listener
) -> None:
    (workspace / "file").write_text("")
    with pytest.raises(StorageError):
        train(tiny_bert.settings(tiny_encoder), output=workspace / "file" / "model")
    assert not heard.notes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 1 MB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_train_refuses_a_disk_without_room_for_checkpoints(
    tiny_encoder: Folders, sample: Path, small_disk: Path, heard: Listener
) -> None:
    from bertsent.tf import training

    with pytest.raises(StorageError, match="of free space") as refusal:
        training.train(
            tiny_bert.settings(tiny_encoder), data=sample, workspace=Workspace(small_disk), progress=heard
        )
    assert str(small_disk) in refusal.value.message
    assert heard.steps == 0
