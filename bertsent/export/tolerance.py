"""Compares the scores of an export with the scores it must agree with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bertsent.base.errors import BertsentError
from bertsent.base.records.core import Review
from bertsent.base.settings.export import ExportSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.export.records import Distance
from bertsent.scoring.litert import TokenIds
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version


def compare(
    score: Callable[[Sequence[str]], Sequence[float]],
    texts: Sequence[str],
    scorer: Scorer,
    version: Version,
    *,
    float32: Callable[[Sequence[TokenIds]], ArrayLike] | None = None,
    against: str = "bertsent's own scorer",
    settings: ExportSettings,
) -> tuple[Distance, ...]:
    """How far the scores of an export are from those of `scorer` and, for float32 weights, of `float32`.

    Args:
        score: Scores texts with the export.
        texts: The texts to compare on.
        float32: Scores word pieces, within the window, with the same weights. None: the export is the
            version's own int8 file, which must score as `scorer` does.
        against: The source of the scores that may differ only by rounding.

    Raises:
        BertsentError: if they differ by more than rounding or quantisation explains.
    """
    scores = score(texts)
    scored = list(scorer.predict_with_token_ids(Review(text) for text in texts))
    int8 = [prediction.score for prediction, _ in scored]
    expected = int8 if float32 is None else float32([token_ids for _, token_ids in scored])
    same = _distance(scores, expected, against, f"largest at most {settings.exact:g}")
    if not same.largest <= settings.exact:
        raise _refused(same)
    return (same,) if float32 is None else (same, _within_int8(scores, int8, version, settings))


def _within_int8(
    scores: Sequence[float], int8: Sequence[float], version: Version, settings: ExportSettings
) -> Distance:
    """The distance of float32 scores from those of the version's int8 file.

    The limit follows from the manifest, which says on how many test rows the int8 file and the trained
    classifier give different labels.
    """
    from scipy.special import bdtrc

    test = version.manifest.metrics.get("test", {})
    rows, agreement = int(test.get("compared", 0)), float(test.get("litert_agreement", 1.0))
    differs = (rows * (1 - agreement) + 1) / (rows + 2)  # Laplace: 0 of 100 rows does not mean never
    most = f"{100 * differs:.2g} % different labels"
    limits = f"mean at most {settings.quantised:g}, not clearly more than {most}"
    distance = _distance(scores, int8, "the version's int8 file", limits)
    others = distance.texts - distance.same_label
    chance = 1.0 if others == 0 else float(bdtrc(others - 1, distance.texts, min(differs, 1.0)))
    if not distance.mean <= settings.quantised or chance < settings.chance:
        raise _refused(distance)
    return distance


def _distance(scores: Sequence[float], expected: ArrayLike, against: str, allowed: str) -> Distance:
    ours, theirs = np.asarray(scores, np.float64), np.asarray(expected, np.float64)
    apart = np.abs(ours - theirs)
    same_label = (ours >= DEFAULT_THRESHOLD) == (theirs >= DEFAULT_THRESHOLD)
    return Distance(
        against, len(ours), float(apart.mean()), float(apart.max()), int(same_label.sum()), allowed
    )


def _refused(distance: Distance) -> BertsentError:
    return BertsentError(
        f"The export does not score as {distance.against}, so nothing was written ({distance.allowed}).",
        received=f"on {distance.texts} texts mean {distance.mean:.2g}, largest {distance.largest:.2g}, "
        f"{distance.texts - distance.same_label} different labels",
        hint="run bertsent evaluate to check the version itself; if it is intact, report this",
    )
