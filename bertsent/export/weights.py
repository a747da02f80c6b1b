"""Reads what a version's classifier needs: its weights in float32, its GELU and its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.presets import BUNDLED, Gelu
from bertsent.base.version_names import capital
from bertsent.versions.manifest import WEIGHTS, Version

Arrays = dict[str, NDArray[np.float32]]

_ENCODER = "encoder/"


def read(version: Version) -> Arrays:
    """All weights by name, as `tf.classifier.weights` gives them.

    Raises:
        ArtefactError: if the version has none, or their file is not the one in its manifest.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if WEIGHTS not in version.manifest.files:
        raise ArtefactError(
            f"{capital(version.name)} has no {WEIGHTS} (it was trained with --no-weights), so only its "
            "LiteRT file can be exported.",
            hint="bertsent export litert OUT, or train a version without --no-weights",
        )
    file = version.file(WEIGHTS)
    try:
        return {name: array.astype(np.float32) for name, array in load_file(file).items()}
    except (SafetensorError, ValueError) as error:
        raise ArtefactError(
            f"{visible(str(file))} cannot be read.", received=visible(str(error))[:200], hint="train again"
        ) from error


def of_encoder(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The encoder's weights, by their names in the encoder."""
    return {name.removeprefix(_ENCODER): array for name, array in arrays.items() if name.startswith(_ENCODER)}


def gelu(version: Version) -> Gelu | None:
    """Which GELU the version's encoder computes; None if it is not a plain BERT, or no file says it."""
    encoder = version.manifest.encoder
    if encoder.get("rebuilt") is not True:
        return None
    name: Any = encoder.get("gelu")
    if name is None and str(encoder.get("handle", "")).startswith(BUNDLED):
        return "tanh"  # every encoder that tf-models exports has it; earlier versions do not say so
    return cast(Gelu, name) if name in get_args(Gelu) else None
