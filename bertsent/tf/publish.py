"""Publishes a trained classifier as a version: LiteRT file, weights, reference, metrics, card."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bertsent import __version__
from bertsent.base.errors import TrainingError
from bertsent.base.files import now, write_text
from bertsent.base.records.core import Progress, to_json
from bertsent.base.records.metrics import Metrics, Quantised
from bertsent.base.records.training import CROSS_VALIDATION, Trained
from bertsent.base.settings import toml_file
from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, ScoreSettings
from bertsent.base.text import CLEANING
from bertsent.reports import plots
from bertsent.scoring.calibration import Calibration, calibrate
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.scoring.metrics import by_kind, measure
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import NORMALISATION, window
from bertsent.tf import reference_rows
from bertsent.tf.batches import Encoded, head
from bertsent.tf.classifier import weights
from bertsent.tf.encoder import Encoder
from bertsent.tf.errors import disk_errors
from bertsent.tf.fit import Fit, predict_logits
from bertsent.tf.litert import to_litert
from bertsent.tf.training_run import TrainingRun
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
from bertsent.versions.trained_texts import key, trained_texts

PROBES = ("great film", "It is meh.", "I want my two hours back; the plot made no sense at all.")
_RELOAD_TOLERANCE = 1e-4  # the same file must give the same score after every reload
_CONVERSION_TOLERANCE = 0.05  # mean distance of scores; int8 weights cause about 0.005, a broken graph 0.3
_PACKAGES = (
    "tensorflow",
    "tensorflow-text",
    "tensorflow-hub",
    "tf-models-official",
    "ai-edge-litert",
    "numpy",
)


def publish(
    run: TrainingRun,
    fit: Fit,
    encoded: Mapping[str, Encoded],
    *,
    judged: NDArray[np.float32] | None = None,
    folder: Path,
    keep_weights: bool,
    progress: Progress,
) -> Trained:
    """Writes a version into a staging folder, measures its LiteRT file, and publishes it.

    Args:
        fit: The result of training; its classifier has the weights to publish.
        encoded: The rows of the run, by split.
        judged: Of a run with folds: the logits of its rows, each by a classifier that had not seen the row.
        folder: The folder of versions.
        keep_weights: Whether the version includes weights.safetensors.

    Raises:
        TrainingError: if the files that were written do not score as the classifier did before.
        StorageError: if it cannot be written.
    """
    progress.start("Converting to LiteRT", None)
    encoder, classifier = run.encoder, fit.classifier
    with store.staging(folder) as path:
        if encoder.vocabulary is not None:
            shutil.copyfile(encoder.vocabulary, path / VOCABULARY)
        calibration = _calibration(path, run, classifier, encoded["validation"], progress)
        litert = _convert(path, run, classifier, calibration)
        held_out = [name for name in run.rows if name != "train"]
        scores = {name: _scores(litert, encoded[name], name, progress) for name in held_out}
        if judged is not None:
            encoded = {**encoded, CROSS_VALIDATION: encoded["train"]}
            calibrated = calibration.apply(judged, encoded["train"].lengths)
            scores[CROSS_VALIDATION] = calibrated.astype(np.float32)
        metrics, kinds = _measured(run, encoded, scores, progress)
        quantised = _compared(litert, fit, encoded, scores, calibration, progress)
        seq_length, kind = run.settings.seq_length, run.settings.window
        token_ids = encoder.tokenizer.encode(PROBES)
        probe_ids = [window(ids, seq_length=seq_length, kind=kind) for ids in token_ids]
        probes = dict(zip(PROBES, litert.score(probe_ids).tolist(), strict=True))
        manifest = _manifest(run, metrics, kinds, quantised, probes, calibration)
        if keep_weights:
            _write_weights(path / WEIGHTS, classifier)
        reference_rows.write(path / REFERENCE, run, encoded, scores)
        history = {"best_epoch": fit.best_epoch, "epochs": to_json(fit.epochs)}
        write_text(path / CONFIG, toml_file.dumps(run.settings))
        write_text(path / HISTORY, json.dumps(history, indent=2) + "\n")
        plots.training_curves(fit.epochs, best_epoch=fit.best_epoch, path=path / PLOT)
        write_text(path / CARD, model_card.render(manifest, epochs=fit.epochs, best_epoch=fit.best_epoch))
        _check_reload(store.finalise(path, manifest), encoder)
        version = store.publish(path, manifest, folder=folder)
    progress.finish()
    return Trained(
        version=version.manifest.version,
        path=version.path,
        best_epoch=fit.best_epoch,
        epochs=fit.epochs,
        metrics=metrics,
        quantised=quantised,
        seconds=0.0,
        scores={
            review.text: score
            for name in held_out
            for review, score in zip(run.rows[name], scores[name].tolist(), strict=True)
        },
    )


def _calibration(
    path: Path, run: TrainingRun, classifier: Any, validation: Encoded, progress: Progress
) -> Calibration:
    """Fits the calibration to the validation rows. If these are too few, or only stand in for a data set, it
    is that of the version that training began with: two rows, or bags of words, would give one that fits no
    review. Without such a version scores stay as they are."""
    too_few = len(validation) < CalibrationSettings().least_rows
    if run.warm_start is not None and (run.mix.stand_in or too_few):
        return replace(Calibration.of(run.warm_start.manifest.calibration), kept=True)
    if too_few:
        return Calibration()
    plain = _convert(path, run, classifier)
    scores = _scores(plain, validation, "validation, to calibrate", progress)
    return calibrate(scores, validation.labels, tokens=validation.lengths)


def _measured(
    run: TrainingRun,
    encoded: Mapping[str, Encoded],
    scores: Mapping[str, NDArray[np.float32]],
    progress: Progress,
) -> tuple[dict[str, Metrics], dict[str, Mapping[str, Metrics]]]:
    """The metrics by split, and those of short and long texts by split."""
    names = [name for name in ("validation", "test", CROSS_VALIDATION) if name in scores]
    metrics = {
        name: measure(scores[name], encoded[name].labels, threshold=DEFAULT_THRESHOLD, intervals=True)
        for name in names
    }
    kinds: dict[str, Mapping[str, Metrics]] = {
        name: by_kind(scores[name], encoded[name].labels, encoded[name].pieces) for name in names
    }
    if run.mix.stand_in:  # bags of words: not to be compared with the validation rows of other versions
        metrics["stand_in"], kinds["stand_in"] = metrics.pop("validation"), {}
    if CROSS_VALIDATION in scores and run.warm_start is not None:
        texts = [review.text for review in run.rows["train"]]
        if not np.isin([key(text) for text in texts], trained_texts(run.warm_start)).any():
            before = Scorer(run.warm_start).scores(texts, what="Scoring by the warm start", progress=progress)
            labels = encoded["train"].labels
            metrics["warm_start"] = measure(before, labels, threshold=DEFAULT_THRESHOLD, intervals=True)
            kinds["warm_start"] = {}
    return metrics, kinds


def _compared(
    litert: LiteRTClassifier,
    fit: Fit,
    encoded: Mapping[str, Encoded],
    scores: Mapping[str, NDArray[np.float32]],
    calibration: Calibration,
    progress: Progress,
) -> Quantised:
    """Compares the LiteRT file with the trained classifier, on test rows if there are any."""
    name = next((name for name in ("test", "validation") if len(encoded[name])), "train")
    some = head(encoded[name], CalibrationSettings().compared)  # sorted by digest: a random draw
    logits = predict_logits(
        fit.classifier, some, what="Comparing with the trained classifier", progress=progress
    )
    own = scores[name][: len(some)] if name in scores else _scores(litert, some, name, progress)
    return _compare(own, calibration.apply(logits, some.lengths), some)


def _convert(
    path: Path, run: TrainingRun, classifier: Any, calibration: Calibration | None = None
) -> LiteRTClassifier:
    """Writes the LiteRT file of a version and opens it."""
    (path / CLASSIFIER).write_bytes(to_litert(classifier, calibration))
    return LiteRTClassifier(path / CLASSIFIER, tokenizer=run.encoder.tokenizer, settings=ScoreSettings())


def _scores(litert: LiteRTClassifier, split: Encoded, name: str, progress: Progress) -> NDArray[np.float32]:
    """P(positive) of a split by the version's LiteRT file, float32 [rows]."""
    rows, chunk = split.word_pieces(), ScoreSettings().chunk
    progress.start(f"Scoring {name}", len(rows), "reviews")
    scores = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), chunk):
        scores[first : first + chunk] = litert.score(rows[first : first + chunk])
        progress.advance(min(first + chunk, len(rows)))
    return scores


