"""Checkpoints: whole or not there, of one run only, the newest whole one counts."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.listener import Listener

from bertsent.base.errors import StorageError, TrainingError
from bertsent.base.records.training import Epoch

WIDTH = 1000


class Run:
    """A model of one layer, its optimizer and their checkpoints."""

    def __init__(self, folder: Path, *, fingerprint: str = "one") -> None:
        from bertsent.tf import tf_keras
        from bertsent.tf.checkpoints import Checkpoints

        self.model = tf_keras.Sequential([tf_keras.layers.Dense(1, kernel_initializer="zeros")])
        self.model.build((None, WIDTH))
        self.optimizer = tf_keras.optimizers.legacy.Adam(0.1)
        self.folder = folder / "training"
        self.kept = Checkpoints(
            self.folder, fingerprint=fingerprint, classifier=self.model, optimizer=self.optimizer
        )
        self.epochs: tuple[Epoch, ...] = ()

    def epoch(self) -> None:
        """One step on the model, and its checkpoint; the second epoch is the best."""
        number = len(self.epochs) + 1
        self._step()
        self.epochs = (*self.epochs, Epoch(number, 0.5, 0.7, 0.6, 0.6, 1.0, 9.0))
        self._save()

    def inside(self, step: int) -> None:
        """One step on the model, and a checkpoint inside the next epoch."""
        from bertsent.tf.checkpoints import PartialEpoch

        self._step()
        self._save(partial=PartialEpoch(step=step, loss=0.25, accuracy=0.75, seconds=2.0))

    def _step(self) -> None:
        gradients = [variable * 0 + 1 for variable in self.model.trainable_variables]
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))

    def _save(self, **state: Any) -> None:
        from bertsent.tf.checkpoints import RunState

        best_epoch = min(len(self.epochs), 2)
        best = {"kernel": np.full(3, best_epoch, np.float32)}
        self.kept.save(RunState(epochs=self.epochs, best_epoch=best_epoch, best=best, **state))

    @property
    def weights(self) -> list[list[float]]:
        return [variable.numpy().tolist() for variable in self.model.variables]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with three epochs done."""
    run = Run(tmp_path)
    for _ in range(3):
        run.epoch()
    return run


def test_save_keeps_the_newest_two(run: Run) -> None:
    assert run.names() == ["epoch-0002", "epoch-0003"]


def test_resume_restores_model_optimizer_and_epochs(run: Run, tmp_path: Path) -> None:
    fresh = Run(tmp_path)
    assert fresh.weights != run.weights
    resumed = fresh.kept.resume(Listener())
    assert resumed is not None
    assert resumed.epochs == run.epochs
    assert (resumed.best_epoch, resumed.best["kernel"].tolist()) == (2, [2, 2, 2])
    assert fresh.weights == run.weights
    assert int(fresh.optimizer.iterations) == 3


def test_a_checkpoint_inside_an_epoch_is_newer_than_the_epoch_before(run: Run, tmp_path: Path) -> None:
    run.inside(90)
    run.inside(1200)
    assert run.names() == ["epoch-0003-step-000090", "epoch-0003-step-001200"]
    fresh = Run(tmp_path)
    resumed = fresh.kept.resume(Listener())
    assert resumed is not None
    assert (resumed.epochs, resumed.best_epoch) == (run.epochs, 2)
    assert (resumed.partial.step, resumed.partial.loss, resumed.partial.accuracy) == (1200, 0.25, 0.75)
    assert fresh.weights == run.weights


def test_a_whole_epoch_is_newer_than_a_checkpoint_inside_it(run: Run, tmp_path: Path) -> None:
    run.inside(90)
    run.epoch()
    assert run.names() == ["epoch-0003-step-000090", "epoch-0004"]
    resumed = Run(tmp_path).kept.resume(Listener())
    assert resumed is not None
    assert (len(resumed.epochs), resumed.partial.step) == (4, 0)


def test_a_checkpoint_before_the_first_epoch_has_no_best_weights(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.inside(7)
    resumed = Run(tmp_path).kept.resume(Listener())
    assert resumed is not None
    assert (resumed.epochs, resumed.best_epoch, resumed.partial.step) == ((), 0, 7)


def test_resumed_optimizer_goes_on_with_its_moments(run: Run, tmp_path: Path) -> None:
    fresh = Run(tmp_path)
    fresh.kept.resume(Listener())
    fresh.epochs = run.epochs
    run.epoch()
    fresh.epoch()
    assert fresh.weights == run.weights


@pytest.mark.parametrize("pattern", ["state.json", "best.safetensors", "weights.data*", "weights.index"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_resume_passes_over_a_damaged_checkpoint(run: Run, tmp_path: Path, pattern: str, damage: str) -> None:
    file = next((run.folder / "epoch-0003").glob(pattern))
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x80
    file.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    if damage == "gone":
        file.unlink()
    heard = Listener()
    resumed = Run(tmp_path).kept.resume(heard)
    assert resumed is not None
    assert len(resumed.epochs) == 2
    assert heard.notes == ["epoch-0003 is damaged and was skipped"]


@pytest.mark.parametrize(
    "state", ["", "[]", "{}", '{"files": {}}', '{"files": {}, "fingerprint": "one", "epochs": [{"new": 1}]}']
)
def test_resume_finds_nothing_where_no_checkpoint_is_whole(run: Run, tmp_path: Path, state: str) -> None:
    for file in run.folder.glob("*/state.json"):
        file.write_text(state)
    heard = Listener()
    assert Run(tmp_path).kept.resume(heard) is None
    assert len(heard.notes) == 2


def test_resume_refuses_the_checkpoint_of_another_run(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path, fingerprint="another")
    before = other.weights
    with pytest.raises(TrainingError, match="other data, settings or another encoder"):
        other.kept.resume(Listener())
    assert other.weights == before
    assert run.names() == ["epoch-0002", "epoch-0003"]


@pytest.mark.parametrize("name", ["epoch-0004", ".epoch-0004.x.tmp", "epoch-new"])
def test_resume_sees_no_folder_that_is_no_checkpoint(run: Run, tmp_path: Path, name: str) -> None:
    (run.folder / name).mkdir()
    resumed = Run(tmp_path).kept.resume(Listener())
    assert resumed is not None
    assert len(resumed.epochs) == 3


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: a full disk that needs no root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def too_large_for_tensorflow(run: Run) -> None:
    run.epoch()


def too_large_for_safetensors(run: Run) -> None:
    from bertsent.tf.checkpoints import RunState

    best = {"kernel": np.zeros(10_000, np.float32)}
    run.kept.save(RunState(epochs=run.epochs, best_epoch=1, best=best))


@pytest.mark.parametrize(
    ("save", "size"), [(too_large_for_tensorflow, 5_000), (too_large_for_safetensors, 30_000)]
)
def test_save_on_a_full_disk_leaves_the_one_before(
    run: Run, tmp_path: Path, save: Callable[[Run], Any], size: int
) -> None:
    with largest_file(size), pytest.raises(StorageError, match="No space left"):
        save(run)
    assert run.names() == ["epoch-0002", "epoch-0003"]
    resumed = Run(tmp_path).kept.resume(Listener())
    assert resumed is not None
    assert len(resumed.epochs) == 3


def test_clear_leaves_nothing_to_go_on_from(run: Run) -> None:
    from bertsent.tf.checkpoints import clear

    assert run.kept.resume(Listener()) is not None
    clear(run.folder)
    assert run.kept.resume(Listener()) is None
    assert not run.folder.exists()
