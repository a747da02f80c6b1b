"""Word pieces of a training run, computed once and kept in the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.array_cache import Arrays, cached
from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.scoring.tokenizer import AnyTokenizer

_LEAST = 1000  # texts; fewer are tokenized in a tenth of a second


def word_pieces(
    texts: Sequence[str], tokenizer: AnyTokenizer, *, cache: Path | None = None
) -> list[NDArray[np.int32]]:
    """The word pieces of whole texts, read from `cache` where the same texts were tokenized before.

    The file's name is a digest over tokenizer and texts. The window is applied afterwards, so all windows
    share one file.
    """
    if cache is None or len(texts) < _LEAST:
        return tokenizer.encode(texts)

    def encode() -> Arrays:
        rows = tokenizer.encode(texts)
        return {"pieces": np.concatenate(rows), "ends": np.cumsum([len(row) for row in rows])}

    digest = sha256_lines([tokenizer.digest(), *map(sha256_text, texts)])
    arrays = cached(cache / f"{digest}.npz", encode)
    return np.split(arrays["pieces"], arrays["ends"][:-1])
