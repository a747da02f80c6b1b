"""Encoders as data: upstream name -> handle, preprocessor, size, source.

TensorFlow's tutorial "Classify text with BERT" offers the 33 TF Hub models (tensorflow/text,
docs/tutorials/classify_text_with_bert.ipynb); `minilm` is bundled and the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertsent.base.errors import UsageError

HUB = "https://tfhub.dev/"
UNCASED = HUB + "tensorflow/bert_en_uncased_preprocess/3"
TUTORIAL = "TensorFlow tutorial 'Classify text with BERT'"
BUNDLED = "bundled:"
Gelu = Literal["tanh", "erf"]  # how an encoder computes GELU: tf-models with tanh, PyTorch with erf


@dataclass(frozen=True, slots=True)
class Preset:
    """A named pair of encoder and preprocessor.

    `handle` and `preprocessor` are TF Hub addresses, or `bundled:NAME` for a folder of
    `bertsent/encoders/`. `layers`, `hidden_size` and `heads` describe the encoder.
    """

    name: str
    handle: str
    preprocessor: str
    layers: int
    hidden_size: int
    heads: int
    source: str = TUTORIAL


def _small_berts() -> list[Preset]:
    presets = []
    for layers in (2, 4, 6, 8, 10, 12):
        for hidden in (128, 256, 512, 768):
            heads = hidden // 64
            model = f"small_bert/bert_en_uncased_L-{layers}_H-{hidden}_A-{heads}"
            presets.append(Preset(model, f"{HUB}tensorflow/{model}/1", UNCASED, layers, hidden, heads))
    return presets


def _base(name: str, handle: str, preprocessor: str = UNCASED) -> Preset:
    return Preset(name, HUB + handle, preprocessor, layers=12, hidden_size=768, heads=12)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in [
        Preset(
            "minilm",
            BUNDLED + "minilm",
            BUNDLED + "minilm",
            layers=6,
            hidden_size=384,
            heads=12,
            source="all-MiniLM-L6-v2 (sentence-transformers), Apache-2.0",
        ),
        *_small_berts(),
        _base("bert_en_uncased_L-12_H-768_A-12", "tensorflow/bert_en_uncased_L-12_H-768_A-12/3"),
        _base(
            "bert_en_cased_L-12_H-768_A-12",
            "tensorflow/bert_en_cased_L-12_H-768_A-12/3",
            HUB + "tensorflow/bert_en_cased_preprocess/3",
        ),
        _base(
            "bert_multi_cased_L-12_H-768_A-12",
            "tensorflow/bert_multi_cased_L-12_H-768_A-12/3",
            HUB + "tensorflow/bert_multi_cased_preprocess/3",
        ),
        _base("albert_en_base", "tensorflow/albert_en_base/2", HUB + "tensorflow/albert_en_preprocess/3"),
        Preset("electra_small", HUB + "google/electra_small/2", UNCASED, layers=12, hidden_size=256, heads=4),
        _base("electra_base", "google/electra_base/2"),
        _base("experts_pubmed", "google/experts/bert/pubmed/2"),
        _base("experts_wiki_books", "google/experts/bert/wiki_books/2"),
        _base("talking-heads_base", "tensorflow/talkheads_ggelu_bert_en_base/1"),
    ]
}


def find_preset(name: str) -> Preset | None:
    """The preset of this name, or with this handle (a trailing slash is ignored)."""
    wanted = name.rstrip("/")
    if wanted in PRESETS:
        return PRESETS[wanted]
    return next((preset for preset in PRESETS.values() if preset.handle == wanted), None)


def unknown_encoder(name: str) -> UsageError:
    """The error for a name that is no preset, handle or folder."""
    return UsageError(
        "An encoder is a preset name (minilm, small_bert/bert_en_uncased_L-4_H-512_A-8, ...), a TF Hub or "
        "Kaggle handle (https://...), or a folder with a TF Hub style SavedModel.",
        received=repr(name),
        hint="bertsent preview --list names the presets",
    )


def unknown_preprocessor(name: str) -> UsageError:
    """The error for a preprocessor that is neither a handle nor a folder."""
    return UsageError(
        "A preprocessor is a TF Hub or Kaggle handle (https://...), or a folder with its SavedModel.",
        received=repr(name),
        hint="leave --preprocessor out with a preset, which has its own",
    )
