"""Trains a classifier on reviews and publishes it as a version."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base import resources
from bertsent.base.digests import sha256_text
from bertsent.base.display import size, visible
from bertsent.base.errors import TrainingError, UsageError
from bertsent.base.files import lock, require_space
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.training import Splits, Trained
from bertsent.base.settings.reading import LABELS
from bertsent.base.settings.training import MemorySettings, TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.version_names import spoken
from bertsent.data.notes import value_list
from bertsent.data.reviews import open_reviews
from bertsent.data.scored import open_scored
from bertsent.data.source import Source
from bertsent.data.splits import load_splits
from bertsent.labelling.selection import Mix
from bertsent.scoring.pseudo_labels import PseudoLabels, combine, pseudo_label, take_scores
from bertsent.tf import fit, publish, tf
from bertsent.tf.balance import balance
from bertsent.tf.checkpoints import clear
from bertsent.tf.cross_validation import cross_validate
from bertsent.tf.encoder import load
from bertsent.tf.examples import encode_run
from bertsent.tf.training_run import TrainingRun
from bertsent.versions import store, trained_texts
from bertsent.versions.manifest import WEIGHTS, Version

_LABELS = tuple(reversed(LABELS.items()))  # positive first
_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


def train(
    settings: TrainSettings,
    *,
    data: Path | Source,
    workspace: Workspace,
    output: Path | None = None,
    keep_weights: bool = True,
    resume: bool = False,
    unlabelled: Sequence[Path] = (),
    score_column: str = "",
    teacher: Version | None = None,
    warm_start: Version | None = None,
    mix: Mix | None = None,
    checkpoints: Path | None = None,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains a classifier on a data set and publishes it as the next version.

    Args:
        settings: The settings of the run.
        data: A data set that `splits.load_splits` can read.
        workspace: Holds the lock, checkpoints and caches.
        output: The folder of versions; `model/` of the workspace by default.
        keep_weights: Put fp16 weights into the version; warm start and export need them, scoring does not.
        resume: Resume from the last checkpoint of a run that was stopped.
        unlabelled: Reviews without labels to train on too, with pseudo-labels.
        score_column: Which column of `unlabelled` has them; "" for a column `score`, if there is one.
        teacher: The version that gives them where no column does; the current version by default.
        warm_start: Begin with the weights of this version instead of the encoder's own and a random head.
        mix: Train on these rows instead of all training rows of `data`; it contains the split of `data`.
        checkpoints: The folder of checkpoints; in the workspace by default.
        progress: Told of every batch.
        stop: Asked after every batch; if it returns True, a checkpoint is written and the run ends.

    Raises:
        DataError: if the reviews cannot be used.
        TrainingError: if the loss is not finite, or the checkpoint belongs to another run; then nothing is
            published.
        Interrupted: after `stop`; a run with `resume` resumes it.
        BusyError: if another run trains in this workspace.
        StorageError: if there is too little space, or a file cannot be written.
        NetworkError, ArtefactError, UsageError: as `encoder.load`.
    """
    started = time.monotonic()
    _require_warm_start(settings, warm_start, unlabelled)
    folder, checkpoints = output or workspace.model, checkpoints or workspace.state / "training"
    with lock(workspace.state / "train.lock", "train"):
        if warm_start is not None:
            warm_start.file(WEIGHTS)  # refuses missing weights before the work, not after it
        require_space(folder, 0)  # refuses a folder that cannot be written before the work, not after it
        if mix is None:
            splits = load_splits(data, settings, progress=progress)
            mix = Mix(splits=splits, old=splits.train)
        _note_data(mix, settings, progress)
        _note_memory(progress)
        pseudo_labels = _pseudo_labels(
            unlabelled, score_column, teacher, mix.splits, settings, workspace, progress
        )
        with _devices():
            encoder = load(
                settings.encoder,
                preprocessor=settings.preprocessor,
                seq_length=settings.seq_length,
                progress=progress,
            )
            run = TrainingRun(settings, encoder, mix, pseudo_labels, warm_start)
            encoded = encode_run(run, workspace.state / "tokens", progress)
            with bfloat16(), _memory_errors(settings):
                fitted = fit.fit(run, encoded, checkpoints, resume=resume, progress=progress, stop=stop)
                judged = None
                if settings.folds and warm_start is not None:
                    judged = cross_validate(run, warm_start, progress=progress, stop=stop)
        # Trace it again in fp32: the LiteRT file is compared with the weights, not with rounded ones.
        fitted.classifier.make_predict_function(force=True)
        if warm_start is not None and run.continues:
            fit.interpolate_weights(fitted.classifier, warm_start, alpha=mix.interpolation)
        trained = publish.publish(
            run,
            fitted,
            encoded,
            judged=judged,
            folder=folder,
            keep_weights=keep_weights,
            progress=progress,
        )
        clear(checkpoints)
    return replace(trained, seconds=time.monotonic() - started)


def _require_warm_start(
    settings: TrainSettings, warm_start: Version | None, unlabelled: Sequence[Path]
) -> None:
    """Refuses folds with what they do not go with."""
    if settings.folds and warm_start is None:
        raise UsageError(
            "--folds and --recipe few-shot need --warm-start: few rows teach an encoder alone nothing.",
            hint="--warm-start packaged",
        )
    if settings.folds and unlabelled:
        raise UsageError("--folds is for labelled rows alone; --unlabelled goes with --folds 0.")


