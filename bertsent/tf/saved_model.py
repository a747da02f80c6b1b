"""Exports a version as a SavedModel for TF Serving: texts in, probabilities out, nothing else needed."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.records.core import Progress, silent
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.export import ExportSettings
from bertsent.base.text import spell_emoji
from bertsent.base.version_names import spoken
from bertsent.export import describe, folder, probe_texts, tolerance, weights
from bertsent.export.records import Exported
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.litert import TokenIds
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import pack, window_sizes
from bertsent.tf import encoder as encoders
from bertsent.tf import tf, tf_keras
from bertsent.tf.bert import BertEncoder
from bertsent.tf.classifier import HEAD, assign
from bertsent.tf.errors import disk_errors
from bertsent.tf.hub import load_model, preprocessor_folder
from bertsent.tf.hub_tokenizer import HubTokenizer
from bertsent.tf.litert import calibrated_scores
from bertsent.versions.manifest import VOCABULARY, WEIGHTS, WORDPIECE, Version

SIGNATURE = "serving_default"
_FORM: Final = "saved-model"
INPUT, OUTPUT = describe.input_name(_FORM), describe.OUTPUT
WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")  # where TF Serving looks for it
_SETTINGS = ExportSettings()

# What Python's `str.isspace` accepts, for RE2, whose own \s knows only ASCII.
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
    """Writes `out/<n>/`, with n the number of the version: texts string [batch] -> score float32 [batch].

    Before the export appears it is loaded again and compared: with the classifier in float32 on ids of our
    own tokenizer, and with the version's int8 file.

    Args:
        version: The version to export.
        out: The folder of a model for TF Serving; it may hold other versions.
        check: Reviews to compare on instead of bundled ones.
        force: Replace an earlier export of this version.

    Raises:
        UsageError: if `out` holds something else.
        ArtefactError: if the version has no weights, or its encoder has changed since.
        NetworkError: if an encoder that cannot be rebuilt, or its preprocessor, cannot be fetched.
        BertsentError: if the export gives other scores; then nothing is written.
        StorageError: if it cannot be written.
    """
    started = time.monotonic()
    number = str(version.manifest.version)  # also of the packaged one: TF Serving takes numbers only
    folder.check_target(out, number=number, force=force)
    arrays = weights.read(version)
    progress.start("Loading the classifier", None)
    classifier = _classifier(version, arrays, progress)
    tokenizer, scorer = _tokenizer(version, progress)
    bundled = probe_texts.sample(settings, seq_length=version.manifest.seq_length)
    compared = probe_texts.own(check, settings) if check else bundled
    module = Served(classifier, tokenizer, scorer, version)
    probes = list(version.manifest.probes)
    # Bytes: the fp16 weights in float32 are twice as large; the rest is for the other files.
    needed = 3 * int(version.manifest.files[WEIGHTS]["size"]) + 10_000_000
    progress.start("Writing saved-model", None)
    with folder.staged(out, number=number, force=force, needed=needed) as path:
        with disk_errors(out), quiet_stderr():
            tf.saved_model.save(
                module, str(path), signatures={SIGNATURE: module.score.get_concrete_function()}
            )
        # Bundled reviews, because the user's are private: a few, and a text of full length.
        warm_up = [probes, bundled[: settings.batch_size], [max(bundled, key=len)]]
        with disk_errors(out):
            _write_warm_up(path / WARM_UP, warm_up)
        progress.start("Comparing", None)
        score = _reloaded(path, settings.batch_size)
        distances = tolerance.compare(
            score,
            compared,
            scorer,
            version,
            float32=_float32(classifier, scorer, version, settings.batch_size),
            against="the float32 classifier",
            settings=settings,
        )
        size = describe.write(
            path, version, _FORM, tokenizer=scorer.tokenizer, score=score, distances=distances
        )
    progress.finish()
    return Exported(_FORM, version.name, Path(out) / number, size, distances, time.monotonic() - started)


class Served(tf.Module):  # type: ignore[misc]
    """Cleaning, tokenizer, window, classifier and calibration as one function of texts."""

    def __init__(self, classifier: Any, tokenizer: Any, scorer: Scorer, version: Version) -> None:
        super().__init__(name="sentiment")
        self._classifier = classifier
        self._tokenizer = tokenizer
        self._start, self._end = scorer.tokenizer.start_id, scorer.tokenizer.end_id
        self._head, self._tail = window_sizes(version.manifest.seq_length, version.manifest.window)
        self._emoji = emoji_table() if version.manifest.cleaning > 1 else None
        self._calibration = Calibration.of(version.manifest.calibration)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=INPUT)])  # type: ignore[untyped-decorator]
    def score(self, text: Any) -> dict[str, Any]:
        ids = self.ids(text)
        logit = self._classifier(ids, training=False)
        return {OUTPUT: tf.identity(calibrated_scores(logit, ids, self._calibration), name=OUTPUT)}

    def ids(self, text: Any) -> Any:
        """Texts string [batch] -> ids int32 [batch, tokens], as `tokenizer.window` and `pack` make them."""
        pieces = self._tokenizer.tokenize(clean(text, self._emoji))
        while pieces.shape.rank > 2:  # words of pieces
            pieces = pieces.merge_dims(1, 2)
        pieces = tf.cast(pieces, tf.int32)
        lengths = pieces.row_lengths()
        position = tf.ragged.range(lengths)
        from_end = tf.expand_dims(lengths, 1) - position
        # If a text fits, head and tail together cover all its pieces.
        seen = tf.logical_or(position < self._head, from_end <= self._tail)
        pieces = tf.ragged.boolean_mask(pieces, seen)
        one = tf.ones([pieces.nrows(), 1], tf.int32)
        return tf.concat([one * self._start, pieces, one * self._end], axis=1).to_tensor(0)


def clean(text: Any, emoji: Any = None) -> Any:
    """`text.tokenizable` in TensorFlow: string [batch] -> string [batch].

    Args:
        emoji: The table of their names; None: they are not spelt (cleaning 1).
    """
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    if emoji is not None:
        characters = tf.strings.unicode_split(text, "UTF-8")
        names = emoji.lookup(characters.flat_values)
        spelt_out = tf.where(tf.equal(names, ""), characters.flat_values, names)
        text = tf.strings.reduce_join(characters.with_flat_values(spelt_out), axis=-1)
    text = tf.strings.regex_replace(text, "\ufeff", "")
    text = tf.strings.regex_replace(text, f"(?i)(?:<br{_BLANK}*)+/?>", " ")
    return tf.strings.strip(tf.strings.regex_replace(text, f"{_BLANK}+", " "))


def emoji_table() -> Any:
    """Emoji -> what `text.spell_emoji` writes for it, in UTF-8."""
    candidates = map(chr, (*range(0x2000, 0x3000), *range(0x1F000, 0x20000)))
    changed = {each: name for each in candidates if (name := spell_emoji(each)) != each}
    pairs = tf.lookup.KeyValueTensorInitializer([*changed], [*changed.values()], tf.string, tf.string)
    return tf.lookup.StaticHashTable(pairs, default_value="")


def _classifier(version: Version, arrays: weights.Arrays, progress: Progress) -> Any:
    """The version's classifier in float32: rebuilt from its weights alone, or with its Hub graph."""
    gelu = weights.gelu(version)
    try:
        if gelu is None:
            encoder = _hub_encoder(version, progress)
        else:
            encoder = BertEncoder(weights.of_encoder(arrays), approximate_gelu=gelu == "tanh")
        ids = tf_keras.Input(shape=(None,), dtype=tf.int32, name="input_word_ids")
        logit = tf_keras.layers.Dense(1, name=HEAD)(encoder(ids))
        classifier = tf_keras.Model(ids, logit, name="sentiment")
        assign(classifier, arrays)
    except (KeyError, ValueError) as error:
        raise ArtefactError(
            f"The weights of {spoken(version.name)} are not those of its encoder.",
            received=visible(str(error))[:200],
            hint="train again",
        ) from error
    return classifier


