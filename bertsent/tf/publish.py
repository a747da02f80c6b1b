"""A trained classifier -> a published version: LiteRT file, weights, reference, numbers, card."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bertsent import __version__
from bertsent.base.digests import sha256_text
from bertsent.base.errors import TrainingError
from bertsent.base.files import now, write_text
from bertsent.base.records.core import Progress, Review, to_json
from bertsent.base.records.metrics import Metrics, Quantised
from bertsent.base.records.training import Epoch, Splits, Trained
from bertsent.base.settings import toml_file
from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, ScoreSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.drift import reference
from bertsent.labelling.selection import Mix
from bertsent.reports import plots
from bertsent.scoring.calibration import Calibration, calibrate
from bertsent.scoring.litert import Classifier
from bertsent.scoring.metrics import measure
from bertsent.scoring.pseudo_labels import Taught
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import NORMALISATION, window
from bertsent.tf.batches import Encoded, head
from bertsent.tf.classifier import weights
from bertsent.tf.encoder import Encoder
from bertsent.tf.errors import disk_errors
from bertsent.tf.litert import to_litert
from bertsent.versions import model_card, store
from bertsent.versions.manifest import (
    CARD,
    CLASSIFIER,
    CONFIG,
    HISTORY,
    HUB_TOKENIZER,
    PLOT,
    REFERENCE,
    VOCABULARY,
    WEIGHTS,
    WORDPIECE,
    Manifest,
    Version,
)

PROBES = ("great film", "It is meh.", "I want my two hours back; the plot made no sense at all.")
_RELOAD_TOLERANCE = 1e-4  # the same file gives the same score after every reload
_CONVERSION_TOLERANCE = 0.05  # mean distance of scores; int8 weights cost about 0.005, a broken graph 0.3
_PACKAGES = (
    "tensorflow",
    "tensorflow-text",
    "tensorflow-hub",
    "tf-models-official",
    "ai-edge-litert",
    "numpy",
)


def publish(
    encoder: Encoder,
    classifier: Any,
    *,
    settings: TrainSettings,
    splits: Splits,
    taught: Taught | None,
    warm_start: Version | None,
    encoded: Mapping[str, Encoded],
    logits: Callable[[Encoded], NDArray[np.float32]],
    epochs: tuple[Epoch, ...],
    best_epoch: int,
    folder: Path,
    keep_weights: bool,
    progress: Progress,
    mix: Mix | None = None,
) -> Trained:
    """Writes a version into a draft, measures it as it will score, and publishes it.

    Args:
        encoder, classifier: What was trained; the classifier holds the weights to publish.
        logits: Scores a split by the classifier itself, to compare the LiteRT file with.
        folder: The folder of versions.
        keep_weights: Whether the version carries weights.safetensors.
        mix: What trained, where that were not the training rows of `splits`.

    Raises:
        TrainingError: if the file that was written does not score as it did before.
        StorageError: if the disk does not take it.
    """
    progress.start("Converting to LiteRT", None)
    with store.staging(folder) as path:
        if encoder.vocabulary is not None:
            shutil.copyfile(encoder.vocabulary, path / VOCABULARY)
        found = _calibrate(path, encoder, classifier, encoded["validation"], settings, progress)
        litert = _convert(path, encoder, classifier, temperature=found.temperature, bias=found.bias)
        scores = {name: _scores(litert, encoded[name], name, progress) for name in ("validation", "test")}
        metrics = {name: _measure(scores[name], encoded[name]) for name in scores}
        compared = "test" if len(encoded["test"]) else "validation"
        some = head(encoded[compared], CalibrationSettings().compared)  # sorted by digest: a random draw
        quantised = _compare(scores[compared][: len(some)], found.apply(logits(some)), some)
        manifest = _manifest(
            encoder,
            settings,
            splits,
            taught,
            mix,
            warm_start,
            metrics=metrics,
            probes=dict(zip(PROBES, _probe(litert, encoder, settings).tolist(), strict=True)),
            quantised=quantised,
            calibration=found,
        )
        if keep_weights:
            _write_weights(path / WEIGHTS, classifier)
        if "reserved" in encoded:
            scores["reserved"] = _scores(litert, encoded["reserved"], "reserved", progress)
        _write_reference(path, encoded, scores, splits, mix, warm_start, seed=settings.seed)
        history = {"best_epoch": best_epoch, "epochs": [asdict(epoch) for epoch in epochs]}
        write_text(path / CONFIG, toml_file.dumps(settings))
        write_text(path / HISTORY, json.dumps(history, indent=2) + "\n")
        plots.training_curves(epochs, best_epoch=best_epoch, path=path / PLOT)
        write_text(path / CARD, model_card.render(manifest, epochs=epochs, best_epoch=best_epoch))
        _check_reload(store.finalise(path, manifest), encoder)
        version = store.publish(path, manifest, folder=folder)
    progress.finish()
    return Trained(
        version=version.manifest.version,
        path=version.path,
        best_epoch=best_epoch,
        epochs=epochs,
        metrics=metrics,
        quantised=quantised,
        seconds=0.0,
    )


def _write_reference(
    path: Path,
    encoded: Mapping[str, Encoded],
    scores: Mapping[str, NDArray[np.float32]],
    splits: Splits,
    mix: Mix | None,
    warm_start: Version | None,
    *,
    seed: int,
) -> None:
    """What trained, and what is held out: validation rows and, of a retrain, those reserved."""
    held = [name for name in ("validation", "reserved") if name in scores]
    beside = (*(mix.old if mix else splits.train), *(mix.new if mix else ()))
    reserved = mix.reserved if mix else ()
    newest = mix.newest if mix else frozenset()
    reference.write(
        path / REFERENCE,
        rows=[row[1:-1] for row in encoded["train"].rows()],
        labels=encoded["train"].labels,
        heldout_scores=np.concatenate([scores[name] for name in held]),
        heldout_labels=np.concatenate([encoded[name].labels for name in held]),
        seed=seed,
        digests=[sha256_text(review.text) for review in (*splits.train, *(mix.new if mix else ()))],
        seen=reference.read(warm_start.file(REFERENCE)).seen if warm_start else (),
        newest=[sha256_text(review.text) in newest for review in beside],
        heldout_newest=[
            *(False for _ in splits.validation),
            *(sha256_text(review.text) in newest for review in reserved),
        ],
    )


def _convert(
    path: Path,
    encoder: Encoder,
    classifier: Any,
    *,
    temperature: float = 1.0,
    bias: float = 0.0,
) -> Classifier:
    """Writes the LiteRT file of a draft and opens it."""
    (path / CLASSIFIER).write_bytes(to_litert(classifier, temperature=temperature, bias=bias))
    return Classifier(path / CLASSIFIER, tokenizer=encoder.tokenizer, settings=ScoreSettings())


def _calibrate(
    path: Path,
    encoder: Encoder,
    classifier: Any,
    validation: Encoded,
    settings: TrainSettings,
    progress: Progress,
) -> Calibration:
    """Temperature, bias and unsure band, found on the scores that are used: those of the int8 file."""
    plain = _convert(path, encoder, classifier)
    return calibrate(_scores(plain, validation, "validation, to calibrate", progress), validation.labels)


def _scores(litert: Classifier, split: Encoded, name: str, progress: Progress) -> NDArray[np.float32]:
    """P(positive) of a split by the file that will score, float32 [rows]."""
    rows = [row[1:-1] for row in split.rows()]  # Classifier puts [CLS] and [SEP] back
    progress.start(f"Scoring {name}", len(rows), "reviews")
    scores = np.empty(len(rows), np.float32)
    step = ScoreSettings().chunk
    for first in range(0, len(rows), step):
        scores[first : first + step] = litert.score(rows[first : first + step])
        progress.advance(min(first + step, len(rows)))
    return scores


def _measure(scores: NDArray[np.float32], split: Encoded) -> Metrics:
    return measure(scores, split.labels, threshold=DEFAULT_THRESHOLD, intervals=True)


def _compare(scores: NDArray[np.float32], trained: NDArray[np.float64], split: Encoded) -> Quantised:
    """Compares the scores of the LiteRT file with those of the trained classifier.

    Raises:
        TrainingError: if they differ by more than quantisation explains; a conversion gone wrong.
    """
    apart = float(np.mean(np.abs(trained - scores)))
    if not apart <= _CONVERSION_TOLERANCE:
        raise TrainingError(
            "The LiteRT file does not score as the trained classifier does, so nothing was published.",
            received=f"scores {apart:.3f} apart on average",
            hint="choose another encoder, for example --encoder minilm",
        )
    answers = trained >= DEFAULT_THRESHOLD
    return Quantised(
        agreement=float(np.mean(answers == (scores >= DEFAULT_THRESHOLD))),
        classifier_accuracy=float(np.mean(answers == (split.labels == POSITIVE))),
        rows=len(split),
    )


def _probe(litert: Classifier, encoder: Encoder, settings: TrainSettings) -> NDArray[np.float32]:
    rows = encoder.tokenizer.encode(PROBES)
    return litert.score([window(ids, seq_length=settings.seq_length, kind=settings.window) for ids in rows])


def _check_reload(version: Version, encoder: Encoder) -> None:
    """Scores the probe texts once more through the public door, from the files as they were written.

    Raises:
        TrainingError: if a score moved.
    """
    own = None if encoder.vocabulary else encoder.tokenizer
    for prediction in Scorer(version, tokenizer=own).predict(PROBES):
        before = version.manifest.probes[prediction.text]
        if abs(prediction.score - before) > _RELOAD_TOLERANCE:
            raise TrainingError(
                "The version scores differently after it was read back, so it was not published.",
                received=f"{prediction.score:.4f} instead of {before:.4f} for {prediction.text!r}",
                hint="train again; if it happens twice, report it",
            )


def _manifest(
    encoder: Encoder,
    settings: TrainSettings,
    splits: Splits,
    taught: Taught | None,
    mix: Mix | None,
    warm_start: Version | None,
    *,
    metrics: Mapping[str, Metrics],
    probes: Mapping[str, float],
    quantised: Quantised,
    calibration: Calibration,
) -> Manifest:
    source = encoder.source
    stated = {name: values.as_json() for name, values in metrics.items()}
    stated["test"] |= {
        "litert_agreement": quantised.agreement,
        "classifier_accuracy": quantised.classifier_accuracy,
        "compared": quantised.rows,
    }
    return Manifest(
        version=0,  # store.publish sets it
        created=now(),
        libraries={"bertsent": __version__, **{name: importlib.metadata.version(name) for name in _PACKAGES}},
        encoder={
            "name": source.name,
            "handle": source.handle,
            "preprocessor": source.preprocessor,
            "digest": encoder.digest,
            "rebuilt": encoder.rebuilt,
        }
        | ({"gelu": encoder.layer.gelu} if encoder.rebuilt else {})
        | ({"warm_start": warm_start.manifest.files[WEIGHTS]["sha256"]} if warm_start else {}),
        tokenizer={
            "kind": WORDPIECE if encoder.vocabulary else HUB_TOKENIZER,
            "lower_case": encoder.tokenizer.lower_case,
            "normalisation": NORMALISATION,
            "digest": encoder.tokenizer.digest(),
        },
        seq_length=settings.seq_length,
        window=settings.window,
        settings=asdict(settings),
        data={name: _counts(splits, name) for name in ("train", "validation", "test")}
        | _taught(taught)
        | ({"labels": mix.as_json()} if mix else {}),
        metrics=stated,
        probes=probes,
        calibration=to_json(calibration),
    )


def _counts(splits: Splits, name: str) -> dict[str, Any]:
    reviews: tuple[Review, ...] = getattr(splits, name)
    positive = sum(review.label == POSITIVE for review in reviews)
    return {"digest": splits.digests[name], "n": len(reviews), "positive": positive}


def _taught(taught: Taught | None) -> dict[str, Any]:
    if taught is None:
        return {}
    positive = int((taught.targets >= DEFAULT_THRESHOLD).sum())
    stated = {"digest": taught.digest, "n": len(taught.reviews), "positive": positive}
    return {"unlabelled": stated | {"teacher": dict(taught.teacher)}}


def _write_weights(path: Path, classifier: Any) -> None:
    """fp16: half the size, and finer than the bf16 the products were trained in."""
    with disk_errors(path):
        save_file({name: value.astype(np.float16) for name, value in weights(classifier).items()}, path)
