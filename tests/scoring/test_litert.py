"""An encoder that is neither a plain BERT nor WordPiece: ALBERT, with its SentencePiece preprocessor."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from bertsent.data.sample import read_sample

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def albert(tmp_path_factory: pytest.TempPathFactory, tensorflow: None) -> tuple[Path, Path]:
    """A 2-layer random ALBERT and its preprocessor, with a SentencePiece model made from the sample."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="needs bertsent[train]")
    from bertsent.tf import tf

    library = importlib.import_module("official.nlp.tools.export_tfhub_lib")
    encoders = importlib.import_module("official.nlp.configs.encoders")
    folder = tmp_path_factory.mktemp("albert")
    texts = [review.text for review in read_sample()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(folder / "sp"),
        vocab_size=400,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        user_defined_symbols=["[CLS]", "[SEP]", "[MASK]"],
        minloglevel=2,
    )
    config = encoders.EncoderConfig(
        type="albert",
        albert=encoders.AlbertEncoderConfig(
            vocab_size=400,
            embedding_width=16,
            hidden_size=32,
            num_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
        ),
    )
    encoder = encoders.build_encoder(config)
    checkpoint = tf.train.Checkpoint(encoder=encoder).save(str(folder / "checkpoint" / "encoder"))
    library.export_model(
        str(folder / "encoder"),
        encoder_config=config,
        model_checkpoint_path=checkpoint,
        with_mlm=False,
        sp_model_file=str(folder / "sp.model"),
        do_lower_case=True,
    )
    library.export_preprocessing(
        str(folder / "preprocess"),
        sp_model_file=str(folder / "sp.model"),
        do_lower_case=True,
        tokenize_with_offsets=False,
        default_seq_length=128,
    )
    return folder / "encoder", folder / "preprocess"


def test_albert_trains_scores_and_is_exported_with_tensorflow_only(
    run: Run, workspace: Path, albert: tuple[Path, Path], sample: Path
) -> None:
    encoder, preprocessor = albert
    trained = run(
        *("train", "--data", sample, "--encoder", encoder, "--preprocessor", preprocessor),
        *("--epochs", 1, "--seq-length", 32),
    )
    assert trained.exit_code == 0, trained.stderr
    assert "--engine tensorflow" in trained.stderr
    assert not (workspace / "model" / "1" / "vocab.txt").exists()

    refused = run("predict", "great film")
    assert refused.exit_code == 2
    assert "--engine tensorflow" in refused.stderr

    probes = json.loads((workspace / "model" / "1" / "manifest.json").read_text(encoding="utf-8"))["probes"]
    scored = run("predict", "great film", "--engine", "tensorflow", "--json")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads(scored.stdout)["score"] == pytest.approx(probes["great film"], abs=1e-6)

    # Its preprocessor goes into a SavedModel; the other formats take token ids, which nothing could make.
    made = run("export", "saved-model", "served", "--json", "--quiet")
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["distances"][0]["largest"] <= 1e-4
    for name in ("litert", "onnx"):
        refused = run("export", name, "elsewhere")
        assert refused.exit_code == 2
        assert "export saved-model" in refused.stderr


def test_engine_tensorflow_is_refused_where_nothing_needs_it(run: Run, model: Path) -> None:
    refused = run("predict", "great film", "--engine", "tensorflow")
    assert refused.exit_code == 6
    assert "leave --engine out" in refused.stderr
