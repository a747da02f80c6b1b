"""A version -> a SavedModel for TF Serving: texts in, probabilities out, nothing else needed."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.records.core import Progress, silent
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.export import ExportSettings
from bertsent.export import describe, folder, litert_onnx, probe_texts, tolerance, weights
from bertsent.export.records import Distance, Exported
from bertsent.scoring.calibration import sigmoid
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import pack
from bertsent.tf import encoder as encoders
from bertsent.tf import tf, tf_keras
from bertsent.tf.bert import BertEncoder
from bertsent.tf.classifier import HEAD, assign
from bertsent.tf.errors import disk_errors
from bertsent.tf.hub import load_model, preprocessor_folder
from bertsent.tf.hub_tokenizer import HubTokenizer
from bertsent.versions.manifest import VOCABULARY, WEIGHTS, WORDPIECE, Version

SIGNATURE = "serving_default"
INPUT, OUTPUT = "text", "score"
WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")  # where TF Serving looks for it
_SETTINGS = ExportSettings()

# `str.isspace` of Python, for RE2, whose own \s is that of ASCII.
_BLANK = r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"


def export(
    version: Version,
    out: Path,
    *,
    check: Path | None = None,
    force: bool = False,
    settings: ExportSettings = _SETTINGS,
    progress: Progress = silent,
) -> Exported:
    """Writes `out/<n>/`, n the number of the version: texts string [batch] -> score float32 [batch].

    It is loaded again and compared, before it appears, with the classifier in float32 on ids of our own
    tokenizer, and with the version's int8 file.

    Args:
        version: What is exported.
        out: The folder of a model, as TF Serving has it; other versions may be in it.
        check: Reviews to compare on instead of bundled ones.
        force: Replace an earlier export of this version.

    Raises:
        UsageError: if `out` is taken by something else.
        ArtefactError: if the version lacks its weights, or its encoder is another by now.
        NetworkError: if an encoder that cannot be rebuilt, or its preprocessor, cannot be fetched.
        BertsentError: if the export scores otherwise; nothing is written then.
        StorageError: if the disk does not take it.
    """
    begun = time.monotonic()
    folder.check_target(out, number=version.name, force=force)
    arrays = weights.read(version)
    progress.start("Loading the classifier", None)
    classifier = _classifier(version, arrays, progress)
    cut, scorer = _tokenizer(version, progress)
    bundled = litert_onnx.sample(version, settings)
    compared = probe_texts.own(check, settings) if check else bundled
    module = Served(classifier, cut, scorer, version)
    probes = list(version.manifest.probes)
    # Twice the weights, which are fp16, and what comes with them.
    needed = 3 * int(version.manifest.files[WEIGHTS]["size"]) + 10_000_000
    progress.start("Writing saved-model", None)
    with folder.staged(out, number=version.name, force=force, needed=needed) as path:
        with disk_errors(out), quiet_stderr():
            tf.saved_model.save(
                module, str(path), signatures={SIGNATURE: module.score.get_concrete_function()}
            )
        # Of the bundled reviews, for the user's are nobody's business: a few, and a text of full length.
        warm_up = [probes, bundled[: settings.batch_size], [max(bundled, key=len)]]
        with disk_errors(out):
            _write_warm_up(path / WARM_UP, warm_up)
        progress.start("Comparing", None)
        score = _reloaded(path, settings.batch_size)
        distances = _compare(score(compared), compared, classifier, version, scorer, settings)
        examples = dict(zip(probes, score(probes), strict=True))
        describe.write(path, _described(version, scorer, examples, distances))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    progress.finish()
    return Exported(
        "saved-model", version.name, Path(out) / version.name, size, distances, time.monotonic() - begun
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """What makes pieces of texts in the graph: string [batch] -> ragged ids [batch, (words), (pieces)]."""

    tokenize: Callable[[Any], Any]
    tracked: Any  # what the SavedModel has to hold for it: a table, or a preprocessor


class Served(tf.Module):  # type: ignore[misc]
    """Cleaning, tokenizer, window, classifier and calibration as one function of texts."""

    def __init__(self, classifier: Any, cut: Cut, scorer: Scorer, version: Version) -> None:
        super().__init__(name="sentiment")
        self._classifier = classifier
        self._tokenize = cut.tokenize
        self._tracked = cut.tracked
        self._start, self._end = scorer.tokenizer.start_id, scorer.tokenizer.end_id
        self._places = version.manifest.seq_length - 2
        self._head = self._places if version.manifest.window == "head" else self._places // 4
        self._temperature, self._bias = weights.calibration(version)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=INPUT)])  # type: ignore[untyped-decorator]
    def score(self, text: Any) -> dict[str, Any]:
        logit = self._classifier(self.ids(text), training=False)
        calibrated = tf.sigmoid(logit / self._temperature + self._bias)
        return {OUTPUT: tf.reshape(calibrated, [-1], name=OUTPUT)}

    def ids(self, text: Any) -> Any:
        """Texts string [batch] -> ids int32 [batch, tokens], as `tokenizer.window` and `pack` make them."""
        pieces = self._tokenize(clean(text))
        while pieces.shape.rank > 2:  # words of pieces
            pieces = pieces.merge_dims(1, 2)
        pieces = tf.cast(pieces, tf.int32)
        lengths = pieces.row_lengths()
        place = tf.ragged.range(lengths)
        from_end = tf.expand_dims(lengths, 1) - place
        # Of a text that fits, head and tail together hold every piece.
        kept = tf.logical_or(place < self._head, from_end <= self._places - self._head)
        pieces = tf.ragged.boolean_mask(pieces, kept)
        one = tf.ones([pieces.nrows(), 1], tf.int32)
        return tf.concat([one * self._start, pieces, one * self._end], axis=1).to_tensor(0)


def clean(text: Any) -> Any:
    """`reviews.clean` in TensorFlow: string [batch] -> string [batch]."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    text = tf.strings.regex_replace(text, "\ufeff", "")
    text = tf.strings.regex_replace(text, f"(?i)(?:<br{_BLANK}*)+/?>", " ")
    return tf.strings.strip(tf.strings.regex_replace(text, f"{_BLANK}+", " "))