def _pseudo_labels(
    sources: Sequence[Path],
    column: str,
    teacher: Version | None,
    splits: Splits,
    settings: TrainSettings,
    workspace: Workspace,
    progress: Progress,
) -> PseudoLabels | None:
    """Those that tables bring, and those of a version for all others; None without sources."""
    opened = [open_scored(path, column, progress=progress) for path in sources]
    if column and not any(opened):
        columns = [visible(name) for path in sources for name in open_reviews(path).columns]
        raise UsageError(
            f"No --unlabelled has a column {visible(column)}.", received=", ".join(columns)[:200]
        )
    if teacher is not None and opened and None not in opened:
        raise UsageError(
            "--teacher has nothing to score: every --unlabelled has a column of scores.",
            hint="leave one of the two out",
        )
    parts: list[PseudoLabels] = []
    taken: set[str] = set()
    # Scores of a table first: a version must not score their texts again.
    for path, scored in sorted(zip(sources, opened, strict=True), key=lambda pair: pair[1] is None):
        if scored is not None:
            part = take_scores(
                scored, splits=splits, limit=settings.unlabelled_rows, others=taken, progress=progress
            )
        else:
            version = teacher or store.find(None, folder=workspace.model)
            part = pseudo_label(
                path,
                version=version,
                splits=splits,
                limit=settings.unlabelled_rows,
                cache=workspace.state / "taught",
                held_out_seen=_held_out_seen(version, splits),
                others=taken,
                progress=progress,
            )
            count = len(part.reviews)
            progress.tell(f"Pseudo-labels: {count} reviews without labels, scored by {spoken(version.name)}")
        taken |= {sha256_text(review.text) for review in part.reviews} | part.of_training.keys()
        parts.append(part)
    return combine(parts) if parts else None


def _held_out_seen(version: Version, splits: Splits) -> int | None:
    """How many validation and test rows the version was trained on; None if its reference does not say."""
    trained = trained_texts.trained_texts(version)
    if not len(trained):
        return None
    held_out = [trained_texts.key(review.text) for review in (*splits.validation, *splits.test)]
    return int(np.isin(np.array(held_out, np.uint64), trained).sum())


@contextlib.contextmanager
def bfloat16() -> Iterator[None]:
    """Lets grappler turn matrix products into bf16 if the processor supports it; otherwise they stay fp32.

    This ends with the block: an encoder that is loaded later must be compared with its Hub graph in fp32.
    Measured on two cores with AVX512-BF16: 26 instead of 16 examples a second at 128 tokens.
    """
    flags = ""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    supported = "avx512_bf16" in flags or "amx_bf16" in flags
    tf.config.optimizer.set_experimental_options({_BFLOAT16: supported})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_BFLOAT16: False})


def _note_memory(progress: Progress) -> None:
    """Says before the work if a control group or `ulimit` may end it: the kernel would not say why."""
    limit, usual = resources.memory(), MemorySettings().training
    if limit is not None and limit < usual:
        progress.note(
            f"This process may use {size(limit)} of memory, and training can take {size(usual)}. If it is "
            "killed: more memory, or a smaller --batch-size or --train-length"
        )


@contextlib.contextmanager
def _memory_errors(settings: TrainSettings) -> Iterator[None]:
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingError(
            "There is not enough memory to train.",
            received=f"batches of {settings.batch_size}, up to {settings.train_length} word pieces",
            hint="lower --batch-size or --train-length, or close other programs",
        ) from error


def _devices() -> Any:
    """A context that uses all GPUs if there are several; one GPU or none needs nothing."""
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy().scope()
    return contextlib.nullcontext()


def _note_data(mix: Mix, settings: TrainSettings, progress: Progress) -> None:
    """Says how many rows of each label there are, and what was left out, each in one line."""
    splits = mix.splits
    if mix.new:
        progress.tell(f"Training on {len(mix.new)} labelled reviews and {len(mix.old)} old ones")
    counts = ", ".join(f"{len(reviews)} {name}" for name, reviews in splits.items())
    progress.tell(f"Reviews: {counts}")
    given = Counter(review.label for review in (*mix.old, *mix.new))
    progress.tell("Training rows: " + ", ".join(f"{given[label]} {name}" for name, label in _LABELS))
    balanced = balance(mix.old, mix.new, settings.balance, seed=settings.seed)
    if settings.balance == "downsample":
        used = ", ".join(f"{balanced.of(label)[0]} {name}" for name, label in _LABELS)
        progress.tell(f"Trained on with --balance downsample: {used}")
    elif settings.balance == "weights":
        weights = ", ".join(f"{balanced.of(label)[1]:.2f} {name}" for name, label in _LABELS)
        progress.tell(f"Weight of a row with --balance weights: {weights}")
    unknown = f" ({value_list(splits.unknown)})" if splits.unknown else ""
    reasons = (
        (splits.empty, "without text"),
        (splits.unlabelled, f"without a label of positive or negative{unknown}"),
        (splits.bad_rows, "that cannot be read"),
        (sum(splits.other_splits.values()), f"of other splits ({value_list(splits.other_splits)})"),
        (splits.duplicates, "duplicates"),
        (splits.conflicts, "with both labels"),
        (splits.leaked, "validation or test rows that are training rows too"),
    )
    for count, reason in reasons:
        if count:
            progress.tell(f"Left out: {count} {reason}")
    if splits.ignored:
        progress.tell(f"Not read: {'; '.join(splits.ignored)}")
