"""The classifier (encoder, dropout and dense head) and its structure as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bertsent.base.records.training import Tree
from bertsent.export.weights import of_encoder
from bertsent.tf import tf, tf_keras
from bertsent.tf.encoder import Encoder

HEAD = "classifier"  # the head's name in TensorFlow's tutorial, and the prefix of its weights


def build(encoder: Encoder, *, dropout: float, seed: int) -> Any:
    """The classifier: token ids int32 [batch, tokens] -> logit float32 [batch, 1].

    Args:
        encoder: A loaded encoder; its layer is shared, not copied.
        dropout: Share of the pooled output that is zeroed before the head while training.
        seed: For the head's initial weights (normal with deviation 0.02, as BERT's own).
    """
    ids = tf_keras.Input(shape=(None,), dtype=tf.int32, name="input_word_ids")
    pooled = encoder.layer(ids)
    dropped = tf_keras.layers.Dropout(dropout, seed=seed)(pooled)
    first = tf_keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
    logit = tf_keras.layers.Dense(1, kernel_initializer=first, name=HEAD)(dropped)
    return tf_keras.Model(ids, logit, name="sentiment")


def weights(classifier: Any) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """All weights by name: `encoder/<as in TF Hub>` and `classifier/kernel`, `classifier/bias`."""
    arrays = {f"encoder/{name}": value for name, value in _encoder(classifier).arrays().items()}
    head = classifier.get_layer(HEAD)
    return {**arrays, f"{HEAD}/kernel": head.kernel.numpy(), f"{HEAD}/bias": head.bias.numpy()}


def assign(classifier: Any, arrays: Mapping[str, Any]) -> None:
    """Sets all weights from a result of `weights`.

    Raises:
        KeyError, ValueError: if they belong to another architecture.
    """
    _encoder(classifier).assign(of_encoder(arrays))
    head = classifier.get_layer(HEAD)
    head.kernel.assign(arrays[f"{HEAD}/kernel"])
    head.bias.assign(arrays[f"{HEAD}/bias"])


def parameters(variables: Any) -> int:
    """The number of parameters in the variables."""
    return sum(int(np.prod(variable.shape)) for variable in variables)


def structure(encoder: Encoder, classifier: Any, *, seq_length: int) -> Tree:
    """The classifier as a tree: preprocessor, encoder with its parts, dropout, head."""
    head = classifier.get_layer(HEAD)
    hidden = int(head.kernel.shape[0])
    body = _tree("encoder", [(v.name.split(":")[0], v) for v in encoder.layer.trainable_variables])
    kind = "rebuilt with 2-D products" if encoder.rebuilt else "TF Hub graph"
    return Tree(
        name="sentiment",
        detail=f"string [batch] -> logit [batch, 1], {seq_length} word pieces",
        parameters=body.parameters + parameters(head.variables),
        parts=(
            Tree(
                "preprocessor",
                f"{_kind(encoder)} -> int32 [batch, {seq_length}]",
            ),
            Tree(body.name, f"{kind} -> pooled output [batch, {hidden}]", body.parameters, body.parts),
            Tree("dropout", f"-> [batch, {hidden}]"),
            Tree(HEAD, "dense -> logit [batch, 1]", parameters(head.variables)),
        ),
    )


def _kind(encoder: Encoder) -> str:
    size = encoder.tokenizer.vocabulary_size
    if encoder.vocabulary is None:
        return f"TF Hub's own, {size} pieces"
    return f"WordPiece, {size} pieces, {'uncased' if encoder.tokenizer.lower_case else 'cased'}"


def _encoder(classifier: Any) -> Any:
    return classifier.get_layer("encoder")


def _tree(name: str, variables: list[tuple[str, Any]]) -> Tree:
    """Groups variables by the first part of their path, in the order of first occurrence."""
    groups: dict[str, list[tuple[str, Any]]] = {}
    for path, variable in variables:
        first, _, rest = path.partition("/")
        groups.setdefault(first, []).append((rest, variable))
    parts = []
    for first, inside in groups.items():
        if len(inside) == 1 and not inside[0][0]:
            variable = inside[0][1]
            parts.append(Tree(first, str(list(variable.shape)), parameters([variable])))
        else:
            parts.append(_tree(first, inside))
    if len(parts) == 1 and not parts[0].parts:  # "word_embeddings/embeddings" is one thing, not two
        return Tree(name, parts[0].detail, parts[0].parameters)
    return Tree(name, parameters=sum(part.parameters for part in parts), parts=tuple(parts))