def _classifier(version: Version, arrays: weights.Arrays, progress: Progress) -> Any:
    """The version's classifier in float32: rebuilt from its weights alone, or through its Hub graph."""
    encoder = _plain_bert(version, arrays) or _hub_encoder(version, progress)
    ids = tf_keras.Input(shape=(None,), dtype=tf.int32, name="input_word_ids")
    logit = tf_keras.layers.Dense(1, name=HEAD)(encoder(ids))
    classifier = tf_keras.Model(ids, logit, name="sentiment")
    try:
        assign(classifier, arrays)
    except (KeyError, ValueError) as error:
        raise ArtefactError(
            f"The weights of version {version.name} are not those of its encoder.",
            received=visible(str(error))[:200],
            hint="train again",
        ) from error
    return classifier


def _plain_bert(version: Version, arrays: weights.Arrays) -> Any:
    gelu = weights.gelu(version)
    if gelu is None:
        return None
    prefix = "encoder/"
    variables = {
        name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
    }
    try:
        return BertEncoder(variables, approximate_gelu=gelu == "tanh")
    except ValueError as error:
        raise ArtefactError(
            f"The weights of version {version.name} are not those of a plain BERT.", hint="train again"
        ) from error


def _hub_encoder(version: Version, progress: Progress) -> Any:
    stated = version.manifest.encoder
    loaded = encoders.load(
        str(stated["handle"]),
        preprocessor=str(stated["preprocessor"]),
        seq_length=version.manifest.seq_length,
        progress=progress,
    )
    if loaded.digest != stated["digest"]:
        raise ArtefactError(
            f"The encoder at {visible(str(stated['handle']))} is not the one that version {version.name} was "
            "trained with.",
            hint="put the earlier one back, or train a version with this one",
        )
    return loaded.layer


