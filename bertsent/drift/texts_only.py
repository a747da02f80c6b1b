"""The measures of texts without labels: text, scores, estimated_error. Each lies between 0 and 1.

`text` is the measure that labels have too; the predicted labels take the place of the labels. The other two
compare the scores of the new rows with those of held-out rows, which training did not see, under the same
version. A sentence is compared with sentences and a page with pages: each new row has held-out rows of its
kind, the nearest in length (`nearest.draw_nearest`).

`scores` is the Wasserstein distance of the two distributions of P(positive): how far a score moved on the
average. It is 0.1 if the share of positive texts moved by a tenth and the model is sure of each, and it never
exceeds the share of the texts that differ (their total variation). Kolmogorov and Smirnov's distance is
likewise a share, but it grows large where many scores move by a little near 0 and 1, which changes no label.

`estimated_error` is the accuracy that the calibrated scores lose (confidence-based performance estimation,
CBPE, of NannyML): a prediction with the score p is right with the probability max(p, 1 - p). It cannot see
texts that the model is sure of and wrong about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.features import Floats, Ints
from bertsent.drift.measures import Measured, clipped, measure_text, normal_quantile
from bertsent.drift.nearest import draw_nearest
from bertsent.drift.records import NAN, EstimatedAccuracy, Measure, MeasureName, NewRow
from bertsent.drift.reference import Reference
from bertsent.drift.text_measure import TIE, permutation_p_value, shuffled

NAMES: tuple[MeasureName, ...] = ("text", "scores", "estimated_error")
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MatchedScores:
    """Held-out rows, then new rows, of the same kinds and like lengths."""

    scores: Floats  # [rows], P(positive)
    is_new: _Bools  # [rows]
    is_short: _Bools  # [rows]

    @property
    def confidence(self) -> Floats:
        """[rows]: the probability that the prediction is right, if the scores are calibrated."""
        return np.maximum(self.scores, 1 - self.scores)

    @property
    def cells(self) -> list[Ints]:
        """The rows of each kind: rows are shuffled within a kind only."""
        return [rows for kind in (False, True) if len(rows := np.flatnonzero(self.is_short == kind))]


def measure_texts(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    alpha: float,
    seed: int,
    vocabulary: Sequence[str] = (),
) -> tuple[dict[MeasureName, Measured], EstimatedAccuracy | None]:
    """The three measures, and the estimated accuracy if scores could be compared.

    Args:
        reference: What the version was made with.
        rows: The distinct rows, in a fixed order, with predicted labels.
        settings: How the measures are computed.
        alpha: What their p-values are compared with, for the minimum detectable effects.
        seed: For all draws and shuffles.
        vocabulary: The version's word pieces by id. With it full stops are not compared.
    """
    text = measure_text(reference, rows, settings=settings, alpha=alpha, seed=seed, vocabulary=vocabulary)
    random = np.random.default_rng(seed)
    matched = match_scores(reference, rows, settings=settings, random=random)
    if matched is None:
        why = _unmatched(reference, settings)
        names: tuple[MeasureName, ...] = ("scores", "estimated_error")
        return {"text": text, **{name: Measured(Measure(name, NAN, why=why)) for name in names}}, None
    target = shuffled(matched.is_new, matched.cells, settings.shuffles, random)
    estimated = EstimatedAccuracy(
        reference=float(matched.confidence[~matched.is_new].mean()),
        new=float(matched.confidence[matched.is_new].mean()),
    )
    return {
        "text": text,
        "scores": measure_scores(matched, target, settings=settings, alpha=alpha, random=random),
        "estimated_error": measure_estimated_error(matched, target, settings=settings, alpha=alpha),
    }, estimated


def match_scores(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, random: np.random.Generator
) -> MatchedScores | None:
    """Scores of new rows, and of held-out rows of the same kinds and nearest lengths.

    New rows of a kind of which fewer than `settings.least_stratum` rows were held out are left out: pages say
    nothing of the scores of sentences. If there are more than `settings.most_text_rows` new rows, a random
    sample of them is taken. Held-out rows of unknown length, which an earlier version of bertsent wrote,
    are of the kind of which nearly all training rows are.

    Returns:
        None if fewer than `settings.least_rows` new rows remain.
    """
    held_short, has_length = _held_out_kinds(reference, settings)
    length = np.array([len(row.pieces) for row in rows], np.int64)
    is_short = length <= settings.most_short
    kinds = [kind for kind in (0, 1) if (held_short == kind).sum() >= settings.least_stratum]
    new = np.flatnonzero(np.isin(is_short, kinds))
    if len(new) < settings.least_rows:
        return None
    if len(new) > settings.most_text_rows:
        new = np.sort(random.permutation(new)[: settings.most_text_rows])
    known = int(has_length)  # without lengths all rows of a kind are equally near
    old = draw_nearest(
        held_short,
        known * reference.heldout_length,
        is_short[new].astype(np.int8),
        known * length[new],
        settings=settings,
        random=random,
    )
    return MatchedScores(
        scores=np.concatenate(
            [
                reference.heldout_score[old].astype(np.float64),
                np.array([rows[index].score for index in new.tolist()]),
            ]
        ),
        is_new=np.repeat([False, True], [len(old), len(new)]),
        is_short=np.concatenate([held_short[old] == 1, is_short[new]]),
    )


def _held_out_kinds(reference: Reference, settings: DriftSettings) -> tuple[NDArray[np.int8], bool]:
    """[held-out rows]: 1 for short, 0 for long, -1 for not known; and whether all lengths are known."""
    length = reference.heldout_length
    kinds = (length <= settings.most_short).astype(np.int8)
    unknown = length < 0
    short = float((reference.length <= settings.most_short).mean()) if reference.rows else NAN
    kinds[unknown] = 1 if short >= settings.prevailing else 0 if short <= 1 - settings.prevailing else -1
    return kinds, not unknown.any()


def _unmatched(reference: Reference, settings: DriftSettings) -> str:
    """Why scores cannot be compared."""
    held_short, _ = _held_out_kinds(reference, settings)
    names = {1: "short", 0: "long"}
    there = [name for kind, name in names.items() if (held_short == kind).sum() >= settings.least_stratum]
    if not there:
        return f"the version has fewer than {settings.least_stratum} held-out reviews of known length"
    like = "" if len(there) == len(names) else f" as {there[0]} as the held-out reviews"
    return f"{settings.least_rows} texts{like} are needed"


def measure_scores(
    matched: MatchedScores,
    target: Floats,
    *,
    settings: DriftSettings,
    alpha: float,
    random: np.random.Generator,
) -> Measured:
    """The Wasserstein distance of the scores. The p-value is that of the permutation test; the interval that
    of the percentile bootstrap (Efron 1979), which draws within each kind.

    The minimum detectable effect is the larger of the threshold and the alpha-quantile of the permutations,
    plus z(power) standard errors.

    Args:
        matched: The scores.
        target: [rows, 1 + shuffles], of `text_measure.shuffled`.
        settings: The confidence of the interval, and how many shuffles.
        alpha: What the p-value is compared with.
        random: For the bootstrap.
    """
    distance = wasserstein(matched.scores, target)
    null = distance[1:]
    if null.std() <= TIE:
        return Measured(Measure("scores", NAN, why="all scores are equal"))
    redrawn = wasserstein(matched.scores, *_redrawn(matched, settings.shuffles, random))
    outside = (1 - settings.confidence) / 2
    low, high = np.quantile(redrawn, [outside, 1 - outside]).tolist()
    surplus = normal_quantile(settings.power) * float(redrawn.std())
    return Measured(
        Measure(
            "scores",
            float(distance[0]),
            low=low,
            high=high,
            p_value=permutation_p_value(distance, least=settings.counted),
            n=int(matched.is_new.sum()),
        ),
        min(1.0, max(settings.threshold, _critical(null, alpha)) + surplus),
    )


def wasserstein(scores: Floats, new: Floats, old: Floats | None = None) -> Floats:
    """[columns]: the distance of order 1 between new and old scores, the area between their distribution
    functions. `scipy.stats.wasserstein_distance` gives the same for one column.

    Args:
        scores: [rows], in [0, 1].
        new: [rows, columns], how often a new row has each score.
        old: The same of the old rows; 1 - `new` by default.
    """
    order = np.argsort(scores, kind="stable")
    new = new[order]
    old = 1 - new if old is None else old[order]
    apart = np.cumsum(new / new.sum(axis=0) - old / old.sum(axis=0), axis=0)
    return np.asarray(np.diff(scores[order]) @ np.abs(apart[:-1]))


def _redrawn(matched: MatchedScores, times: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """[rows, times] each: how often the bootstrap draws each row, among new rows and among old ones."""
    new, old = np.zeros((2, len(matched.scores), times))
    for counts, side in ((new, matched.is_new), (old, ~matched.is_new)):
        for cell in matched.cells:
            rows = cell[side[cell]]
            drawn = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=times)
            counts[rows] = drawn.T
    return new, old


def _critical(null: Floats, alpha: float) -> float:
    """The value whose upper tail is alpha, in a Pearson type III distribution like that of the shuffles."""
    from scipy.stats import pearson3, skew

    return float(null.mean() + null.std() * pearson3.isf(alpha, max(0.0, float(skew(null)))))


def measure_estimated_error(
    matched: MatchedScores, target: Floats, *, settings: DriftSettings, alpha: float
) -> Measured:
    """How much accuracy the calibrated scores lose: the estimated accuracy of the held-out rows less that of
    the new rows. The test is the one-sided permutation test of the two means. The interval is normal, with
    the variances of both sides.

    The minimum detectable effect is max(threshold, z(1 - alpha) errors) + z(power) errors.

    Args:
        matched: The scores.
        target: [rows, 1 + shuffles], of `text_measure.shuffled`.
        settings: The confidence of the interval.
        alpha: What the p-value is compared with.
    """
    confidence = matched.confidence
    new = matched.is_new
    lost = confidence @ ((1 - target) / (~new).sum() - target / new.sum())
    if lost[1:].std() <= TIE:
        return Measured(Measure("estimated_error", NAN, why="the model is equally sure of all texts"))
    value = float(lost[0])
    error = math.sqrt(sum(float(confidence[side].var(ddof=1)) / int(side.sum()) for side in (new, ~new)))
    half_width = normal_quantile((1 + settings.confidence) / 2) * error
    least = max(settings.threshold, normal_quantile(1 - alpha) * error)
    return Measured(
        Measure(
            "estimated_error",
            max(0.0, value),
            low=clipped(value - half_width),
            high=clipped(value + half_width),
            p_value=permutation_p_value(lost, least=settings.counted),
            n=int(new.sum()),
        ),
        min(1.0, least + normal_quantile(settings.power) * error),
    )
