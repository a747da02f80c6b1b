"""Reviews -> a trained classifier -> a published version."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_lines
from bertsent.base.files import lock, require_space
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.training import Splits, Trained
from bertsent.base.settings.training import TrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.data.splits import load_splits
from bertsent.labelling.selection import Mix
from bertsent.scoring.pseudo_labels import Taught, teach
from bertsent.scoring.scorer import Scorer
from bertsent.tf import fit as fitting
from bertsent.tf import publish, tf
from bertsent.tf.batches import Encoded, encode, join
from bertsent.tf.checkpoints import clear
from bertsent.tf.encoder import Encoder, load
from bertsent.versions.manifest import WEIGHTS, Version

_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


def train(
    settings: TrainSettings,
    *,
    data: Path,
    workspace: Workspace,
    output: Path | None = None,
    keep_weights: bool = True,
    resume: bool = False,
    unlabelled: Path | None = None,
    teacher: Version | None = None,
    warm_start: Version | None = None,
    mix: Mix | None = None,
    checkpoints: Path | None = None,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains a classifier on a data set and publishes it as the next version.

    Args:
        settings: The run.
        data: A data set as `reviews.load_splits` reads it.
        workspace: Where lock and checkpoints are kept.
        output: The folder of versions; `model/` of the workspace by default.
        keep_weights: Put fp16 weights into the version; warm start and export need them, scoring not.
        unlabelled: Reviews without labels that train too, with the teacher's scores for labels.
        teacher: The version that scores them; goes with `unlabelled`.
        warm_start: Begin with the weights of this version instead of the encoder's own and a random head.
        mix: Train on these rows instead of all training rows of `data`, whose split it has.
        checkpoints: Where they are kept; in the workspace by default.
        resume: Go on from the last whole epoch of a run that was stopped.
        progress: Told of every batch.
        stop: Asked after every batch; when it says True the run ends with what is complete kept.

    Raises:
        DataError: if the reviews cannot be used.
        TrainingError: if the loss is not finite, or the checkpoint belongs to another run; nothing is
            published.
        Interrupted: after `stop`; `resume` goes on.
        BusyError: if another run trains in this workspace.
        StorageError: if there is no room.
        NetworkError, ArtefactError, UsageError: as `encoder.load`.
    """
    begun = time.monotonic()
    folder, kept = output or workspace.model, checkpoints or workspace.state / "training"
    with lock(workspace.state / "train.lock", "train"):
        if warm_start is not None:
            warm_start.file(WEIGHTS)  # refused now, not after the work
        require_space(folder, 0)  # a folder that cannot be written is found before the work, not after
        splits = mix.splits if mix else load_splits(data, settings, progress=progress)
        _note_data(splits, mix, progress)
        taught = _teach(unlabelled, teacher, splits, settings, workspace.state / "taught", progress)
        with _devices():
            encoder = load(
                settings.encoder,
                preprocessor=settings.preprocessor,
                seq_length=settings.seq_length,
                progress=progress,
            )
            answers = _answers(mix, warm_start, progress)
            encoded = _encode(splits, taught, mix, answers, encoder, settings, workspace.state / "tokens")
            with bfloat16():
                fit = fitting.fit(
                    encoder,
                    encoded,
                    settings,
                    kept,
                    fingerprint=_fingerprint(settings, splits, taught, mix, warm_start, encoder),
                    warm_start=warm_start,
                    resume=resume,
                    progress=progress,
                    stop=stop,
                    # Validation rows are old ones: they would choose the epoch that learnt least of the new.
                    keep_last=mix is not None and warm_start is not None,
                )
        # Traced anew, in fp32: the LiteRT file is compared with the weights, not with their rounding.
        fit.classifier.make_predict_function(force=True)
        if mix and warm_start is not None:
            fitting.interpolate_weights(fit.classifier, warm_start, mix.step)
        trained = publish.publish(
            encoder,
            fit.classifier,
            settings=settings,
            splits=splits,
            taught=taught,
            warm_start=warm_start,
            mix=mix,
            encoded=encoded,
            logits=lambda split: fitting.predict_logits(
                fit.classifier, split, what="Comparing with the trained classifier", progress=progress
            ),
            epochs=fit.epochs,
            best_epoch=fit.best_epoch,
            folder=folder,
            keep_weights=keep_weights,
            progress=progress,
        )
        clear(kept)
    return replace(trained, seconds=time.monotonic() - begun)