def _tokenizer(version: Version, progress: Progress) -> tuple[Cut, Scorer]:
    """The version's tokenizer as part of the graph, and a scorer with the one that needs no graph."""
    if version.manifest.tokenizer["kind"] == WORDPIECE:
        scorer = Scorer(version)
        text = importlib.import_module("tensorflow_text")
        index = tf.lookup.TextFileIndex
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(version.file(VOCABULARY)), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
            ),
            default_value=-1,
        )
        cutter = text.BertTokenizer(table, lower_case=scorer.tokenizer.lower_case)
        return Cut(cutter.tokenize, table), scorer
    handle = str(version.manifest.encoder["preprocessor"])
    where = preprocessor_folder(handle, progress)
    preprocessor = load_model(where, handle)
    return Cut(preprocessor.tokenize, preprocessor), Scorer(version, tokenizer=HubTokenizer(where, handle))


def _reloaded(path: Path, batch: int) -> Callable[[Sequence[str]], list[float]]:
    """What scores texts with the SavedModel as it was written, through its signature."""
    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]

    def score(given: Sequence[str]) -> list[float]:
        found: list[float] = []
        for first in range(0, len(given), batch):
            found += signature(tf.constant(_encoded(given[first : first + batch])))[OUTPUT].numpy().tolist()
        return found

    return score


def _compare(
    scores: Sequence[float],
    compared: Sequence[str],
    classifier: Any,
    version: Version,
    scorer: Scorer,
    settings: ExportSettings,
) -> tuple[Distance, ...]:
    temperature, bias = weights.calibration(version)
    rows = litert_onnx.token_rows(scorer, version, compared)
    exact: list[NDArray[np.float64]] = []
    for first in range(0, len(rows), settings.batch_size):
        ids = pack(rows[first : first + settings.batch_size], tokenizer=scorer.tokenizer)
        logits = classifier(tf.constant(ids), training=False).numpy()[:, 0].astype(np.float64)
        exact.append(sigmoid(logits / temperature + bias))
    int8 = [prediction.score for prediction in scorer.predict(compared)]
    return (
        tolerance.exactly(scores, np.concatenate(exact), against="the float32 classifier", settings=settings),
        tolerance.within_int8(scores, int8, version, settings),
    )


def _described(
    version: Version, scorer: Scorer, examples: dict[str, float], distances: Sequence[Distance]
) -> dict[str, Any]:
    return describe.describe(
        version,
        "saved-model",
        tokenizer=scorer.tokenizer,
        inputs={
            "name": INPUT,
            "type": "string",
            "shape": ["batch"],
            "meaning": "texts in UTF-8, as they come",
        },
        output=OUTPUT,
        examples=examples,
        distances=distances,
    )


def _write_warm_up(path: Path, batches: Sequence[Sequence[str]]) -> None:
    """Requests that TF Serving runs while it loads the model: a TFRecord of PredictionLog messages.

    The messages are written field by field (tensorflow/serving, apis/prediction_log.proto, predict.proto and
    model.proto): the package that has them for Python would bring nothing else.
    """
    spec = _field(3, SIGNATURE.encode())  # ModelSpec.signature_name
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as file:
        for batch in batches:
            tensor = tf.make_tensor_proto(_encoded(batch), tf.string, [len(batch)]).SerializeToString()
            entry = _field(1, INPUT.encode()) + _field(2, tensor)  # of the map PredictRequest.inputs
            request = _field(1, spec) + _field(2, entry)
            file.write(_field(6, _field(1, request)))  # PredictionLog.predict_log, PredictLog.request


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds bytes."""
    length, size = bytearray(), len(content)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def _encoded(given: Sequence[str]) -> list[bytes]:
    return [text.encode("utf-8", "replace") for text in given]
