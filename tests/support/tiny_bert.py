"""Makes a small random BERT with TF Hub's interface in seconds, with tf-models' own export library."""

from __future__ import annotations

import importlib
import shutil
import string
from pathlib import Path
from typing import Any

from bertsent.base.settings.training import TrainSettings
from bertsent.data.sample import read_sample

HIDDEN, HEADS, LAYERS, INNER = 32, 2, 2, 64


def vocabulary() -> list[str]:
    """Special pieces, every printable character (also as a continuation) and the sample's frequent words."""
    words: dict[str, int] = {}
    for review in read_sample():
        for word in "".join(c if c.isalpha() else " " for c in review.text.lower()).split():
            words[word] = words.get(word, 0) + 1
    frequent = sorted((word for word, count in words.items() if count > 1 and len(word) > 1), key=str)
    characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return [*pieces, *characters, *(f"##{c}" for c in characters), *(w for w in frequent if w.isascii())]


def export(folder: Path) -> tuple[Path, Path]:
    """Writes `folder/encoder` and `folder/preprocess`; returns both."""
    encoder = export_encoder(folder)
    _library().export_preprocessing(
        str(folder / "preprocess"),
        vocab_file=str(folder / "vocab.txt"),
        do_lower_case=True,
        tokenize_with_offsets=False,
        default_seq_length=128,
    )
    return encoder, folder / "preprocess"


def export_encoder(folder: Path, *, activation: Any = "gelu", seed: int = 7, **sizes: int) -> Path:
    """Writes `folder/encoder`; `sizes` are fields of BertConfig other than the tiny ones."""
    from bertsent.tf import tf, tf_keras

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary_file = folder / "vocab.txt"
    pieces = vocabulary()
    vocabulary_file.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    tf_keras.utils.set_random_seed(seed)
    usual: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.3,  # large, so that a random encoder tells texts apart
    }
    config = importlib.import_module("official.legacy.bert.configs").BertConfig(
        vocab_size=len(pieces), hidden_act=activation, **usual | sizes
    )
    encoder = _library().get_bert_encoder(config)
    checkpoint = tf.train.Checkpoint(encoder=encoder).save(str(folder / "checkpoint" / "encoder"))
    _library().export_model(
        str(folder / "encoder"),
        bert_config=config,
        model_checkpoint_path=checkpoint,
        with_mlm=False,
        vocab_file=str(vocabulary_file),
        do_lower_case=True,
    )
    return folder / "encoder"


def _library() -> Any:
    return importlib.import_module("official.nlp.tools.export_tfhub_lib")


def settings(folders: tuple[Path, Path], **changes: Any) -> TrainSettings:
    """A run of seconds on an encoder that `export` wrote."""
    encoder, preprocessor = folders
    quick = {"epochs": 1, "init_lr": 1e-3, "batch_size": 16, "seq_length": 32}
    return TrainSettings(encoder=str(encoder), preprocessor=str(preprocessor), **quick | changes)


def without_number(encoder: Path, folder: Path, *, piece: int) -> Path:
    """A copy of an encoder in which the embedding of one word piece is NaN."""
    from bertsent.tf import tf

    shutil.copytree(encoder, folder)
    prefix = str(folder / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    tensors = {name: reader.get_tensor(name) for name in sorted(shapes)}
    embeddings = next(name for name, shape in shapes.items() if shape == [len(vocabulary()), HIDDEN])
    tensors[embeddings][piece] = float("nan")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    return folder
