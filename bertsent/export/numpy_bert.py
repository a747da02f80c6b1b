"""A BERT classifier in NumPy, slow and short: it checks exports where TensorFlow is not installed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertsent.base.presets import Gelu
from bertsent.export.weights import Arrays, of_encoder
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.litert import TokenIds

_EPSILON = 1e-12  # of layer normalisation, as in every published BERT
_MASKED = -1e9  # added to the attention scores of padding

Floats = NDArray[np.float32]


def score(arrays: Arrays, ids: TokenIds, *, gelu: Gelu, calibration: Calibration) -> NDArray[np.float64]:
    """P(positive) of rows of token ids.

    Args:
        arrays: The weights from `weights.read`.
        ids: int32 [batch, tokens], padded with 0.

    Returns:
        float64 [batch].
    """
    encoder = of_encoder(arrays)
    layers = sum(name.endswith("/intermediate/kernel") for name in encoder)
    hidden = (
        encoder["word_embeddings/embeddings"][ids]
        + encoder["position_embedding/embeddings"][: ids.shape[1]]
        + encoder["type_embeddings/embeddings"][0]
    )
    hidden = _normalise(encoder, "embeddings/layer_norm/", hidden)
    masked = np.where(ids == 0, np.float32(_MASKED), np.float32(0))[:, None, None, :]
    for layer in range(layers):
        hidden = _block(encoder, f"transformer/layer_{layer}/", hidden, masked, gelu)
    pooled = np.tanh(hidden[:, 0] @ encoder["pooler_transform/kernel"] + encoder["pooler_transform/bias"])
    logit = pooled @ arrays["classifier/kernel"] + arrays["classifier/bias"]
    return calibration.apply(logit[:, 0], (ids != 0).sum(axis=1))


def _block(encoder: Arrays, prefix: str, hidden: Floats, masked: Floats, gelu: Gelu) -> Floats:
    attention = prefix + "self_attention/"
    query, key, value = (
        np.einsum("btn,nhd->bhtd", hidden, encoder[f"{attention}{part}/kernel"], optimize=True)
        + encoder[f"{attention}{part}/bias"][:, None]
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 1, 3, 2) * np.float32(query.shape[-1] ** -0.5) + masked
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    context = powers / powers.sum(-1, keepdims=True) @ value
    output = f"{attention}attention_output/"
    attended = np.einsum("bhtd,hdn->btn", context, encoder[output + "kernel"], optimize=True)
    attended = _normalise(
        encoder, prefix + "self_attention_layer_norm/", hidden + attended + encoder[output + "bias"]
    )
    grown = attended @ encoder[prefix + "intermediate/kernel"] + encoder[prefix + "intermediate/bias"]
    shrunk = _gelu(grown, gelu) @ encoder[prefix + "output/kernel"] + encoder[prefix + "output/bias"]
    return _normalise(encoder, prefix + "output_layer_norm/", attended + shrunk)


def _normalise(encoder: Arrays, prefix: str, values: Floats) -> Floats:
    centred = values - values.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(_EPSILON))
    normal: Floats = centred / scale * encoder[prefix + "gamma"] + encoder[prefix + "beta"]
    return normal


def _gelu(values: Floats, gelu: Gelu) -> Floats:
    """Hendrycks and Gimpel (2016), "Gaussian Error Linear Units": exact, or their approximation by tanh."""
    if gelu == "erf":
        from scipy.special import erf

        return np.asarray(values * (1 + erf(values / np.float32(np.sqrt(2)))) / 2, np.float32)
    cubic = values + np.float32(0.044715) * (values * values * values)  # ** 3 takes 100 times as long
    return np.asarray(values * (1 + np.tanh(np.float32(np.sqrt(2 / np.pi)) * cubic)) / 2, np.float32)