def _hub_encoder(version: Version, progress: Progress) -> Any:
    encoder = version.manifest.encoder
    handle = str(encoder["handle"])
    loaded = encoders.load(
        handle,
        preprocessor=str(encoder["preprocessor"]),
        seq_length=version.manifest.seq_length,
        progress=progress,
    )
    if loaded.digest != encoder["digest"]:
        raise ArtefactError(
            f"The encoder at {visible(handle)} is not the one that {spoken(version.name)} was trained with.",
            hint="put the earlier one back, or train a version with this one",
        )
    return loaded.layer


def _tokenizer(version: Version, progress: Progress) -> tuple[Any, Scorer]:
    """The version's tokenizer for the graph, and a scorer.

    The tokenizer's method `tokenize` maps string [batch] to ragged ids [batch, (words), (pieces)].
    """
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
        return text.BertTokenizer(table, lower_case=scorer.tokenizer.lower_case), scorer
    handle = str(version.manifest.encoder["preprocessor"])
    source = preprocessor_folder(handle, progress)
    return load_model(source, handle), Scorer(version, tokenizer=HubTokenizer(source, handle))


def _reloaded(path: Path, batch: int) -> Callable[[Sequence[str]], list[float]]:
    """A function that scores texts with the written SavedModel, through its signature."""
    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]

    def score(texts: Sequence[str]) -> list[float]:
        scores: list[float] = []
        for first in range(0, len(texts), batch):
            part = tf.constant(_encoded(texts[first : first + batch]))
            scores += signature(part)[OUTPUT].numpy().tolist()
        return scores

    return score


def _float32(
    classifier: Any, scorer: Scorer, version: Version, batch: int
) -> Callable[[Sequence[TokenIds]], NDArray[np.float64]]:
    """A function that scores word pieces with the classifier in float32."""
    calibration = Calibration.of(version.manifest.calibration)

    def score(rows: Sequence[TokenIds]) -> NDArray[np.float64]:
        batches = (rows[first : first + batch] for first in range(0, len(rows), batch))
        ids = (tf.constant(pack(part, tokenizer=scorer.tokenizer)) for part in batches)
        logits = [classifier(part, training=False).numpy()[:, 0].astype(np.float64) for part in ids]
        return calibration.apply(np.concatenate(logits), [len(row) + 2 for row in rows])  # [CLS], [SEP]

    return score


def _write_warm_up(path: Path, batches: Sequence[Sequence[str]]) -> None:
    """Writes requests that TF Serving runs while it loads the model: a TFRecord of PredictionLog messages.

    The messages are written field by field (tensorflow/serving, apis/prediction_log.proto, predict.proto and
    model.proto), because nothing else needs the package that has them for Python.
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
    """A protobuf field that contains bytes."""
    length, size = bytearray(), len(content)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def _encoded(texts: Sequence[str]) -> list[bytes]:
    return [text.encode("utf-8", "replace") for text in texts]
