"""Converts a classifier to the LiteRT file that scores without TensorFlow."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import TrainingError
from bertsent.base.resources import quiet_stderr
from bertsent.scoring.calibration import Calibration
from bertsent.tf import tf
from bertsent.tf.bert import BertEncoder

# A public function of TensorFlow raises it, but only a private module defines it.
_ConverterError = importlib.import_module("tensorflow.lite.python.convert_phase").ConverterError


def to_litert(classifier: Any, calibration: Calibration | None = None) -> bytes:
    """Converts a classifier to LiteRT with dynamic-range int8 weights.

    The file maps token ids int32 [batch, tokens], padded with 0 at the end of a row, to scores
    float32 [batch] = P(positive). Weights are int8 with one scale per output channel, embeddings with one per
    row. Activations stay float32 and are quantised row by row inside each product, so the score of a row does
    not depend on the other rows.

    Args:
        classifier: token ids -> logit, as `classifier.build` makes it.
        calibration: Corrects the logits, so that the file gives calibrated scores.

    Raises:
        TrainingError: if LiteRT lacks an operation of this encoder.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="input_word_ids")])  # type: ignore[untyped-decorator]
    def score(input_word_ids: Any) -> dict[str, Any]:
        logit = classifier(input_word_ids, training=False)
        return {"score": calibrated_scores(logit, input_word_ids, calibration or Calibration())}

    encoder = classifier.get_layer("encoder")
    with encoder.int8_rows() if isinstance(encoder, BertEncoder) else contextlib.nullcontext():
        function = score.get_concrete_function()
    weights = tf.Module()  # in place of the classifier, whose every layer Keras would trace to save it
    weights.variables_of_the_function = list(function.graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], weights)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    try:
        with quiet_stderr():
            converted: bytes = converter.convert()
    except _ConverterError as error:
        raise TrainingError(
            "LiteRT cannot run this encoder.",
            received=visible(str(error).strip().splitlines()[0])[:200],
            hint="choose another encoder, for example --encoder minilm",
        ) from error
    return converted


def calibrated_scores(logit: Any, ids: Any, calibration: Calibration) -> Any:
    """The scores float32 [batch] of raw logits [batch, 1], as `Calibration.apply` has it.

    Args:
        ids: int32 [batch, tokens], padded with 0.
    """
    short = calibration.short
    if short is None:
        scaled = logit / calibration.temperature + calibration.bias
    else:
        tokens = tf.reduce_sum(tf.cast(tf.not_equal(ids, 0), tf.float32), axis=1, keepdims=True)
        part = tf.clip_by_value((short.long - tokens) / (short.long - short.tokens), 0.0, 1.0)
        slope, bias = 1 / calibration.temperature, calibration.bias
        slope = slope + part * (1 / short.temperature - slope)
        scaled = slope * logit + bias + part * (short.bias - bias)
    return tf.reshape(tf.sigmoid(scaled), [-1])
