"""A BERT encoder rebuilt from a TF Hub encoder's variables, for speed.

TF Hub's graphs compute every projection with Einsum, which grappler's bf16 pass does not touch and which
LiteRT cannot run as an int8 FullyConnected. Here the same arithmetic is written as 2-D matrix products: it
trains about 1.8 times as fast on two cores with bf16, and LiteRT converts it. `encoder.load` uses it only if
its pooled output agrees with the Hub graph's.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertsent.base.presets import Gelu
from bertsent.tf import tf, tf_keras

_LAYER_NORM_EPSILON = 1e-12  # as official.nlp.modeling.networks.BertEncoder
_MASKED = -1e9  # added to the attention scores of padding, as in official.nlp.modeling.layers

_EMBEDDINGS = (
    "word_embeddings/embeddings",
    "position_embedding/embeddings",
    "type_embeddings/embeddings",
    "embeddings/layer_norm/gamma",
    "embeddings/layer_norm/beta",
    "pooler_transform/kernel",
    "pooler_transform/bias",
)
_ATTENTION = ("query", "key", "value", "attention_output")
_DENSE = (*(f"self_attention/{part}" for part in _ATTENTION), "intermediate", "output")
_NORMS = ("self_attention_layer_norm", "output_layer_norm")
_BLOCK = (
    *(f"{layer}/{part}" for layer in _DENSE for part in ("kernel", "bias")),
    *(f"{layer}/{part}" for layer in _NORMS for part in ("gamma", "beta")),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a BERT encoder, as its variables show them."""

    layers: int
    hidden: int
    heads: int


def read_shape(variables: Mapping[str, Any]) -> Shape | None:
    """The sizes of the encoder that has these variables, or None if it is not a plain BERT.

    Args:
        variables: name -> array, named as in tf-models' BertEncoder (and so in the TF Hub exports).
    """
    layers = 1 + max(
        (int(match[1]) for name in variables if (match := re.match(r"transformer/layer_(\d+)/", name))),
        default=-1,
    )
    expected = {*_EMBEDDINGS, *(f"transformer/layer_{n}/{part}" for n in range(layers) for part in _BLOCK)}
    if layers == 0 or set(variables) != expected:
        return None  # ALBERT shares its block, ELECTRA small projects its embeddings, and so on
    hidden, heads, depth = variables["transformer/layer_0/self_attention/query/kernel"].shape
    if hidden != heads * depth or variables["word_embeddings/embeddings"].shape[1] != hidden:
        return None
    return Shape(layers=layers, hidden=hidden, heads=heads)


