"""Short texts of common words, and a version that knows them: the packaged classifier with another reference.
It needs no training."""

from __future__ import annotations

import os
import random
from pathlib import Path

from bertsent.base.records.core import Review
from bertsent.base.text import clean
from bertsent.data.sample import FILE
from bertsent.drift import reference
from bertsent.scoring.scorer import Scorer
from bertsent.versions import store
from bertsent.versions.manifest import REFERENCE, Version, read_version

PACKAGED = Path(__file__).parents[2] / "model" / "1"
KITCHEN = FILE.parent / "kitchen.jsonl"  # 120 labelled reviews of kitchenware
_WORDS = """
the a film movie plot story scene actor actress music ending director cast role script camera was is and but
with very quite never always good bad great awful wonderful boring lovely dull strong weak slow funny
"""
_TRAINED, _HELD_OUT = 250, 150


def soup(count: int, *, seed: int) -> list[str]:
    """Distinct texts of 10 to 16 words."""
    draw = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[" ".join(draw.choices(_WORDS.split(), k=draw.randint(10, 16)))] = None
    return list(texts)


def publish(folder: Path) -> Version:
    """Publishes the version that knows such texts as the next one of `folder`."""
    packaged = read_version(PACKAGED)
    texts = soup(_TRAINED + _HELD_OUT, seed=1)
    scored = [*Scorer(packaged).predict_with_token_ids(Review(clean(text)) for text in texts)]
    ids = [token_ids for _, token_ids in scored]
    scores = [prediction.score for prediction, _ in scored]
    labels = [int(score >= 0.5) for score in scores]
    with store.staging(folder, needed=0) as path:
        for name in packaged.manifest.files:
            if name != REFERENCE:
                os.link(packaged.path / name, path / name)
        reference.write(
            path / REFERENCE,
            rows=ids[:_TRAINED],
            labels=labels[:_TRAINED],
            heldout_scores=scores[_TRAINED:],
            heldout_labels=labels[_TRAINED:],
            heldout_lengths=[len(row) for row in ids[_TRAINED:]],
            seed=1,
        )
        return store.publish(path, packaged.manifest, folder=folder)
