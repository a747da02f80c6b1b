"""The LiteRT file against the classifier it is made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_bert

from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring.calibration import Calibration, ShortTexts, logit, sigmoid
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.scoring.tokenizer import pack

Folders = tuple[Path, Path]
PLACES = 48


@pytest.fixture(scope="module")
def built(tiny_encoder: Folders) -> tuple[Any, Any]:
    """An encoder with a few rows far larger than the others, as trained ones have them; its classifier."""
    from bertsent.tf import classifier, encoder

    loaded = encoder.load(str(tiny_encoder[0]), preprocessor=str(tiny_encoder[1]))
    arrays = loaded.layer.arrays()
    arrays["word_embeddings/embeddings"][-3:] *= 200
    loaded.layer.assign(arrays)
    made = classifier.build(loaded, dropout=0.1, seed=1)
    head = made.get_layer(classifier.HEAD)
    head.kernel.assign(head.kernel * 40)  # so that scores spread over the whole range
    return loaded, made


@pytest.fixture(scope="module")
def through_hub(built: tuple[Any, Any]) -> tuple[Any, Any]:
    """The same encoder by TF Hub's own graph, as one trains that cannot be rebuilt; its classifier."""
    from bertsent.tf import classifier, encoder

    loaded = replace(built[0], layer=encoder.HubEncoder(built[0].hub), rebuilt=False)
    made = classifier.build(loaded, dropout=0.1, seed=1)
    head = made.get_layer(classifier.HEAD)
    head.kernel.assign(head.kernel * 40)
    return loaded, made


def convert(built: tuple[Any, Any], folder: Path, **values: Any) -> Path:
    from bertsent.tf.litert import to_litert

    file = folder / f"{len(list(folder.iterdir()))}.tflite"
    file.write_bytes(to_litert(built[1], Calibration(**values)))
    return file


def opened(file: Path, built: tuple[Any, Any]) -> LiteRTClassifier:
    return LiteRTClassifier(file, tokenizer=built[0].tokenizer, settings=ScoreSettings())


def by_litert_alone(file: Path, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scores of padded rows as whoever else runs the file gets them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(given, ids.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given, ids)
    interpreter.invoke()
    scores: np.ndarray[Any, Any] = interpreter.get_tensor(result)
    return scores


@pytest.fixture(scope="module")
def litert(built: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> LiteRTClassifier:
    return opened(convert(built, tmp_path_factory.mktemp("export")), built)


@pytest.fixture(scope="module")
def rows() -> list[Any]:
    random = np.random.default_rng(2)
    lengths = random.integers(1, PLACES - 1, 60)
    return [
        random.integers(5, len(tiny_bert.vocabulary()) - 3, length).astype(np.int32) for length in lengths
    ]


def test_litert_scores_as_the_classifier_although_some_rows_are_large(
    built: tuple[Any, Any], litert: LiteRTClassifier, rows: list[Any]
) -> None:
    encoder, classifier = built
    logits = classifier(pack(rows, tokenizer=encoder.tokenizer, width=PLACES), training=False).numpy()[:, 0]
    expected = 1 / (1 + np.exp(-logits))
    assert np.ptp(expected) > 0.3
    assert np.abs(litert.score(rows) - expected).max() < 0.05


@pytest.mark.parametrize("kind", ["built", "through_hub"])
@pytest.mark.parametrize("width", [PLACES, PLACES + 7])
def test_the_file_gives_a_row_the_same_score_in_any_batch_however_padded(
    request: pytest.FixtureRequest, tmp_path: Path, rows: list[Any], kind: str, width: int
) -> None:
    built = request.getfixturevalue(kind)
    file = convert(built, tmp_path)
    packed = pack(rows[:8], tokenizer=built[0].tokenizer, width=width)
    assert by_litert_alone(file, packed) == pytest.approx(opened(file, built).score(rows[:8]), abs=1e-6)


def test_conversion_leaves_the_classifier_as_it_was(built: tuple[Any, Any], litert: LiteRTClassifier) -> None:
    ids = np.array([[2, 9, 40, 3]], np.int32)
    by_table = built[0].layer(ids).numpy()
    with built[0].layer.int8_rows():
        in_int8 = built[0].layer(ids).numpy()
    assert 0 < np.abs(by_table - in_int8).max() < 0.05
    assert np.array_equal(built[0].layer(ids).numpy(), by_table)


def test_int8_steps_of_the_weights_are_their_own_whatever_gamma_stands_before_them(
    built: tuple[Any, Any], tmp_path: Path
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    layer, name = built[0].layer, "transformer/layer_0/self_attention_layer_norm/gamma"
    before = layer.arrays()
    spread = np.geomspace(0.1, 10, tiny_bert.HIDDEN).astype(np.float32)
    try:
        layer.assign({**before, name: spread})
        interpreter = Interpreter(str(convert(built, tmp_path)))
    finally:
        layer.assign(before)
    steps = [
        found["quantization_parameters"]["scales"]
        for found in interpreter.get_tensor_details()
        if found["dtype"] is np.int8 and [*found["shape"]] == [tiny_bert.INNER, tiny_bert.HIDDEN]
    ]
    kernels = [
        before[f"transformer/layer_{number}/intermediate/kernel"] for number in range(tiny_bert.LAYERS)
    ]
    own = np.sort([np.abs(kernel).max(0) / 127 for kernel in kernels], axis=0)
    assert np.sort(steps, axis=0) == pytest.approx(own, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "temperature", "bias"),
    [("built", 0.1, 0.0), ("built", 20.0, -0.5), ("through_hub", 2.5, 0.3)],
    ids=str,
)
def test_temperature_divides_the_logits_of_the_file_and_bias_is_added(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rows: list[Any],
    kind: str,
    temperature: float,
    bias: float,
) -> None:
    built = request.getfixturevalue(kind)
    plain = opened(convert(built, tmp_path), built).score(rows)
    expected = sigmoid(logit(plain) / temperature + bias)
    file = convert(built, tmp_path, temperature=temperature, bias=bias)
    assert np.ptp(plain) > 0.3
    assert opened(file, built).score(rows) == pytest.approx(expected, abs=2e-5)


def test_short_rows_have_their_own_temperature_and_bias(
    built: tuple[Any, Any], tmp_path: Path, rows: list[Any]
) -> None:
    lengths = np.array([len(row) + 2 for row in rows])  # [CLS], [SEP]
    short, long = (int(value) for value in np.quantile(lengths, (0.25, 0.75)))
    calibration = Calibration(2.0, 0.1, short=ShortTexts(0.5, -0.4, tokens=short, long=long))
    assert {*np.sign(lengths - short)} == {*np.sign(lengths - long)} == {-1, 0, 1}
    plain = opened(convert(built, tmp_path), built).score(rows)
    file = convert(built, tmp_path, temperature=2.0, bias=0.1, short=calibration.short)
    expected = calibration.apply(logit(plain), lengths)
    assert opened(file, built).score(rows) == pytest.approx(expected, abs=1e-4)
