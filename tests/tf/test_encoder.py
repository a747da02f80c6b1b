"""Encoders loaded through TF Hub's interface, rebuilt where they are plain BERTs, refused where foreign."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_bert
from support.listener import Listener
from typer.testing import Result

from bertsent.base.digests import sha256_folder
from bertsent.base.errors import ArtefactError, UsageError

Run = Callable[..., Result]
Folders = tuple[Path, Path]
PLACES = 64


@pytest.fixture(scope="module")
def erf_encoder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Folders) -> Folders:
    """A BERT with GELU by erf, as PyTorch has it, of 64 places; with the tiny preprocessor."""
    from bertsent.tf import tf_keras

    def gelu(values: Any) -> Any:
        return tf_keras.activations.gelu(values, approximate=False)

    folder = tmp_path_factory.mktemp("erf")
    return tiny_bert.export_encoder(folder, activation=gelu, max_position_embeddings=PLACES), tiny_encoder[1]


def load(folders: Folders, **options: Any) -> Any:
    from bertsent.tf import encoder

    return encoder.load(str(folders[0]), preprocessor=str(folders[1]), **options)


@pytest.fixture(scope="module")
def loaded(tiny_encoder: Folders) -> Any:
    return load(tiny_encoder)


def saved_preprocessor(folder: Path, tokenize: Callable[[Any], Any]) -> Path:
    """A SavedModel with the interface of a TF Hub preprocessor, as far as the tokenizer goes."""
    from bertsent.tf import tf

    def special_tokens() -> dict[str, Any]:
        names = ("padding_id", "start_of_sequence_id", "end_of_segment_id", "vocab_size")
        return {name: tf.constant(number) for number, name in enumerate(names)}

    module = tf.Module()
    module.tokenize = tf.Module()
    module.tokenize.__call__ = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)])
    module.tokenize.get_special_tokens_dict = tf.function(special_tokens, input_signature=[])
    module.owner = getattr(tokenize, "__self__", None)  # whose vocabulary becomes assets/vocab.txt
    tf.saved_model.save(module, str(folder))
    return folder


def padded_ids(rows: int, places: int) -> Any:
    """Random ids, each row shorter than the one before and padded with 0."""
    ids = np.random.default_rng(1).integers(1, len(tiny_bert.vocabulary()), (rows, places)).astype(np.int32)
    for row in range(rows):
        ids[row, places - 5 * row :] = 0
    return ids


@pytest.mark.parametrize("name", ["tiny_encoder", "erf_encoder"])
def test_load_rebuilds_a_bert_that_agrees_with_the_hub_graph(
    request: pytest.FixtureRequest, name: str
) -> None:
    from bertsent.tf.encoder import inputs

    encoder = load(request.getfixturevalue(name))
    assert encoder.rebuilt
    ids = padded_ids(4, 40)
    expected = encoder.hub(inputs(ids), training=False)["pooled_output"].numpy()
    assert expected.shape == (4, tiny_bert.HIDDEN)
    assert np.abs(encoder.layer(ids).numpy() - expected).max() < 1e-5


def test_the_two_activations_can_be_told_apart(loaded: Any) -> None:
    from bertsent.tf.bert import BertEncoder
    from bertsent.tf.encoder import AGREEMENT

    arrays = loaded.layer.arrays()
    by_tanh, by_erf = (BertEncoder(arrays, approximate_gelu=tanh) for tanh in (True, False))
    ids = padded_ids(4, 40)
    assert np.abs(by_tanh(ids).numpy() - by_erf(ids).numpy()).max() > AGREEMENT


def test_rebuilt_encoder_gives_a_row_the_same_output_in_any_batch(loaded: Any) -> None:
    layer, ids = loaded.layer, padded_ids(3, 30)
    alone = layer(ids[2:, :20]).numpy()  # its last ten places are padding
    assert np.abs(layer(ids).numpy()[2:] - alone).max() < 1e-6


def test_rebuilt_encoder_computes_and_learns_as_the_hub_graph_does(loaded: Any) -> None:
    from bertsent.tf import tf
    from bertsent.tf.encoder import HubEncoder

    before, ids = loaded.layer.arrays(), padded_ids(4, 40)
    random = np.random.default_rng(3)
    arrays = {name: value + random.normal(0, 0.1, value.shape) for name, value in before.items()}  # no bias 0
    weights = random.normal(size=(4, tiny_bert.HIDDEN)).astype(np.float32)

    def outcome(layer: Any) -> tuple[Any, dict[str, Any]]:
        layer(ids)  # builds it
        layer.assign(arrays)
        with tf.GradientTape() as tape:
            pooled = layer(ids)
            loss = tf.reduce_sum(pooled * weights)
        variables = layer.trainable_variables
        slopes = tape.gradient(loss, variables)
        named = zip(variables, slopes, strict=True)
        return pooled.numpy(), {
            variable.name.split(":")[0]: tf.convert_to_tensor(slope).numpy() for variable, slope in named
        }

    hub = HubEncoder(loaded.hub)
    try:
        (pooled, slopes), (expected, wanted) = outcome(loaded.layer), outcome(hub)
    finally:
        loaded.layer.assign(before)
        hub.assign(before)
    assert np.abs(pooled - expected).max() < 1e-5
    assert slopes.keys() == wanted.keys()
    for name, slope in slopes.items():
        assert np.abs(slope - wanted[name]).max() < 1e-3 * max(1, np.abs(wanted[name]).max()), name


def test_assign_brings_back_what_arrays_gave(loaded: Any) -> None:
    layer = loaded.layer
    before, ids = layer.arrays(), padded_ids(2, 16)
    expected = layer(ids).numpy()
    layer.assign({name: value + 0.1 for name, value in before.items()})
    assert np.abs(layer(ids).numpy() - expected).max() > 1e-3
    layer.assign(before)
    assert np.array_equal(layer(ids).numpy(), expected)


def test_load_finds_out_whether_the_preprocessor_folds_case(
    loaded: Any, tiny_encoder: Folders, tmp_path: Path
) -> None:
    vocabulary = str(tiny_encoder[1] / "assets" / "vocab.txt")
    text = importlib.import_module("tensorflow_text")
    tokenizer = text.BertTokenizer(vocabulary, lower_case=False, token_out_type="int32")
    cased = load((tiny_encoder[0], saved_preprocessor(tmp_path / "cased", tokenizer.tokenize)))
    assert (loaded.tokenizer.lower_case, cased.tokenizer.lower_case) == (True, False)
    assert cased.vocabulary == tmp_path / "cased" / "assets" / "vocab.txt"


def test_load_takes_the_vocabulary_that_an_encoder_carries(loaded: Any, tiny_encoder: Folders) -> None:
    from bertsent.tf import encoder

    alone = encoder.load(str(tiny_encoder[0]))
    assert alone.source.preprocessor_folder is None
    assert alone.tokenizer.digest() == loaded.tokenizer.digest()


def test_load_digests_the_files_and_not_their_place(
    loaded: Any, tiny_encoder: Folders, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_encoder[0], tmp_path / "encoder"))
    assert sha256_folder(copy) == loaded.digest
    (copy / "more").write_text("x")
    assert sha256_folder(copy) != loaded.digest


@pytest.mark.parametrize("command", ["preview", "train"])
def test_a_sequence_longer_than_the_encoder_is_refused(
    run: Run, workspace: Path, erf_encoder: Folders, sample: Path, command: str
) -> None:
    data = ["--data", sample] if command == "train" else []
    encoder = ("--encoder", erf_encoder[0], "--preprocessor", erf_encoder[1])
    refused = run(command, *data, *encoder, "--seq-length", PLACES + 1)
    assert refused.exit_code == 2
    assert f"{PLACES} tokens" in refused.stderr
    assert f"Received: {PLACES + 1}" in refused.stderr
    assert not list(workspace.glob("model/*"))


def test_load_refuses_a_vocabulary_whose_padding_is_not_0(tiny_encoder: Folders, tmp_path: Path) -> None:
    from bertsent.tf import encoder

    copy = Path(shutil.copytree(tiny_encoder[0], tmp_path / "encoder"))
    pieces = tiny_bert.vocabulary()
    (copy / "assets" / "vocab.txt").write_text("\n".join([pieces[1], pieces[0], *pieces[2:]]) + "\n")
    with pytest.raises(ArtefactError, match="padding"):
        encoder.load(str(copy))


# SavedModels that look like encoders and preprocessors from outside, and are none.


def saved(folder: Path, function: Callable[..., Any] | None) -> Path:
    """A SavedModel that is called as this function is, if any; without variables."""
    from bertsent.tf import tf

    module = tf.Module()
    names = ("input_word_ids", "input_mask", "input_type_ids")
    ids = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in names}
    taken = tf.TensorSpec([None], tf.string) if function is of_text else ids
    if function:
        module.__call__ = tf.function(function)
        for training in (True, False):
            module.__call__.get_concrete_function(taken, training=training)
    tf.saved_model.save(module, str(folder))
    return folder


def pooled(inputs: Any, training: bool = False) -> Any:
    from bertsent.tf import tf

    return {"pooled_output": tf.cast(inputs["input_word_ids"][:, :4], tf.float32)}


def wrong_name(inputs: Any, training: bool = False) -> Any:
    return {"output": pooled(inputs)["pooled_output"]}


def no_dictionary(inputs: Any, training: bool = False) -> Any:
    return pooled(inputs)["pooled_output"]


def of_text(texts: Any, training: bool = False) -> Any:
    return texts


@pytest.mark.parametrize("function", [None, wrong_name, no_dictionary, of_text])
def test_load_refuses_what_is_no_encoder(tiny_encoder: Folders, tmp_path: Path, function: Any) -> None:
    with pytest.raises(ArtefactError, match="lacks the interface of a TF Hub encoder"):
        load((saved(tmp_path / "encoder", function), tiny_encoder[1]))


def test_load_takes_an_encoder_that_names_no_variables(tiny_encoder: Folders, tmp_path: Path) -> None:
    encoder = load((saved(tmp_path / "encoder", pooled), tiny_encoder[1]))
    assert not encoder.rebuilt
    assert encoder.layer(padded_ids(2, 9)).shape == (2, 4)


def test_load_refuses_a_vocabulary_without_a_word_on_case(tiny_encoder: Folders, tmp_path: Path) -> None:
    from bertsent.tf import encoder

    folder = saved(tmp_path / "encoder", pooled)
    (folder / "assets").mkdir(exist_ok=True)
    shutil.copy(tiny_encoder[1] / "assets" / "vocab.txt", folder / "assets")
    with pytest.raises(UsageError, match="preprocessor") as refusal:
        encoder.load(str(folder))
    assert "--preprocessor" in refusal.value.hint


def test_load_refuses_an_encoder_in_the_place_of_the_preprocessor(tiny_encoder: Folders) -> None:
    with pytest.raises(ArtefactError, match="lacks the interface of a TF Hub preprocessor"):
        load((tiny_encoder[0], tiny_encoder[0]))


def test_load_refuses_a_preprocessor_that_cuts_into_no_pieces(tiny_encoder: Folders, tmp_path: Path) -> None:
    from bertsent.tf import tf

    lengths = saved_preprocessor(tmp_path / "lengths", tf.strings.length)
    with pytest.raises(ArtefactError, match="lacks the interface of a TF Hub preprocessor"):
        load((tiny_encoder[0], lengths))


def test_load_gives_the_bundled_encoder() -> None:
    from bertsent.tf import encoder
    from bertsent.tf.encoder import inputs

    minilm = encoder.load("minilm")
    assert minilm.rebuilt
    assert (minilm.layer.shape.layers, minilm.layer.shape.hidden, minilm.layer.shape.heads) == (6, 384, 12)
    # The ids that TensorFlow's tutorial prints for this text.
    ids = minilm.tokenizer.encode(["This is such an amazing movie!"])[0]
    assert ids.tolist() == [2023, 2003, 2107, 2019, 6429, 3185, 999]
    assert minilm.tokenizer.pieces(ids) == ["this", "is", "such", "an", "amazing", "movie", "!"]
    row = np.array([[101, *ids, 102, 0, 0]], np.int32)
    expected = minilm.hub(inputs(row), training=False)["pooled_output"].numpy()
    assert np.abs(minilm.layer(row).numpy() - expected).max() < 1e-5


def test_copy_of_the_bundled_encoder_that_is_not_whole_is_written_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bertsent.tf import bundled_encoder

    kept, _ = bundled_encoder.unpack("minilm")
    shutil.copytree(kept.parents[1], tmp_path / "encoders")
    monkeypatch.setenv("BERTSENT_CACHE", str(tmp_path))
    told = Listener()
    encoder, preprocessor = bundled_encoder.unpack("minilm", told)
    assert not told.notes, "a copy that is whole"
    whole = {path: path.read_bytes() for path in encoder.parent.rglob("*") if path.is_file()}
    variables = encoder / "variables" / "variables.data-00000-of-00001"
    variables.write_bytes(whole[variables][: len(whole[variables]) // 2])  # a full disk
    shutil.rmtree(preprocessor)  # a cleaner
    assert bundled_encoder.unpack("minilm", told) == (encoder, preprocessor)
    assert told.heard("not whole")
    told.notes.clear()
    assert {path.relative_to(encoder.parent) for path in encoder.parent.rglob("*") if path.is_file()} == {
        path.relative_to(encoder.parent) for path in whole
    }
    assert variables.stat().st_size == len(whole[variables])
    assert bundled_encoder.unpack("minilm", told) == (encoder, preprocessor)
    assert not told.notes, "it is whole again"
