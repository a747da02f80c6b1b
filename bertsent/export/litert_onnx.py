"""Exports that take token ids: the version's LiteRT file as it is, or its weights as an ONNX graph."""

from __future__ import annotations

import runpy
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.errors import ArtefactError, UsageError
from bertsent.base.files import disk_errors
from bertsent.base.records.core import Progress, silent
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.export import ExportSettings, Format
from bertsent.base.version_names import capital, spoken
from bertsent.export import describe, folder, probe_texts, tolerance, weights
from bertsent.export.records import Distance, Exported
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.litert import TokenIds
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import pack
from bertsent.versions.manifest import CLASSIFIER, VOCABULARY, WEIGHTS, WORDPIECE, Version

ONNX = "classifier.onnx"
SCRIPT = "score.py"
_SETTINGS = ExportSettings()


def export(
    version: Version,
    form: Literal["litert", "onnx"],
    out: Path,
    *,
    check: Path | None = None,
    force: bool = False,
    settings: ExportSettings = _SETTINGS,
    progress: Progress = silent,
) -> Exported:
    """Writes a version for LiteRT or ONNX Runtime: model, vocabulary, `export.json`, README and `score.py`.

    Before the folder appears, its own `score.py`, which does not use bertsent, loads it, and its scores are
    compared: LiteRT's with those of `Scorer`, ONNX's with those of the same weights in NumPy and of `Scorer`.

    Args:
        version: The version to export.
        out: The folder to make.
        check: Reviews to compare on instead of bundled ones.
        force: Replace an earlier export at `out`.

    Raises:
        UsageError: if `out` exists, or the version has no WordPiece vocabulary.
        ArtefactError: if the version lacks what the format needs.
        MissingExtraError: if onnx or onnxruntime is not installed.
        BertsentError: if the export gives other scores; then nothing is written to `out`.
        StorageError: if it cannot be written.
    """
    started = time.monotonic()
    folder.check_target(out, force=force)
    if version.manifest.tokenizer["kind"] != WORDPIECE:
        raise UsageError(
            f"{capital(version.name)} has no WordPiece vocabulary, so nothing could make its token ids.",
            hint="bertsent export saved-model OUT exports the preprocessor too",
        )
    scorer = Scorer(version)
    arrays = _arrays(version) if form == "onnx" else {}
    if check is None:
        compared = probe_texts.sample(settings, seq_length=version.manifest.seq_length)
    else:
        compared = probe_texts.own(check, settings)
    progress.start(f"Writing {form}", None)
    with folder.staged(out, force=force, needed=_needed(version, form)) as path, disk_errors(out):
        if form == "onnx":
            _write_onnx(path / ONNX, arrays, version)
        else:
            shutil.copyfile(version.file(CLASSIFIER), path / CLASSIFIER)
        shutil.copyfile(version.file(VOCABULARY), path / VOCABULARY)
        shutil.copyfile(Path(__file__).parent / SCRIPT, path / SCRIPT)
        describe.write(path, version, form, tokenizer=scorer.tokenizer)  # score.py reads it
        score = _reloaded(path)
        progress.start("Comparing", None)
        distances = _compare(score, compared, version, scorer, arrays, settings)
        size = describe.write(
            path, version, form, tokenizer=scorer.tokenizer, score=score, distances=distances
        )
    progress.finish()
    return Exported(form, version.name, Path(out), size, distances, time.monotonic() - started)


def _arrays(version: Version) -> weights.Arrays:
    if version.manifest.encoder.get("rebuilt") is not True:
        raise ArtefactError(
            f"The encoder of {spoken(version.name)} is not a plain BERT, so there is no ONNX graph for it.",
            hint="bertsent export saved-model OUT, or bertsent export litert OUT",
        )
    if weights.gelu(version) is None:
        raise ArtefactError(
            f"{capital(version.name)} is too old: it does not say which GELU its encoder computes.",
            hint="bertsent export saved-model OUT, or train a version with this bertsent",
        )
    return weights.read(version)


def _write_onnx(file: Path, arrays: weights.Arrays, version: Version) -> None:
    from bertsent.export import onnx_graph

    content = onnx_graph.build(
        arrays,
        gelu=weights.gelu(version) or "tanh",
        calibration=Calibration.of(version.manifest.calibration),
        note=f"bertsent sentiment classifier, {spoken(version.name)} of {version.manifest.created}",
    )
    file.write_bytes(content)


def _reloaded(path: Path) -> Callable[[Sequence[str]], list[float]]:
    """A function that scores texts with the exported folder: its own script in its own runtime."""
    classifier = runpy.run_path(str(path / SCRIPT))["Classifier"](path)

    def score(texts: Sequence[str]) -> list[float]:
        with quiet_stderr():
            scores: list[float] = classifier.score(texts)
        return scores

    return score


def _compare(
    score: Callable[[Sequence[str]], list[float]],
    texts: Sequence[str],
    version: Version,
    scorer: Scorer,
    arrays: weights.Arrays,
    settings: ExportSettings,
) -> tuple[Distance, ...]:
    if not arrays:
        return tolerance.compare(score, texts, scorer, version, settings=settings)
    from bertsent.export import numpy_bert

    gelu = weights.gelu(version) or "tanh"
    calibration = Calibration.of(version.manifest.calibration)

    def float32(rows: Sequence[TokenIds]) -> NDArray[np.float64]:
        packed = [pack([row], tokenizer=scorer.tokenizer) for row in rows]
        return np.concatenate(
            [numpy_bert.score(arrays, ids, gelu=gelu, calibration=calibration) for ids in packed]
        )

    against = "the same weights in NumPy"
    return tolerance.compare(
        score, texts, scorer, version, float32=float32, against=against, settings=settings
    )


def _needed(version: Version, form: Format) -> int:
    """The bytes that the export needs, rounded up generously."""
    files = version.manifest.files
    model = files[CLASSIFIER]["size"] if form == "litert" else 2 * files[WEIGHTS]["size"]  # float32 of fp16
    return int(model * 1.1) + int(files[VOCABULARY]["size"]) + 1_000_000
