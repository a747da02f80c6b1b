"""Checkpoints from which a stopped training run resumes: one folder every few minutes and every epoch."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.digests import sha256_file
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, TrainingError
from bertsent.base.files import publish_directory, temporary_sibling, write_text
from bertsent.base.records.core import Progress
from bertsent.base.records.training import Epoch
from bertsent.base.settings.training import CheckpointSettings
from bertsent.tf import tf
from bertsent.tf.errors import disk_errors

_NAME = r"epoch-[0-9]{4}(-step-[0-9]{6})?"
_STATE, _BEST, _WEIGHTS = "state.json", "best.safetensors", "weights"


@dataclass(frozen=True, slots=True)
class PartialEpoch:
    """The finished part of an epoch."""

    step: int = 0  # batches done
    loss: float = 0.0  # mean over them
    accuracy: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is: its finished epochs, the best weights among them, and the epoch it is in."""

    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0  # 0: none yet
    best: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = field(default_factory=dict)
    partial: PartialEpoch = PartialEpoch()


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: `.bertsent/training` of the workspace.
        fingerprint: Digest of all that must stay the same when a run is resumed: data, labels, encoder,
            tokenizer, settings.
        classifier, optimizer: The Keras objects whose state is saved.
    """

    def __init__(self, folder: Path, *, fingerprint: str, classifier: Any, optimizer: Any) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._checkpoint = tf.train.Checkpoint(classifier=classifier, optimizer=optimizer)

    def save(self, state: RunState) -> None:
        """Writes the state after or within an epoch and removes older ones. A folder appears when complete.

        Raises:
            StorageError: if it cannot be written; the checkpoint before it stays.
        """
        from safetensors.numpy import save_file

        # The order of names is that of age: "epoch-0001" comes before "epoch-0001-step-000900".
        step = f"-step-{state.partial.step:06d}" if state.partial.step else ""
        target = self._folder / f"epoch-{len(state.epochs):04d}{step}"
        with temporary_sibling(target) as folder, disk_errors(target):
            self._checkpoint.write(str(folder / _WEIGHTS))
            save_file(state.best, folder / _BEST)
            about = {
                "fingerprint": self._fingerprint,
                "best_epoch": state.best_epoch,
                "epochs": [asdict(epoch) for epoch in state.epochs],
                "begun": asdict(state.partial),
                "files": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
            }
            write_text(folder / _STATE, json.dumps(about))
            shutil.rmtree(target, ignore_errors=True)  # left by a run that failed after this epoch
            publish_directory(folder, target)
        for old in _newest(self._folder)[CheckpointSettings().kept :]:
            shutil.rmtree(old, ignore_errors=True)

    def start(self, progress: Progress, *, resume: bool) -> RunState:
        """The state to train from: with `resume` that of the newest intact checkpoint, else an empty one.

        Raises:
            TrainingError: as `resume`.
        """
        if resume:
            state = self.resume(progress)
            if state is not None:
                inside = f", batch {state.partial.step}" if state.partial.step else ""
                progress.tell(f"Resuming after epoch {len(state.epochs)}{inside}")
                return state
            progress.note("No checkpoint of an earlier run is intact; starting from the beginning")
        elif _newest(self._folder):
            progress.note("Starting anew; an earlier run was not finished (--resume would have resumed it)")
        clear(self._folder)
        return RunState()

    def resume(self, progress: Progress) -> RunState | None:
        """Restores the newest intact checkpoint into classifier and optimizer.

        Returns:
            None if no checkpoint can be used.

        Raises:
            TrainingError: if the checkpoint belongs to another run (other data, settings or encoder).
        """
        for folder in _newest(self._folder):
            checkpoint = _read(folder)
            if checkpoint is None:
                progress.note(f"{folder.name} is damaged and was skipped")
                continue
            fingerprint, state = checkpoint
            if fingerprint != self._fingerprint:
                raise TrainingError(
                    "The unfinished run had other data, settings or another encoder.",
                    received=visible(str(folder)),
                    hint="repeat its options with --resume, or leave --resume out to start anew",
                )
            self._checkpoint.read(str(folder / _WEIGHTS)).assert_existing_objects_matched()
            return state
        return None


def clear(folder: Path) -> None:
    """Removes all checkpoints: after the version is published, or before a new run."""
    shutil.rmtree(folder, ignore_errors=True)


def _newest(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    return sorted((path for path in folder.glob("epoch-*") if re.fullmatch(_NAME, path.name)), reverse=True)


def _read(folder: Path) -> tuple[str, RunState] | None:
    """The fingerprint and state of a checkpoint; None if a file does not have the digest stated for it."""
    from safetensors.numpy import load_file

    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, ArtefactError):
        about: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if all(sha256_file(folder / name) == digest for name, digest in about["files"].items()):
            return about["fingerprint"], RunState(
                epochs=tuple(Epoch(**epoch) for epoch in about["epochs"]),
                best_epoch=about["best_epoch"],
                best=load_file(folder / _BEST),
                partial=PartialEpoch(**about["begun"]),
            )
    return None
