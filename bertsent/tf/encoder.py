"""Loads an encoder and its tokenizer by preset name, handle or folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.digests import sha256_folder
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, UsageError
from bertsent.base.presets import BUNDLED
from bertsent.base.records.core import Progress, silent
from bertsent.scoring.tokenizer import AnyTokenizer, Tokenizer, pack
from bertsent.tf import bundled_encoder, tensorflow_hub, tf, tf_keras
from bertsent.tf.bert import BertEncoder, named_variables, read_shape
from bertsent.tf.hub import VOCABULARY, Source, load_model, locate, untold_preprocessor
from bertsent.tf.hub_tokenizer import HubTokenizer

# Pooled outputs are in [-1, 1]. The same arithmetic in another order changes them by 2e-7 on the bundled
# encoder and by more on deeper ones; another activation or a gate changes them by at least 3e-4.
AGREEMENT = 1e-4
_PROBES = (
    "A quiet, generous film; I'd see it again tomorrow.",
    "Two hours I'll never get back!!! 1/10, don't bother (really).",
    "Amélie's café naïveté... 東京物語 is BETTER than this, I can't say I was ever bored.",
)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder.

    `layer` maps token ids int32 [batch, tokens] to the pooled output float32 [batch, hidden]; `hub` is the
    SavedModel itself, with TF Hub's interface.
    """

    source: Source
    digest: str  # sha256 over its files
    hub: Any
    layer: Any
    tokenizer: AnyTokenizer
    rebuilt: bool  # layer is our own BertEncoder, checked against the Hub graph

    @property
    def vocabulary(self) -> Path | None:
        """The vocab.txt of a WordPiece encoder; None if the tokenizer is the preprocessor's own."""
        if not isinstance(self.tokenizer, Tokenizer):
            return None
        return (self.source.preprocessor_folder or self.source.folder) / VOCABULARY


def load(name: str, *, preprocessor: str = "", seq_length: int = 0, progress: Progress = silent) -> Encoder:
    """Loads an encoder through TF Hub's interface and rebuilds it if it is a plain BERT.

    Args:
        name: A preset name, handle or folder.
        preprocessor: The encoder's preprocessor, if not the preset's.
        seq_length: Tokens that it must have position embeddings for.
        progress: Told what is fetched, and what the encoder cannot do.

    Raises:
        The same as `locate`; ArtefactError also if the SavedModel lacks the interface of a TF Hub
        encoder; UsageError also if it has position embeddings for fewer than `seq_length` tokens.
    """
    source = locate(name, preprocessor=preprocessor, progress=progress)
    loaded = load_model(source.folder, source.handle)
    tokenizer = _tokenizer(source, loaded)
    if tokenizer.pad_id != 0:
        raise ArtefactError(
            f"The padding of {visible(source.handle)} is not piece 0, which it is in every BERT.",
            received=f"piece {tokenizer.pad_id}",
            hint="put [PAD] on the first line of the vocabulary",
        )
    variables = named_variables(getattr(loaded, "variables", ()))
    positions = variables.get("position_embedding/embeddings")
    if positions is not None and len(positions) < seq_length:
        raise UsageError(
            f"{visible(source.handle)} takes at most {len(positions)} tokens, so seq-length is too large.",
            received=seq_length,
        )
    layer, rebuilt = _trainable(loaded, variables, tokenizer, source)
    if not rebuilt:
        progress.note(f"{source.name} is not a plain BERT: it trains in TF Hub's own graph, which is slower")
    if not isinstance(tokenizer, Tokenizer):
        progress.note(f"{source.name} is not WordPiece: its versions score with --engine tensorflow")
    if source.handle.startswith(BUNDLED):  # the bytes of the SavedModel made from it may vary
        digest = bundled_encoder.digest(source.handle.removeprefix(BUNDLED))
    else:
        digest = sha256_folder(source.folder)
    return Encoder(
        source=source,
        digest=digest,
        hub=loaded,
        layer=layer,
        tokenizer=tokenizer,
        rebuilt=rebuilt,
    )


