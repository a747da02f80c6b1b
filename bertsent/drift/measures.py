"""The three measures, each 0 to 1 with a p-value and an interval: text, error, label_share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.reading import LABEL_NAMES, POSITIVE
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.drift import features, text_measure
from bertsent.drift.proportions import Bools, expect, proportion, strata, two_sided, upper_tail
from bertsent.drift.records import NAN, Measure, NewRow
from bertsent.drift.reference import Reference

# Only these rows are judged. Rows picked for their scores are wrong more often and use other words: the text
# measure is 0.2 on the 200 reviews of IMDB that a model is least sure of, and 0.5 on the 200 surest.
UNBIASED = frozenset({"typed", "random"})

_NO_KIND = 2  # of old rows whose length is not known; 0 is long, 1 is short


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure before the correction for multiple tests."""

    measure: Measure
    minimum_detectable_effect: float = NAN  # the shift that a share `settings.power` of such batches reveals
    foreign: tuple[str, ...] = ()  # `text` only: digests, most foreign first
    matched: features.MatchedRows | None = None  # `text` only


def measure_text(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    alpha: float,
    seed: int,
    vocabulary: Sequence[str] = (),
) -> Measured:
    """The share of new reviews whose words differ from the reference, at the same labels and lengths.

    Args:
        reference: What the version was made with.
        rows: The distinct unbiased rows, in a fixed order.
        settings: How the measure is computed.
        alpha: What its p-value is compared with, for the minimum detectable effect.
        seed: For the draw, the thinning, the folds and the shuffles.
        vocabulary: The version's word pieces by id. With it full stops are not compared.
    """
    found = separate_rows(reference, rows, settings=settings, seed=seed, vocabulary=vocabulary)
    if found is None:
        return Measured(Measure("text", NAN, why=too_few_texts(reference, rows, settings)))
    matched, separation = found
    if math.isnan(separation.value):
        return Measured(Measure("text", NAN, why="the reviews share no word with the reference"))
    half_width = normal_quantile((1 + settings.confidence) / 2) * separation.error
    most_foreign = np.argsort(-separation.foreign, kind="stable")[: settings.foreign]
    return Measured(
        Measure(
            "text",
            max(0.0, separation.value),
            low=clipped(separation.value - half_width),
            high=clipped(separation.value + half_width),
            p_value=separation.p_value,
            n=separation.n,
        ),
        _detectable_foreign(separation, len(matched.label), settings=settings, alpha=alpha),
        foreign=tuple(rows[index].digest for index in matched.index[most_foreign].tolist()),
        matched=matched,
    )


def separate_rows(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    seed: int,
    vocabulary: Sequence[str] = (),
) -> tuple[features.MatchedRows, text_measure.Separation] | None:
    """The matched rows, and how well words separate new rows from old ones; None if there are too few rows.

    Args:
        reference, rows, settings, seed, vocabulary: As `measure_text` takes them.
    """
    random = np.random.default_rng(seed)
    matched = features.match_rows(reference, rows, settings=settings, random=random)
    if matched is None:
        return None
    stops = features.full_stops(vocabulary)
    weights = features.tfidf(matched, reference, settings=settings, uncompared=stops)
    return matched, text_measure.separate(matched, weights, settings=settings, random=random)


def _detectable_foreign(
    separation: text_measure.Separation, matched_rows: int, *, settings: DriftSettings, alpha: float
) -> float:
    """The share e of wholly foreign new reviews that a share `settings.power` of such batches reveals.

    Suppose foreign rows take the top ranks. With n new rows among N matched ones they are the part
    p = e n / N of all rows. The score -log(1 - U) of a uniform rank U is a standard exponential: its square
    has

        the mean 2 over all rows,  L^2 + 2 L + 2 over the top part p, where L = -log p,
        (2 - p (L^2 + 2 L + 2)) / (1 - p) over the others.

    The mean over the new rows therefore rises by e top + (1 - e) rest - 2. It must reach
    z(1 - alpha) + z(power) standard deviations of its permutation distribution (sample size of a one-sided
    z-test). The value itself must exceed the threshold with the same power: e >= threshold + z(power) error.
    """
    surplus = normal_quantile(settings.power)
    share = np.linspace(0.001, 0.999, 999)
    part = share * separation.n / matched_rows
    top = np.log(part) ** 2 - 2 * np.log(part) + 2
    rest = (2 - part * top) / (1 - part)
    rise = share * top + (1 - share) * rest - 2
    enough = share[rise >= (normal_quantile(1 - alpha) + surplus) * separation.null_deviation]
    return min(1.0, max(settings.threshold + surplus * separation.error, float(enough.min(initial=1.0))))


