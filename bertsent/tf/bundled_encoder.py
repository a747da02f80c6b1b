"""Writes the bundled encoder, fp16 weights in the package, to the user cache as a TF Hub style SavedModel."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.digests import sha256_file, sha256_folder
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.files import publish_directory, temporary_sibling, write_text
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.download import cache_folder
from bertsent.tf import tf
from bertsent.tf.errors import disk_errors

ENCODERS = Path(__file__).parent / "encoders"
_WEIGHTS = "encoder.safetensors"
_PARTS = ("encoder", "preprocess")
_DIGESTS = "digests.json"  # of the parts of a copy, written last

_EMBEDDINGS = {
    "word_embeddings/embeddings": "word_embeddings.weight",
    "position_embedding/embeddings": "position_embeddings.weight",
    "type_embeddings/embeddings": "token_type_embeddings.weight",
    "embeddings/layer_norm/gamma": "LayerNorm.weight",
    "embeddings/layer_norm/beta": "LayerNorm.bias",
}
_BLOCK = {
    "self_attention/query": "attention.self.query",
    "self_attention/key": "attention.self.key",
    "self_attention/value": "attention.self.value",
    "self_attention/attention_output": "attention.output.dense",
    "self_attention_layer_norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}
_PART = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def digest(name: str) -> str:
    """The SHA-256 of a bundled encoder's weights."""
    return sha256_file(ENCODERS / name / _WEIGHTS)


def unpack(name: str, progress: Progress = silent) -> tuple[Path, Path]:
    """The folders of a bundled encoder and its preprocessor, written on first use.

    tf-models' own export library writes them, so training loads something with the interface of a TF Hub
    encoder. The digest of the weights names the folder: a newer package makes a new one.

    Raises:
        ArtefactError: if it is missing from the package or incomplete.
        StorageError: if the cache cannot be written.
    """
    source = ENCODERS / name
    weights, config = source / _WEIGHTS, source / "config.json"
    if not weights.is_file() or not config.is_file():
        raise ArtefactError(
            f"The bundled encoder {visible(name)} is not in this installation.",
            hint="pip install --force-reinstall bertsent",
        )
    target = cache_folder() / "encoders" / f"{name}-{digest(name)[:16]}"
    there = os.path.lexists(target)
    if not (there and _is_whole(target)):
        if there:
            progress.note(f"The copy of {name} in the cache is not whole: it is written anew")
        progress.tell(f"Writing the bundled encoder {name} as a TF Hub model to {target} (once)")
        with temporary_sibling(target) as folder, disk_errors(target):
            _export(source, folder)
            write_text(folder / _DIGESTS, json.dumps(_digests(folder), indent=2) + "\n")
            publish_directory(folder, target, replace=there)
    return target / "encoder", target / "preprocess"


def _digests(folder: Path) -> dict[str, str]:
    return {part: sha256_folder(folder / part) for part in _PARTS}


def _is_whole(folder: Path) -> bool:
    """Whether each file of a copy is as it was written: cleaners of caches and full disks leave a part.

    0.4.0 wrote no digests. Its copy is written anew, but not where this user cannot write: there it is taken
    if it looks whole.
    """
    try:
        written = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        looks_whole = all((folder / part / "saved_model.pb").is_file() for part in _PARTS)
        return looks_whole and not os.access(folder.parent, os.W_OK)
    return bool(written == _digests(folder))


def _export(source: Path, folder: Path) -> None:
    # Imported here because these modules take seconds and only this function needs them.
    configs = importlib.import_module("official.legacy.bert.configs")
    library = importlib.import_module("official.nlp.tools.export_tfhub_lib")
    from safetensors.numpy import load_file

    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tensors = load_file(source / _WEIGHTS)
    sizes = {key: value for key, value in settings.items() if hasattr(configs.BertConfig(1), key)}
    config = configs.BertConfig(**sizes)
    encoder = library.get_bert_encoder(config)
    for variable in encoder.variables:
        variable.assign(_published(variable.name.split(":")[0], tensors).reshape(variable.shape))
    vocabulary = str(source / "vocab.txt")
    with temporary_sibling(folder / "checkpoint") as scratch:
        checkpoint = tf.train.Checkpoint(encoder=encoder).save(str(scratch / "encoder"))
        library.export_model(
            str(folder / "encoder"),
            bert_config=config,
            model_checkpoint_path=checkpoint,
            with_mlm=False,
            vocab_file=vocabulary,
            do_lower_case=settings["lower_case"],
        )
    library.export_preprocessing(
        str(folder / "preprocess"),
        vocab_file=vocabulary,
        do_lower_case=settings["lower_case"],
        tokenize_with_offsets=False,
        default_seq_length=128,
    )


def _published(name: str, tensors: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The published (PyTorch) tensor for one Keras variable: dense weights are stored transposed."""
    if name in _EMBEDDINGS:
        value = tensors["embeddings." + _EMBEDDINGS[name]]
    else:
        stem, part = name.rsplit("/", 1)
        block = re.fullmatch(r"transformer/layer_(\d+)/(.+)", stem)
        module = f"encoder.layer.{block[1]}.{_BLOCK[block[2]]}" if block else "pooler.dense"
        value = tensors[f"{module}.{_PART[part]}"]
        value = value.T if part == "kernel" else value
    return np.asarray(value, np.float32)
