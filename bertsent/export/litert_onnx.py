"""Exports that take token ids: the version's LiteRT file as it is, or its weights as an ONNX graph."""

from __future__ import annotations

import runpy
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bertsent.base.errors import ArtefactError, UsageError
from bertsent.base.files import disk_errors
from bertsent.base.records.core import Progress, silent
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.export import ExportSettings, Format
from bertsent.base.settings.scoring import Window
from bertsent.base.text import clean
from bertsent.export import describe, folder, probe_texts, tolerance, weights
from bertsent.export.records import Distance, Exported
from bertsent.scoring.litert import TokenIds
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import pack, window
from bertsent.versions.manifest import CLASSIFIER, VOCABULARY, WEIGHTS, WORDPIECE, Version

ONNX = "classifier.onnx"
SCRIPT = "score.py"
INPUT, OUTPUT = "input_word_ids", "score"
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
    """Writes a version for LiteRT or ONNX Runtime: the model, its vocabulary, what it is, and `score.py`.

    The folder is loaded by its own `score.py`, which knows nothing of bertsent, and its scores are compared
    before it appears: LiteRT's with those of `Scorer`, ONNX's with the same weights in NumPy and with
    `Scorer`.

    Args:
        version: What is exported.
        out: The folder that is made.
        check: Reviews to compare on instead of bundled ones.
        force: Replace an earlier export at `out`.

    Raises:
        UsageError: if `out` is taken, or the version has no WordPiece vocabulary.
        ArtefactError: if the version lacks what the format needs.
        MissingExtraError: without onnx or onnxruntime.
        BertsentError: if the export scores otherwise; nothing is at `out` then.
        StorageError: if the disk does not take it.
    """
    begun = time.monotonic()
    folder.check_target(out, force=force)
    if version.manifest.tokenizer["kind"] != WORDPIECE:
        raise UsageError(
            f"Version {version.name} has no WordPiece vocabulary, so nothing could make its token ids.",
            hint="bertsent export saved-model OUT carries the preprocessor too",
        )
    scorer = Scorer(version)
    arrays = _arrays(version) if form == "onnx" else {}
    compared = probe_texts.own(check, settings) if check else sample(version, settings)
    progress.start(f"Writing {form}", None)
    with folder.staged(out, force=force, needed=_needed(version, form)) as path, disk_errors(out):
        if form == "onnx":
            _write_onnx(path / ONNX, arrays, version)
        else:
            shutil.copyfile(version.file(CLASSIFIER), path / CLASSIFIER)
        shutil.copyfile(version.file(VOCABULARY), path / VOCABULARY)
        shutil.copyfile(Path(__file__).parent / SCRIPT, path / SCRIPT)
        describe.write(path, _described(version, form, scorer))  # score.py reads it
        score = _reloaded(path)
        progress.start("Comparing", None)
        distances = _compare(score(compared), compared, version, scorer, arrays, settings)
        probes = list(version.manifest.probes)
        examples = dict(zip(probes, score(probes), strict=True))
        describe.write(path, _described(version, form, scorer, examples, distances))
        size = sum(file.stat().st_size for file in path.iterdir())
    progress.finish()
    return Exported(form, version.name, Path(out), size, distances, time.monotonic() - begun)


def sample(version: Version, settings: ExportSettings = _SETTINGS) -> list[str]:
    """The texts on which an export of this version is compared where the user names none."""
    return probe_texts.sample(settings, seq_length=version.manifest.seq_length)


def token_rows(scorer: Scorer, version: Version, given: Sequence[str]) -> list[TokenIds]:
    """Texts as a version sees them: its pieces with the window laid, without [CLS] and [SEP]."""
    kind: Window = "head" if version.manifest.window == "head" else "head+tail"
    return [
        window(ids, seq_length=version.manifest.seq_length, kind=kind)
        for ids in scorer.tokenizer.encode([clean(text) for text in given])
    ]


def _arrays(version: Version) -> weights.Arrays:
    if version.manifest.encoder.get("rebuilt") is not True:
        raise ArtefactError(
            f"The encoder of version {version.name} is no plain BERT, so there is no ONNX graph for it.",
            hint="bertsent export saved-model OUT, or bertsent export litert OUT",
        )
    if weights.gelu(version) is None:
        raise ArtefactError(
            f"Version {version.name} does not say which GELU its encoder computes (earlier ones never did).",
            hint="bertsent export saved-model OUT, or train a version with this bertsent",
        )
    return weights.read(version)


def _write_onnx(file: Path, arrays: weights.Arrays, version: Version) -> None:
    from bertsent.export import onnx_graph

    temperature, bias = weights.calibration(version)
    content = onnx_graph.build(
        arrays,
        gelu=weights.gelu(version) or "tanh",
        temperature=temperature,
        bias=bias,
        note=f"bertsent sentiment classifier, version {version.name} of {version.manifest.created}",
    )
    file.write_bytes(content)


def _described(
    version: Version,
    form: Format,
    scorer: Scorer,
    examples: dict[str, float] | None = None,
    distances: Sequence[Distance] = (),
) -> dict[str, Any]:
    return describe.describe(
        version,
        form,
        tokenizer=scorer.tokenizer,
        inputs={
            "name": INPUT,
            "type": "int32",
            "shape": ["batch", "tokens"],
            "meaning": "token ids, padded with 0 at the end of a row, at most "
            f"{version.manifest.seq_length} a row",
        },
        output=OUTPUT,
        examples=examples,
        distances=distances,
    )


def _reloaded(path: Path) -> Callable[[Sequence[str]], list[float]]:
    """What scores texts in the exported folder: its own script, in its own runtime."""
    classifier = runpy.run_path(str(path / SCRIPT))["Classifier"](path)

    def score(given: Sequence[str]) -> list[float]:
        with quiet_stderr():
            found: list[float] = classifier.score(given)
        return found

    return score


def _compare(
    scores: Sequence[float],
    compared: Sequence[str],
    version: Version,
    scorer: Scorer,
    arrays: weights.Arrays,
    settings: ExportSettings,
) -> tuple[Distance, ...]:
    ours = [prediction.score for prediction in scorer.predict(compared)]
    if not arrays:
        return (tolerance.exactly(scores, ours, against="bertsent's own scorer", settings=settings),)
    from bertsent.export import numpy_bert

    rows = token_rows(scorer, version, compared)
    exact: list[NDArray[np.float64]] = []
    temperature, bias = weights.calibration(version)
    for row in rows:
        exact.append(
            numpy_bert.score(
                arrays,
                pack([row], tokenizer=scorer.tokenizer),
                gelu=weights.gelu(version) or "tanh",
                temperature=temperature,
                bias=bias,
            )
        )
    return (
        tolerance.exactly(
            scores, np.concatenate(exact), against="the same weights in NumPy", settings=settings
        ),
        tolerance.within_int8(scores, ours, version, settings),
    )


def _needed(version: Version, form: Format) -> int:
    """Bytes that the export takes, generously."""
    files = version.manifest.files
    model = files[CLASSIFIER]["size"] if form == "litert" else 2 * files[WEIGHTS]["size"]  # float32 of fp16
    return int(model * 1.1) + int(files[VOCABULARY]["size"]) + 1_000_000
