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
from bertsent.drift.records import NAN, Measure, NewRow
from bertsent.drift.reference import Reference

# What judges. Rows picked for their scores are wrong more often than others, and worded otherwise: of the 200
# reviews of IMDB that a model is least sure of the text measure says 0.2, of the surest 0.5.
UNBIASED = frozenset({"typed", "random"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A measure before the correction for there being three."""

    measure: Measure
    smallest: float = NAN  # the shift that `settings.power` of such batches would have shown
    foreign: tuple[str, ...] = ()  # `text` only: digests, most foreign first
    compared: features.Compared | None = None  # `text` only


@dataclass(frozen=True, slots=True)
class _Share:
    """A share of `whole` rows with its Wilson interval (1927)."""

    part: int
    whole: int
    confidence: float

    @property
    def value(self) -> float:
        return self.part / self.whole

    @property
    def ends(self) -> tuple[float, float]:
        from scipy.stats import binomtest

        interval = binomtest(self.part, self.whole).proportion_ci(self.confidence, "wilson")
        return float(interval.low), float(interval.high)


def take_text(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float, seed: int
) -> Taken:
    """The share of new reviews whose words are not those of the reference, of the same labels and lengths.

    Args:
        reference: What the version was made with.
        rows: The distinct unbiased rows, in a fixed order.
        settings: How it is taken.
        alpha: What its p-value will be held against, for the smallest visible shift.
        seed: Of the draw, the thinning, the folds and the shuffles.
    """
    random = np.random.default_rng(seed)
    compared = features.compare(reference, rows, settings=settings, random=random)
    if compared is None:
        return Taken(Measure("text", NAN, why=_too_few_texts(reference, rows, settings)))
    weighed = features.weigh(compared, reference, settings=settings)
    found = text_measure.separate(compared, weighed, settings=settings, random=random)
    if math.isnan(found.value):
        return Taken(Measure("text", NAN, why="the reviews share no word with the reference"))
    reach = _deviations(settings) * found.error
    places = compared.row[compared.is_new]
    order = np.argsort(-found.foreign, kind="stable")[: settings.foreign]
    return Taken(
        Measure(
            "text",
            max(0.0, found.value),
            low=_clipped(found.value - reach),
            high=_clipped(found.value + reach),
            p_value=found.p_value,
            n=found.n,
        ),
        smallest=_smallest_foreign(found, compared, settings=settings, alpha=alpha),
        foreign=tuple(rows[place].digest for place in places[order].tolist()),
        compared=compared,
    )


def _smallest_foreign(
    found: text_measure.Separation, compared: features.Compared, *, settings: DriftSettings, alpha: float
) -> float:
    """The share of wholly foreign reviews that `settings.power` of such batches would show.

    They take the highest scores. With a part f of all rows there, their squared exponential scores are
    L^2 + 2 L + 2 on average, L = -log f, and those of all rows 2.
    """
    from scipy.stats import norm

    reserve = float(norm.ppf(settings.power))
    shares = np.linspace(0.001, 0.999, 999)
    part = shares * found.n / len(compared.label)
    top = np.log(part) ** 2 - 2 * np.log(part) + 2
    rest = (2 - part * top) / (1 - part)
    risen = shares * top + (1 - shares) * rest - 2
    enough = shares[risen >= (float(norm.isf(alpha)) + reserve) * found.spread]
    return min(1.0, max(settings.threshold + reserve * found.error, float(enough.min(initial=1.0))))


def _too_few_texts(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> str:
    if min(int((reference.label == label).sum()) for label in LABEL_NAMES) < settings.folds:
        return f"the reference has only {reference.rows} rows"
    return (
        f"texts are compared from {settings.least_text_rows} reviews picked at random or typed on, at least "
        f"{settings.least_per_class} of a label; there are "
        + " and ".join(
            f"{sum(row.label == label for row in rows)} {name}" for label, name in LABEL_NAMES.items()
        )
    )


def take_error(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float
) -> Taken:
    """The accuracy that the version lost against its held-out rows, which training did not see.

    The held-out accuracy is that of the new rows' label shares. The test is exact: given how many answers of
    each label are wrong on both sides together, their number among the new rows is hypergeometric.
    """
    if (why := _too_few(rows, settings)) or (why := _no_scores(reference, rows)):
        return Taken(Measure("error", NAN, why=why))
    gold = np.array([row.label for row in rows])
    wrong = (np.array([row.score for row in rows]) >= DEFAULT_THRESHOLD) != (gold == POSITIVE)
    missed = (reference.heldout_score >= DEFAULT_THRESHOLD) != (reference.heldout_label == POSITIVE)
    there = [label for label in LABEL_NAMES if (gold == label).any()]
    new = _Share(int(wrong.sum()), len(rows), settings.confidence)
    old = {label: _share(missed[reference.heldout_label == label], settings) for label in there}
    weight = {label: float((gold == label).mean()) for label in there}
    expected = sum(weight[label] * old[label].value for label in there)
    below = math.hypot(*(weight[label] * (old[label].value - old[label].ends[0]) for label in there))
    above = math.hypot(*(weight[label] * (old[label].ends[1] - old[label].value) for label in there))
    lost = new.value - expected
    return Taken(
        Measure(
            "error",
            max(0.0, lost),
            low=_clipped(lost - math.hypot(above, new.value - new.ends[0])),  # Newcombe 1998, method 10
            high=_clipped(lost + math.hypot(below, new.ends[1] - new.value)),
            p_value=_hypergeometric(wrong, gold, old),
            n=len(rows),
        ),
        smallest=_smallest_loss(expected, len(rows), settings=settings, alpha=alpha),
    )


def _share(hits: NDArray[np.bool_], settings: DriftSettings) -> _Share:
    return _Share(int(hits.sum()), len(hits), settings.confidence)


def _hypergeometric(wrong: NDArray[np.bool_], gold: NDArray[np.int_], old: dict[int, _Share]) -> float:
    """P(as many wrong answers among the new rows, or more), the labels each for itself and added up."""
    from scipy.stats import hypergeom

    chances = np.ones(1)
    for label, share in old.items():
        new = int((gold == label).sum())
        both = share.part + int(wrong[gold == label].sum())
        chances = np.convolve(chances, hypergeom.pmf(np.arange(new + 1), share.whole + new, both, new))
    return float(min(1.0, chances[int(wrong.sum()) :].sum()))


def _smallest_loss(expected: float, n: int, *, settings: DriftSettings, alpha: float) -> float:
    """The loss that `settings.power` of such batches would show: so many wrong answers or more fire."""
    from scipy.special import betaincinv
    from scipy.stats import binom

    needed = max(int(binom.isf(alpha, n, expected)), math.floor(n * (expected + settings.threshold))) + 1
    return float(betaincinv(needed, n - needed + 1, settings.power)) - expected if needed <= n else NAN


def take_label_share(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float
) -> Taken:
    """How far the share of positive reviews moved from that of the training rows; Fisher's exact test."""
    from scipy.stats import fisher_exact

    if why := _too_few(rows, settings):
        return Taken(Measure("label_share", NAN, why=why))
    new = _share(np.array([row.label == POSITIVE for row in rows]), settings)
    old = _share(reference.label == POSITIVE, settings)
    moved = new.value - old.value
    low = moved - math.hypot(new.value - new.ends[0], old.ends[1] - old.value)
    high = moved + math.hypot(new.ends[1] - new.value, old.value - old.ends[0])
    table = np.array([[each.part, each.whole - each.part] for each in (new, old)])
    deviation = math.sqrt(old.value * (1 - old.value) * (1 / new.whole + 1 / old.whole))
    return Taken(
        Measure(
            "label_share",
            abs(moved),
            low=0.0 if low < 0 < high else min(abs(low), abs(high)),
            high=_clipped(max(abs(low), abs(high))),
            p_value=float(fisher_exact(table).pvalue),
            n=len(rows),
        ),
        smallest=_smallest(deviation, settings=settings, alpha=alpha / 2),
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


def _smallest(deviation: float, *, settings: DriftSettings, alpha: float) -> float:
    """The true shift that `settings.power` of such batches would show: chance and threshold exceeded."""
    from scipy.stats import norm

    bar = max(settings.threshold, float(norm.isf(alpha)) * deviation)
    return min(1.0, bar + float(norm.ppf(settings.power)) * deviation)


def _deviations(settings: DriftSettings) -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + settings.confidence) / 2))


def _clipped(value: float) -> float:
    return min(1.0, max(0.0, value))
