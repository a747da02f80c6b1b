"""Writes a BERT classifier as an ONNX graph, node by node, from its weights."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, MissingExtraError
from bertsent.base.presets import Gelu
from bertsent.export.weights import Arrays
from bertsent.scoring.calibration import Calibration

OPSET = 20  # the first with Gelu
_IR = 9  # of ONNX 1.15, which brought that opset
_EPSILON = 1e-12  # of layer normalisation, as in every published BERT
_MASKED = -1e9  # added to the attention scores of padding
_LARGEST = 2_000_000_000  # bytes of weights; a protobuf message has at most 2 GiB


def build(arrays: Arrays, *, gelu: Gelu, calibration: Calibration, note: str) -> bytes:
    """The graph: input_word_ids int32 [batch, tokens], padded with 0 -> score float32 [batch].

    Args:
        arrays: The weights from `weights.read`.
        gelu: Which GELU they were trained with.
        calibration: It is part of the graph; one for all lengths is folded into the head.
        note: What the model is, for people who open the file.

    Raises:
        MissingExtraError: if the package onnx or onnxruntime is not installed.
        ArtefactError: if the weights are not those of a plain BERT, or too large for one file.
    """
    onnx = _onnx()
    size = sum(array.nbytes for array in arrays.values())
    if size > _LARGEST:
        raise ArtefactError(
            "The weights are too large for a single ONNX file.", hint="bertsent export saved-model OUT"
        )
    try:
        graph = _Graph(onnx, arrays, gelu)
        graph.classify(calibration)
        model = graph.model(note)
        onnx.checker.check_model(model, full_check=True)
    except (KeyError, ValueError, onnx.checker.ValidationError) as error:
        raise ArtefactError(
            "The weights are not those of a plain BERT classifier.",
            received=visible(str(error))[:200],
            hint="train again",
        ) from error
    content: bytes = model.SerializeToString()
    return content


def _onnx() -> Any:
    try:
        importlib.import_module("onnxruntime")  # fail now, not after the work: the comparison needs it
        return importlib.import_module("onnx")
    except ImportError as error:
        raise MissingExtraError(
            f"This needs ONNX and ONNX Runtime, which the plain installation leaves out ({error}).",
            hint="pip install 'bertsent[onnx]'",
        ) from error


class _Graph:
    """Collects nodes and weights; methods that compute something return its name."""

    def __init__(self, onnx: Any, arrays: Arrays, gelu: Gelu) -> None:
        self._onnx = onnx
        self._arrays = arrays
        self._gelu = {"tanh": "tanh", "erf": "none"}[gelu]
        self._nodes: list[Any] = []
        self._stored: dict[str, Any] = {}
        self._layers = sum(name.endswith("/intermediate/kernel") for name in arrays)
        self._hidden, self._heads, self._depth = self._array(
            "transformer/layer_0/self_attention/query/kernel"
        ).shape

    def classify(self, calibration: Calibration) -> None:
        """Adds everything from ids to score."""
        hidden = self._embed()
        masked = padding = self._node(
            "Cast", self._node("Equal", "input_word_ids", self._store("padding", np.int32(0))), to=1
        )
        masked = self._node("Mul", masked, self._store("masked", np.float32(_MASKED)))
        masked = self._node("Unsqueeze", masked, self._ints(1, 2))  # [batch, 1, 1, tokens]
        for layer in range(self._layers - 1):
            hidden = self._block(f"transformer/layer_{layer}/", hidden, hidden, masked)
        # Only [CLS] of the last block reaches the head.
        first = self._node("Slice", hidden, self._ints(0), self._ints(1), self._ints(1))
        first = self._block(f"transformer/layer_{self._layers - 1}/", first, hidden, masked)
        pooled = self._node(
            "Tanh", self._dense(self._node("Squeeze", first, self._ints(1)), "pooler_transform")
        )
        logit = self._calibrated(pooled, padding, calibration)
        self._node("Squeeze", self._node("Sigmoid", logit), self._ints(1), output="score")

    def _calibrated(self, pooled: str, padding: str, calibration: Calibration) -> str:
        """Corrected logits [batch, 1] of pooled outputs; `padding` [batch, tokens] is 1 behind a text."""
        kernel, own = self._arrays["classifier/kernel"], self._arrays["classifier/bias"]
        temperature, bias = np.float32(calibration.temperature), np.float32(calibration.bias)
        short = calibration.short
        if short is not None:  # the raw logit is needed, because its factor depends on the row
            temperature, bias = np.float32(1), np.float32(0)
        logit = self._node("MatMul", pooled, self._store("classifier/kernel", kernel / temperature))
        logit = self._node("Add", logit, self._store("classifier/bias", own / temperature + bias))
        if short is None:
            return logit
        tokens = self._node(
            "ReduceSum", self._node("Sub", self._constant("one", 1), padding), self._ints(1), keepdims=1
        )
        room = self._node("Sub", self._constant("long", short.long), tokens)
        part = self._node("Div", room, self._constant("span", short.long - short.tokens))
        part = self._node("Clip", part, self._constant("zero", 0), self._constant("one", 1))
        slope = self._between(part, "slope", 1 / calibration.temperature, 1 / short.temperature)
        moved = self._between(part, "moved", calibration.bias, short.bias)
        return self._node("Add", self._node("Mul", logit, slope), moved)

    def _between(self, part: str, name: str, long: float, short: float) -> str:
        """long + part (short - long)."""
        step = self._node("Mul", part, self._constant(f"{name}_step", short - long))
        return self._node("Add", step, self._constant(name, long))

    def _constant(self, name: str, value: float) -> str:
        return self._store(f"calibration/{name}", np.float32(value))

    def model(self, note: str) -> Any:
        """The finished model."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        ids = helper.make_tensor_value_info("input_word_ids", types.INT32, ["batch", "tokens"])
        score = helper.make_tensor_value_info("score", types.FLOAT, ["batch"])
        stored = [self._onnx.numpy_helper.from_array(value, name) for name, value in self._stored.items()]
        graph = helper.make_graph(self._nodes, "sentiment", [ids], [score], stored, doc_string=note)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR,
            producer_name="bertsent",
            producer_version=__version__,
            doc_string=note,
        )

    def _embed(self) -> str:
        words = self._weight("word_embeddings/embeddings")
        # There is only one segment, so add its type embedding to every position.
        table = self._array("position_embedding/embeddings") + self._array("type_embeddings/embeddings")[0]
        tokens = self._node("Shape", "input_word_ids", start=1, end=2)
        positions = self._node("Slice", self._store("positions", table), self._ints(0), tokens)
        embedded = self._node("Add", self._node("Gather", words, "input_word_ids"), positions)
        return self._normalise("embeddings/layer_norm/", embedded)

    def _block(self, prefix: str, queries: str, hidden: str, masked: str) -> str:
        """One transformer block: `queries` [batch, q, hidden] attend to `hidden` [batch, t, hidden]."""
        attention = prefix + "self_attention/"
        scale = float(self._depth**-0.5)
        query = self._by_head(queries, attention + "query", (0, 2, 1, 3), scale)
        key = self._by_head(hidden, attention + "key", (0, 2, 3, 1))
        value = self._by_head(hidden, attention + "value", (0, 2, 1, 3))
        scores = self._node("Add", self._node("MatMul", query, key), masked)
        context = self._node("MatMul", self._node("Softmax", scores, axis=-1), value)
        context = self._node("Transpose", context, perm=(0, 2, 1, 3))
        context = self._node("Reshape", context, self._ints(0, 0, self._hidden))
        attended = self._dense(context, attention + "attention_output")
        attended = self._normalise(
            prefix + "self_attention_layer_norm/", self._node("Add", queries, attended)
        )
        grown = self._node("Gelu", self._dense(attended, prefix + "intermediate"), approximate=self._gelu)
        output = self._dense(grown, prefix + "output")
        return self._normalise(prefix + "output_layer_norm/", self._node("Add", attended, output))

    def _by_head(self, values: str, name: str, order: Sequence[int], scale: float = 1.0) -> str:
        projected = self._dense(values, name, scale=scale)
        split = self._node("Reshape", projected, self._ints(0, 0, self._heads, self._depth))
        return self._node("Transpose", split, perm=order)

    def _dense(self, values: str, name: str, *, scale: float = 1.0) -> str:
        """values @ kernel + bias, both times `scale`."""
        bias = self._array(name + "/bias").reshape(-1) * np.float32(scale)
        kernel = self._array(name + "/kernel")
        kernel = kernel.reshape(-1, len(bias)) * np.float32(scale)
        product = self._node("MatMul", values, self._store(name + "/kernel", kernel))
        return self._node("Add", product, self._store(name + "/bias", bias))

    def _normalise(self, prefix: str, values: str) -> str:
        gamma, beta = self._weight(prefix + "gamma"), self._weight(prefix + "beta")
        return self._node("LayerNormalization", values, gamma, beta, axis=-1, epsilon=_EPSILON)

    def _array(self, name: str) -> Any:
        return self._arrays["encoder/" + name]

    def _weight(self, name: str) -> str:
        return self._store(name, self._array(name))

    def _store(self, name: str, value: Any) -> str:
        self._stored[name] = np.ascontiguousarray(value)
        return name

    def _ints(self, *values: int) -> str:
        return self._store("ints" + "_".join(map(str, values)), np.array(values, np.int64))

    def _node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [output], **attributes))
        return output