def _teach(
    unlabelled: Path | None,
    teacher: Version | None,
    splits: Splits,
    settings: TrainSettings,
    cache: Path,
    progress: Progress,
) -> Taught | None:
    if unlabelled is None or teacher is None:
        return None
    taught = teach(
        unlabelled,
        teacher=teacher,
        splits=splits,
        limit=settings.unlabelled_rows,
        cache=cache,
        progress=progress,
    )
    progress.tell(f"Without labels: {len(taught.reviews)} reviews, scored by version {teacher.name}")
    return taught


def _answers(mix: Mix | None, warm_start: Version | None, progress: Progress) -> NDArray[np.float32] | None:
    """What a warm start learns of a mix, float32 [old and new rows]: labels for the new rows, for the old
    ones the answers of the version it begins with, so that learning the new rows changes them least (Li and
    Hoiem 2016, "Learning without Forgetting"). None: labels for all."""
    if mix is None or warm_start is None or not mix.old:
        return None
    texts = [review.text for review in mix.old]
    scores = Scorer(warm_start).scores(texts, what="Scoring old reviews", progress=progress)
    return np.concatenate([scores, np.array([review.label for review in mix.new], np.float32)])


def _encode(
    splits: Splits,
    taught: Taught | None,
    mix: Mix | None,
    answers: NDArray[np.float32] | None,
    encoder: Encoder,
    settings: TrainSettings,
    cache: Path,
) -> dict[str, Encoded]:
    """The splits as they score, by name, and as "examples" what trains: shorter, with the taught rows.

    Of a mix "train" has the rows that train, so that drift compares with what the version knows.
    """

    def cut(
        reviews: Sequence[Review], seq_length: int, targets: NDArray[np.float32] | None = None
    ) -> Encoded:
        return encode(
            reviews,
            encoder.tokenizer,
            seq_length=seq_length,
            kind=settings.window,
            targets=targets,
            cache=cache,
        )

    shorter = min(settings.train_length, settings.seq_length)
    train = (*mix.old, *mix.new) if mix else splits.train
    examples = cut(train, shorter, answers)
    if taught is not None:
        examples = join(examples, cut(taught.reviews, shorter, taught.targets))
    parts = {"train": train, "validation": splits.validation, "test": splits.test}
    if mix and mix.reserved:
        parts["reserved"] = mix.reserved
    return {name: cut(rows, settings.seq_length) for name, rows in parts.items()} | {"examples": examples}


@contextlib.contextmanager
def bfloat16() -> Iterator[None]:
    """Lets grappler turn matrix products into bf16 where the processor has them; elsewhere fp32 stays.

    In the block only: an encoder that is loaded later must be compared with its Hub graph in fp32.
    Measured on two cores with AVX512-BF16: 26 against 16 examples a second at 128 tokens.
    """
    flags = ""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    able = "avx512_bf16" in flags or "amx_bf16" in flags
    tf.config.optimizer.set_experimental_options({_BFLOAT16: able})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_BFLOAT16: False})


def _devices() -> Any:
    """All GPUs of the machine, where there are several; one GPU or none needs nothing."""
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy().scope()
    return contextlib.nullcontext()


def _fingerprint(
    settings: TrainSettings,
    splits: Splits,
    taught: Taught | None,
    mix: Mix | None,
    warm_start: Version | None,
    encoder: Encoder,
) -> str:
    return sha256_lines(
        [
            *([mix.digest] if mix else []),
            json.dumps(asdict(settings), sort_keys=True),
            json.dumps(dict(splits.digests), sort_keys=True),
            json.dumps([taught.digest, taught.teacher], sort_keys=True) if taught else "",
            warm_start.manifest.files[WEIGHTS]["sha256"] if warm_start else "",
            f"{encoder.digest} rebuilt={encoder.rebuilt}",
            encoder.tokenizer.digest(),
        ]
    )


def _note_data(splits: Splits, mix: Mix | None, progress: Progress) -> None:
    if mix:
        progress.tell(f"Training on {len(mix.new)} labelled reviews and {len(mix.old)} old ones")
    counts = ", ".join(f"{len(getattr(splits, name))} {name}" for name in ("train", "validation", "test"))
    left = [
        f"{count} {what}"
        for count, what in (
            (splits.duplicates, "duplicates"),
            (splits.conflicts, "with both labels"),
            (splits.leaked, "test rows that training holds"),
        )
        if count
    ]
    progress.tell(f"Reviews: {counts}" + (f" (left out: {', '.join(left)})" if left else ""))
    if splits.ignored:
        progress.tell(f"Not read, as only pos and neg are classes: {', '.join(splits.ignored)}")
