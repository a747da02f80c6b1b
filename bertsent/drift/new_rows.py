"""Scores new reviews, with labels or without, as `judge` takes them."""

from __future__ import annotations

from collections.abc import Mapping

from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.drift.records import NewRow
from bertsent.drift.texts_sample import SampledText
from bertsent.labelling.decisions import Labelled
from bertsent.scoring.scorer import Scorer

_UNLABELLED: Mapping[str, Labelled] = {}


def score_rows(
    scorer: Scorer,
    texts: Mapping[str, str],
    *,
    labelled: Mapping[str, Labelled] = _UNLABELLED,
    unit: str,
    progress: Progress = silent,
) -> list[NewRow]:
    """The rows of texts, in their order, scored by the version under test.

    Args:
        texts: Digest -> text.
        labelled: Digest -> the label of a text and how it was picked. A text without one has the predicted
            label, and counts as picked at random.
        unit: What progress counts, "reviews" or "texts".
    """
    progress.start("Scoring", len(texts), unit)
    rows = []
    scored = scorer.predict_with_token_ids(map(Review, texts.values()))
    for digest, (prediction, token_ids) in zip(texts, scored, strict=True):
        known = labelled.get(digest)
        rows.append(
            NewRow(
                digest=digest,
                pieces=token_ids,
                label=known.label if known else int(prediction.score >= DEFAULT_THRESHOLD),
                score=prediction.score,
                tokens=prediction.tokens,
                truncated=prediction.truncated,
                picked_by=known.picked_by if known else "random",
            )
        )
        progress.advance(len(rows))
    progress.finish()
    return rows


def sampled_rows(
    scorer: Scorer, texts: Mapping[str, SampledText], *, progress: Progress = silent
) -> list[NewRow]:
    """The rows of sampled texts without labels, in their order. Those that this scorer scored already are not
    scored again.

    Args:
        texts: Digest -> text; all are scored, or none.
    """
    if any(sampled.scored is None for sampled in texts.values()):
        plain = {digest: sampled.text for digest, sampled in texts.items()}
        return score_rows(scorer, plain, unit="texts", progress=progress)
    return [
        NewRow(
            digest=digest,
            pieces=scorer.token_ids([text])[0],
            label=int(scored.score >= DEFAULT_THRESHOLD),
            score=scored.score,
            tokens=scored.tokens,
            truncated=scored.truncated,
            picked_by="random",
        )
        for digest, (text, scored) in texts.items()
        if scored is not None
    ]