def inputs(ids: Any) -> dict[str, Any]:
    """The three inputs of a TF Hub encoder for one segment of token ids, padded with 0."""
    ids = tf.convert_to_tensor(ids, tf.int32)
    return {
        "input_word_ids": ids,
        "input_mask": tf.cast(tf.not_equal(ids, 0), tf.int32),
        "input_type_ids": tf.zeros_like(ids),
    }


class HubEncoder(tf_keras.layers.Layer):  # type: ignore[misc]
    """Token ids -> pooled output through hub.KerasLayer, for encoders that cannot be rebuilt."""

    def __init__(self, loaded: Any) -> None:
        super().__init__(name="encoder")
        self.graph = tensorflow_hub.KerasLayer(loaded, trainable=True, name="hub")

    def call(self, ids: Any, training: bool = False) -> Any:
        return self.graph(inputs(ids), training=training)["pooled_output"]

    def arrays(self) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """The current values of all trainable variables, by name."""
        return {variable.name.split(":")[0]: variable.numpy() for variable in self.trainable_variables}

    def assign(self, arrays: dict[str, Any]) -> None:
        """Sets all trainable variables from arrays of the same names and shapes."""
        for variable in self.trainable_variables:
            variable.assign(arrays[variable.name.split(":")[0]])


def _tokenizer(source: Source, loaded: Any) -> AnyTokenizer:
    """Our own tokenizer if it gives the preprocessor's ids on probe texts, else the preprocessor's."""
    if source.preprocessor_folder is None:
        if not hasattr(loaded, "do_lower_case"):
            raise untold_preprocessor(source.name)
        lower_case = bool(loaded.do_lower_case.numpy())
        return Tokenizer.from_file(source.folder / VOCABULARY, lower_case=lower_case)
    own = HubTokenizer(source.preprocessor_folder, source.preprocessor)
    vocabulary = source.preprocessor_folder / VOCABULARY
    if vocabulary.is_file():
        expected = [ids.tolist() for ids in own.encode(_PROBES)]
        for lower_case in (True, False):
            tokenizer = Tokenizer.from_file(vocabulary, lower_case=lower_case)
            if [ids.tolist() for ids in tokenizer.encode(_PROBES)] == expected:
                return tokenizer
    return own


def _trainable(
    loaded: Any, variables: Mapping[str, Any], tokenizer: AnyTokenizer, source: Source
) -> tuple[Any, bool]:
    """The Keras layer to train, and whether it is our own. Ours is taken if it agrees with the Hub graph."""
    ids = probe_ids(tokenizer)
    try:
        expected = loaded(inputs(ids), training=False)["pooled_output"].numpy()
    except (TypeError, ValueError, KeyError, tf.errors.OpError) as error:
        raise ArtefactError(
            f"{visible(source.handle)} lacks the interface of a TF Hub encoder "
            "(input_word_ids, input_mask, input_type_ids -> pooled_output).",
            received=visible(str(error).splitlines()[0])[:200],
        ) from error
    if read_shape(variables) is not None:
        # The SavedModel does not say which GELU it computes, so take the nearer one.
        layers = [BertEncoder(variables, approximate_gelu=approximate) for approximate in (True, False)]
        distances = [float(np.abs(layer(ids).numpy() - expected).max()) for layer in layers]
        nearest = int(np.argmin(distances))
        if distances[nearest] <= AGREEMENT:
            return layers[nearest], True
    return HubEncoder(loaded), False


def probe_ids(tokenizer: AnyTokenizer) -> Any:
    """Padded token ids int32 [3, tokens] of three texts with capitals, accents and punctuation."""
    rows = tokenizer.encode(_PROBES)
    return tf.constant(pack(rows, tokenizer=tokenizer, width=max(len(row) for row in rows) + 2))