def _compare(scores: NDArray[np.float32], trained: NDArray[np.float64], split: Encoded) -> Quantised:
    """Compares the scores of the LiteRT file with those of the trained classifier.

    Raises:
        TrainingError: if they differ by more than quantisation explains, so that the conversion failed.
    """
    distance = float(np.mean(np.abs(trained - scores)))
    if not distance <= _CONVERSION_TOLERANCE:
        raise TrainingError(
            "The LiteRT file does not score as the trained classifier does, so nothing was published.",
            received=f"scores {distance:.3f} apart on average",
            hint="choose another encoder, for example --encoder minilm",
        )
    positive = trained >= DEFAULT_THRESHOLD
    return Quantised(
        agreement=float(np.mean(positive == (scores >= DEFAULT_THRESHOLD))),
        classifier_accuracy=float(np.mean(positive == (split.labels == POSITIVE))),
        rows=len(split),
    )


def _check_reload(version: Version, encoder: Encoder) -> None:
    """Scores the probe texts again with `Scorer`, from the files that were written.

    Raises:
        TrainingError: if a score differs.
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
    run: TrainingRun,
    metrics: Mapping[str, Metrics],
    kinds: Mapping[str, Mapping[str, Metrics]],
    quantised: Quantised,
    probes: Mapping[str, float],
    calibration: Calibration,
) -> Manifest:
    encoder, settings, source = run.encoder, run.settings, run.encoder.source
    by_split = {
        name: values.as_json() | {kind: part.as_json() for kind, part in kinds[name].items()}
        for name, values in metrics.items()
    }
    by_split["test"] |= {
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
        | ({"warm_start": run.warm_start.manifest.files[WEIGHTS]["sha256"]} if run.warm_start else {}),
        tokenizer={
            "kind": WORDPIECE if encoder.vocabulary else HUB_TOKENIZER,
            "lower_case": encoder.tokenizer.lower_case,
            "normalisation": NORMALISATION,
            "digest": encoder.tokenizer.digest(),
        },
        seq_length=settings.seq_length,
        window=settings.window,
        settings=asdict(settings),
        data=run.data(),
        metrics=by_split,
        probes=probes,
        calibration=calibration.as_json(),
        cleaning=CLEANING,
    )


def _write_weights(path: Path, classifier: Any) -> None:
    """Writes fp16: half the size, and finer than the bf16 in which products are trained."""
    with disk_errors(path):
        save_file({name: value.astype(np.float16) for name, value in weights(classifier).items()}, path)
