"""Tokenizes texts with a TF Hub preprocessor, for encoders whose tokenizer is not WordPiece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_folder
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.base.version_names import capital
from bertsent.scoring.scorer import Scorer
from bertsent.tf import tf
from bertsent.tf.hub import load_model, preprocessor_folder
from bertsent.versions.manifest import HUB_TOKENIZER
from bertsent.versions.store import find

_BATCH = 256  # texts tokenized at a time; more would only take memory


class HubTokenizer:
    """A preprocessor's own tokenizer, with the interface of `tokenizer.AnyTokenizer`.

    Args:
        folder: The preprocessor's SavedModel.
        handle: Where it comes from, for messages.

    Raises:
        ArtefactError: if it lacks the interface of a TF Hub preprocessor.
    """

    def __init__(self, folder: Path, handle: str) -> None:
        self._model = load_model(folder, handle)
        self._digest = sha256_folder(folder)
        try:
            special = {
                name: int(number) for name, number in self._model.tokenize.get_special_tokens_dict().items()
            }
            self.pad_id = special["padding_id"]
            self.start_id, self.end_id = special["start_of_sequence_id"], special["end_of_segment_id"]
            self.vocabulary_size = special["vocab_size"]
            self.encode(["film"])
        except (AttributeError, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            raise ArtefactError(
                f"{visible(handle)} lacks the interface of a TF Hub preprocessor (tokenize, special tokens).",
                hint="name the encoder's partner with --preprocessor",
            ) from error
        self.lower_case = False  # the preprocessor handles case itself

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The piece ids of each text, `[pieces]`, without the special tokens around them."""
        rows: list[NDArray[np.int32]] = []
        for first in range(0, len(texts), _BATCH):
            pieces: Any = self._model.tokenize(tf.constant(texts[first : first + _BATCH]))
            while pieces.shape.rank > 2:  # words of pieces
                pieces = pieces.merge_dims(1, 2)
            values, ends = pieces.flat_values.numpy(), pieces.row_splits.numpy()
            rows += np.split(values.astype(np.int32), ends[1:-1])
        return rows

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The ids as text, such as "#7": a preprocessor cannot give the piece of an id."""
        return [f"#{number}" for number in ids]

    def digest(self) -> str:
        """The SHA-256 of the preprocessor's files."""
        return self._digest


def open_scorer(
    model: str | None, *, folder: Path, settings: ScoreSettings, progress: Progress = silent
) -> Scorer:
    """A scorer for `--engine tensorflow`: the version's own preprocessor tokenizes the texts.

    Raises:
        UsageError, ArtefactError, NetworkError: as `store.find`, `Scorer` and `hub.locate`.
    """
    version = find(model, folder=folder)
    handle = str(version.manifest.encoder["preprocessor"])
    if version.manifest.tokenizer["kind"] != HUB_TOKENIZER:
        raise ArtefactError(
            f"{capital(version.name)} has a WordPiece vocabulary and needs no TensorFlow.",
            hint="leave --engine out",
        )
    return Scorer(version, settings, tokenizer=HubTokenizer(preprocessor_folder(handle, progress), handle))
