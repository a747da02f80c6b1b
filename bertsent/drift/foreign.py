"""Ranks texts by how foreign they are to a version: what `label --order foreign` asks first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bertsent.base.errors import DataError
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.training import TrainSettings
from bertsent.drift import reference
from bertsent.drift.features import distinct, normalise_typography
from bertsent.drift.measures import separate_rows, too_few_texts
from bertsent.drift.records import NewRow
from bertsent.drift.reference_mix import mix_reference
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import REFERENCE, Version

_SEED = TrainSettings().seed
_DRIFT = DriftSettings()


def rank_foreign(
    version: Version,
    scorer: Scorer,
    texts: Mapping[str, str],
    scores: Mapping[str, float],
    *,
    settings: DriftSettings = _DRIFT,
    seed: int = _SEED,
) -> list[str]:
    """The digests of texts, the most foreign first. Copies, and texts that the version was trained on, are
    left out.

    A text is as foreign as the measure `text` finds it: how far its score lies above those of reference rows,
    in their standard deviations, by a classifier of "old or new" that did not see it.

    Args:
        version: With its reference.
        scorer: Of that version.
        texts: Digest -> text.
        scores: Digest -> P(positive), for the predicted labels.
        settings: How the measure is computed.
        seed: For its draws.

    Raises:
        ArtefactError: if the reference is missing or damaged.
        DataError: if there are too few texts.
    """
    rows = [
        NewRow(
            digest=digest,
            pieces=pieces,
            label=int(scores[digest] >= DEFAULT_THRESHOLD),
            score=scores[digest],
            tokens=len(pieces),
            truncated=False,
            picked_by="random",
        )
        for digest, pieces in zip(texts, scorer.token_ids([*texts.values()]), strict=True)
    ]
    vocabulary = scorer.tokenizer.pieces(range(scorer.tokenizer.vocabulary_size))
    known, rows = normalise_typography(reference.read(version.file(REFERENCE)), rows, vocabulary)
    rows = distinct(rows, known)
    known, _ = mix_reference(known, rows, settings=settings, seed=seed)
    # All rows are ranked, and no p-value is asked for.
    settings = replace(settings, most_text_rows=max(settings.most_text_rows, len(rows)), shuffles=1)
    found = separate_rows(known, rows, settings=settings, seed=seed, vocabulary=vocabulary)
    if found is None:
        raise DataError(
            "These texts cannot be compared with those of the version.",
            received=too_few_texts(known, rows, settings),
        )
    matched, separation = found
    return [rows[index].digest for index in matched.index[np.argsort(-separation.foreign, kind="stable")]]