def too_few_texts(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> str:
    """Why `separate_rows` gives None."""
    if min(int((reference.label == label).sum()) for label in LABEL_NAMES) < settings.folds:
        return f"the reference has only {reference.rows} rows"
    return (
        f"{settings.least_text_rows} reviews picked at random or typed are needed (a label with fewer than "
        f"{settings.least_per_class} does not count); there are "
        + " and ".join(
            f"{sum(row.label == label for row in rows)} {name}" for label, name in LABEL_NAMES.items()
        )
    )


def measure_error(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float
) -> Measured:
    """How much accuracy the version lost compared with its held-out rows, which training did not see.

    The held-out accuracy is weighted to the new rows' shares of the labels and, where enough held-out rows of
    known length are there, of the kinds: a sentence is harder to classify than a page. The interval is that
    of Newcombe (1998, method 10) for a difference. The test is exact: given the number of wrong predictions
    of a label and kind on both sides together, their number among the new rows is hypergeometric.
    """
    if why := _too_few(rows, settings) or _no_scores(reference, rows):
        return Measured(Measure("error", NAN, why=why))
    gold = np.array([row.label for row in rows])
    wrong = (np.array([row.score for row in rows]) >= DEFAULT_THRESHOLD) != (gold == POSITIVE)
    missed = (reference.heldout_score >= DEFAULT_THRESHOLD) != (reference.heldout_label == POSITIVE)
    parts = _by_kind([gold], [reference.heldout_label], rows, reference.heldout_length, settings)
    new, old = proportion(wrong, settings=settings), expect(wrong, missed, parts, settings=settings)
    lost = new.value - old.value
    return Measured(
        Measure(
            "error",
            max(0.0, lost),
            low=clipped(lost - math.hypot(old.high - old.value, new.value - new.low)),
            high=clipped(lost + math.hypot(old.value - old.low, new.high - new.value)),
            p_value=upper_tail(old.chances, new.part),
            n=len(rows),
        ),
        _detectable_loss(old.value, len(rows), settings=settings, alpha=alpha),
    )


def _by_kind(
    new: Sequence[NDArray[np.generic]],
    old: Sequence[NDArray[np.generic]],
    rows: Sequence[NewRow],
    old_length: NDArray[np.int32],
    settings: DriftSettings,
) -> list[tuple[Bools, Bools]]:
    """The strata that `new` and `old` make, each divided into short and long texts where all of these have
    `settings.least_stratum` old rows of known length."""
    length = np.array([len(row.pieces) for row in rows])
    kind = np.where(old_length < 0, _NO_KIND, old_length <= settings.most_short)
    divided = strata([*new, length <= settings.most_short], [*old, kind])
    if all(is_old.sum() >= settings.least_stratum for _, is_old in divided):
        return divided
    return strata(new, old)


def _detectable_loss(expected: float, n: int, *, settings: DriftSettings, alpha: float) -> float:
    """The loss of accuracy that a share `settings.power` of batches of n rows reveals.

    The measure fires at k or more wrong predictions: the least k that exceeds the threshold and that a
    binomial of n rows and the rate `expected` reaches with a probability of at most alpha. The loss is the
    error rate at which P(at least k) = power, minus `expected`. This rate is the power-quantile of
    Beta(k, n - k + 1) (Clopper and Pearson 1934).
    """
    from scipy.special import betaincinv
    from scipy.stats import binom

    needed = max(int(binom.isf(alpha, n, expected)), math.floor(n * (expected + settings.threshold))) + 1
    return float(betaincinv(needed, n - needed + 1, settings.power)) - expected if needed <= n else NAN


def measure_label_share(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float
) -> Measured:
    """How far the share of positive reviews moved from that of the training rows; Fisher's exact test.

    The share of the training rows is weighted to the new rows' shares of the kinds, short and long, where
    enough training rows of these are there. Then the test is that of the sum over the kinds.
    """
    if why := _too_few(rows, settings):
        return Measured(Measure("label_share", NAN, why=why))
    positive = np.array([row.label == POSITIVE for row in rows])
    everywhere = [np.zeros(len(rows))], [np.zeros(reference.rows)]
    parts = _by_kind(*everywhere, rows, reference.length, settings)
    new = proportion(positive, settings=settings)
    old = expect(positive, reference.label == POSITIVE, parts, settings=settings)
    moved = new.value - old.value
    low = moved - math.hypot(new.value - new.low, old.high - old.value)  # Newcombe 1998, method 10
    high = moved + math.hypot(new.high - new.value, old.value - old.low)
    error = math.sqrt(old.value * (1 - old.value) / new.whole + old.variance)
    surplus = normal_quantile(settings.power) * error
    return Measured(
        Measure(
            "label_share",
            abs(moved),
            low=0.0 if low < 0 < high else min(abs(low), abs(high)),
            high=clipped(max(abs(low), abs(high))),
            p_value=two_sided(old.chances, new.part),
            n=len(rows),
        ),
        min(1.0, max(settings.threshold, normal_quantile(1 - alpha / 2) * error) + surplus),
    )


def _too_few(rows: Sequence[NewRow], settings: DriftSettings) -> str:
    if len(rows) >= settings.least_rows:
        return ""
    return f"{settings.least_rows} reviews picked at random or typed are needed, there are {len(rows)}"


def _no_scores(reference: Reference, rows: Sequence[NewRow]) -> str:
    if not all(math.isfinite(row.score) for row in rows):
        return "a review has no score"
    if not {row.label for row in rows} <= set(reference.heldout_label.tolist()):
        return "the reference has no held-out rows of a label to compare with"
    return ""


def normal_quantile(p: float) -> float:
    """The standard normal quantile of p."""
    from scipy.stats import norm

    return float(norm.ppf(p))


def clipped(value: float) -> float:
    """The value, held within 0 and 1."""
    return min(1.0, max(0.0, value))