class BertEncoder(tf_keras.layers.Layer):  # type: ignore[misc]
    """Token ids -> pooled output, with the arithmetic of tf-models' BertEncoder.

    Called with int32 `[batch, tokens]` (padding 0 at the end of a row, one segment), it gives float32
    `[batch, hidden]` in [-1, 1]. The last block computes only the output of [CLS], because no other output
    reaches the pooled output.

    Args:
        variables: name -> float array, as `read_shape` accepts them.
        approximate_gelu: GELU by tanh (tf-models' `gelu`) instead of erf.
        dropout: After embeddings, attention and feed-forward; 0.1 in every published BERT. The attention's
            weights have none: its random numbers take a tenth of a step, and it improved nothing.
    """

    def __init__(
        self, variables: Mapping[str, Any], *, approximate_gelu: bool = True, dropout: float = 0.1
    ) -> None:
        super().__init__(name="encoder")
        shape = read_shape(variables)
        if shape is None:
            raise ValueError("not the variables of a plain BERT encoder")
        self.shape = shape
        self._approximate_gelu = approximate_gelu
        self._dropout = dropout
        self._int8_rows: dict[str, tuple[Any, Any, float]] = {}
        # Keep these names: by them weight decay leaves out some variables (bias, layer_norm).
        self._variables = {
            name: self.add_weight(
                name=name,
                shape=value.shape,
                initializer=tf_keras.initializers.Constant(value),
                trainable=True,
            )
            for name, value in ((name, np.asarray(value, np.float32)) for name, value in variables.items())
        }

    @property
    def gelu(self) -> Gelu:
        """Which GELU it computes; its weights do not show this."""
        return "tanh" if self._approximate_gelu else "erf"

    def arrays(self) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """The current values of all variables, by name."""
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def assign(self, arrays: Mapping[str, Any]) -> None:
        """Sets all variables from arrays of the same names and shapes."""
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def call(self, ids: Any, training: bool = False) -> Any:
        get = self._variables.__getitem__
        hidden = self._embed(ids, training)  # [batch * tokens, hidden]; stays so, as LiteRT copies to reshape
        mask = tf.expand_dims(tf.cast(tf.equal(ids, 0), tf.float32) * _MASKED, 1)  # [batch, 1, tokens]
        *blocks, last = (f"transformer/layer_{layer}/" for layer in range(self.shape.layers))
        for prefix in blocks:
            hidden = self._block(prefix, hidden, self._gather(prefix, hidden, mask), training)
        rows = tf.reshape(hidden, [-1, tf.shape(ids)[1], self.shape.hidden])
        first = rows[:, 0]
        first = self._block(last, first, self._gather_for(last, first, rows, mask), training)
        pooled = tf.matmul(first, get("pooler_transform/kernel"))
        return tf.tanh(tf.nn.bias_add(pooled, get("pooler_transform/bias")))

    @contextlib.contextmanager
    def int8_rows(self) -> Iterator[None]:
        """In the block, graphs are traced with int8 tables of words and positions, with one scale per row.

        This is for LiteRT files. The converter would give a whole table of embeddings one scale, and its few
        large rows would take away the precision of the others.
        """
        for name in ("word_embeddings/embeddings", "position_embedding/embeddings"):
            self._int8_rows[name] = _int8_rows(self._variables[name].numpy())
        try:
            yield
        finally:
            self._int8_rows.clear()

    def _lookup(self, name: str, rows: Any) -> Any:
        if name not in self._int8_rows:
            return tf.gather(self._variables[name], rows)
        table, steps, unit = self._int8_rows[name]
        scale = tf.cast(tf.gather(tf.constant(steps), rows), tf.float32) * unit
        return tf.cast(tf.gather(tf.constant(table), rows), tf.float32) * tf.expand_dims(scale, -1)

    def _embed(self, ids: Any, training: bool) -> Any:
        get = self._variables.__getitem__
        positions = tf.range(tf.shape(ids)[1])
        embedded = (
            self._lookup("word_embeddings/embeddings", ids)
            + self._lookup("position_embedding/embeddings", positions)
            + get("type_embeddings/embeddings")[0]
        )
        embedded = tf.reshape(embedded, [-1, self.shape.hidden])
        return self._drop(self._normalise("embeddings/layer_norm/", embedded), training)

    def _block(self, prefix: str, hidden: Any, gathered: Any, training: bool) -> Any:
        """One transformer block: tokens [n, hidden] and the output of their attention, [n, hidden]."""
        attended = self._project(gathered, prefix + "self_attention/attention_output")
        attended = self._normalise(
            prefix + "self_attention_layer_norm/", hidden + self._drop(attended, training)
        )
        grown = self._project(attended, prefix + "intermediate")
        grown = tf.nn.gelu(grown, approximate=self._approximate_gelu)
        output = self._project(grown, prefix + "output")
        return self._normalise(prefix + "output_layer_norm/", attended + self._drop(output, training))

    def _gather(self, prefix: str, hidden: Any, mask: Any) -> Any:
        """Attention of all tokens: [batch * tokens, hidden] -> the same."""
        attention, (heads, depth) = prefix + "self_attention/", self._heads

        def by_head(projected: Any) -> Any:  # [batch, heads, tokens, depth]
            return tf.transpose(tf.reshape(projected, [-1, tf.shape(mask)[2], heads, depth]), [0, 2, 1, 3])

        query = by_head(self._query(hidden, attention))
        scores = tf.matmul(query, by_head(self._project(hidden, attention + "key")), transpose_b=True)
        weights = tf.nn.softmax(scores + tf.expand_dims(mask, 1))
        gathered = tf.matmul(weights, by_head(self._project(hidden, attention + "value")))
        return tf.reshape(tf.transpose(gathered, [0, 2, 1, 3]), [-1, self.shape.hidden])

    def _gather_for(self, prefix: str, first: Any, rows: Any, mask: Any) -> Any:
        """Attention of one token of each row: [batch, hidden], [batch, tokens, hidden] -> [batch, hidden].

        With one query, keys and values are not needed: q (W x) is (q W) x, and the sum of a (W x + b) is
        W (the sum of a x) + b if the weights a sum up to 1. `own` picks the part of a product that belongs to
        its head. The key's bias adds the same to all scores of a head, so softmax does not see it; it is kept
        and trained as in the Hub's graph.
        """
        attention, size = prefix + "self_attention/", self.shape.hidden
        heads, depth = self._heads
        own = tf.constant(np.kron(np.eye(heads), np.ones(depth)), tf.float32)  # [heads, hidden]

        query = self._query(first, attention)
        query = tf.reshape(tf.reshape(query, [-1, 1, size]) * own, [-1, size])  # [batch * heads, hidden]
        kernel, bias = self._dense(attention + "key")
        offset = tf.reshape(tf.matmul(query, tf.expand_dims(bias, 1)), [-1, heads, 1])
        query = tf.reshape(tf.matmul(query, tf.transpose(kernel)), [-1, heads, size])
        weights = tf.nn.softmax(tf.matmul(query, rows, transpose_b=True) + offset + mask)
        gathered = tf.reshape(tf.matmul(weights, rows), [-1, size])  # [batch * heads, hidden]
        gathered = tf.reshape(self._project(gathered, attention + "value"), [-1, heads, size])
        return tf.reduce_sum(gathered * own, 1)

    @property
    def _heads(self) -> tuple[int, int]:
        """The number of heads and the depth of each."""
        return self.shape.heads, self.shape.hidden // self.shape.heads

    def _dense(self, name: str) -> tuple[Any, Any]:
        """Kernel [n, size] and bias [size] of a dense layer, which Hub encoders store by heads."""
        bias = tf.reshape(self._variables[name + "/bias"], [-1])
        return tf.reshape(self._variables[name + "/kernel"], [-1, bias.shape[0]]), bias

    def _project(self, values: Any, name: str) -> Any:
        """A dense layer as one 2-D product: [tokens, n] -> [tokens, size]."""
        kernel, bias = self._dense(name)
        return tf.nn.bias_add(tf.matmul(values, kernel), bias)

    def _query(self, values: Any, attention: str) -> Any:
        """The same for queries / sqrt(depth). The division is done in the weights, which are fewer."""
        kernel, bias = (part * self._heads[1] ** -0.5 for part in self._dense(attention + "query"))
        return tf.nn.bias_add(tf.matmul(values, kernel), bias)

    def _normalise(self, prefix: str, values: Any) -> Any:
        mean, variance = tf.nn.moments(values, [-1], keepdims=True)
        # If gamma were the last factor, the converter would put it into the next product's weights, and their
        # int8 steps would grow with its spread: scores were a third further from the float32 ones.
        factor = tf.math.rsqrt(variance + _LAYER_NORM_EPSILON) * self._variables[prefix + "gamma"]
        return (values - mean) * factor + self._variables[prefix + "beta"]

    def _drop(self, values: Any, training: bool) -> Any:
        return tf.nn.dropout(values, self._dropout) if training and self._dropout else values


def _int8_rows(table: Any) -> tuple[Any, Any, float]:
    """A float table as int8, and the scale of each row as an int32 multiple of a unit.

    The scales are integers because the converter would quantise float scales too.
    """
    scales = np.maximum(np.abs(table).max(axis=1), np.finfo(np.float32).tiny) / 127
    unit = float(scales.max()) / 2**30
    steps = np.maximum(np.rint(scales / unit), 1).astype(np.int32)
    return np.rint(table / (steps * unit)[:, None]).clip(-127, 127).astype(np.int8), steps, unit


def named_variables(variables: Sequence[Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """A loaded SavedModel's variables by name, without `:0`; leaves out scalars (Keras' counters)."""
    return {
        variable.name.split(":")[0]: variable.numpy() for variable in variables if variable.shape.rank != 0
    }
