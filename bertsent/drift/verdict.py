"""Turns the three measures into a verdict: drift, stable or cannot tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.records import Measure, MeasureName, Verdict

_MEANINGS: dict[MeasureName, str] = {
    "text": "the words of the new reviews differ",
    "error": "the model is wrong more often than it was on held-out reviews",
    "label_share": "the share of positive reviews moved",
    "scores": "the model's scores moved",
    "estimated_error": "the model is less sure, so it is probably wrong more often than on held-out reviews",
}
TITLES: dict[MeasureName, str] = {
    "text": "text",
    "error": "error",
    "label_share": "label share",
    "scores": "scores",
    "estimated_error": "estimated error",
}


def significance(look: int, settings: DriftSettings) -> float:
    """The alpha of a look: its part of the alpha that all looks share, at most `alpha_of_a_look`.

    Look t gets alpha * 6 / (pi t)^2. These parts add up to alpha. So by the union bound (Bonferroni) the
    probability of a false alarm for a version stays below `settings.alpha`, however many looks there are and
    however much their batches overlap.

    Args:
        look: 1, 2, ... since the version became current.
    """
    return min(settings.alpha_of_a_look, settings.alpha * 6 / (math.pi * look) ** 2)


def correct(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with p-values corrected for the number of measures judged (Holm 1979)."""
    judged = [measure for measure in measures if not math.isnan(measure.value)]
    judged.sort(key=lambda measure: measure.p_value)
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, measure in enumerate(judged):
        largest = max(largest, min(1.0, (len(judged) - rank) * measure.p_value))
        adjusted[measure.name] = largest
    return tuple(replace(one, adjusted=adjusted.get(one.name, one.adjusted)) for one in measures)


def decide(
    measures: Sequence[Measure], *, rows: int, alpha: float, settings: DriftSettings
) -> tuple[Verdict, tuple[str, ...], str]:
    """The verdict, the measures that fired, and the reason in a sentence.

    Drift: a measure exceeds the threshold, and its corrected p-value is at most alpha. Stable: all three were
    judged and lie below the threshold, and so do their intervals, unless there are many rows. Otherwise more
    rows are needed.

    Args:
        measures: The three measures, corrected.
        rows: New rows that were compared.
        alpha: The significance level of this look.
        settings: The threshold, and how many rows are many.
    """
    threshold = f"the threshold of {settings.threshold:g}"
    above = [measure for measure in measures if measure.value > settings.threshold]
    fired = [measure for measure in above if measure.adjusted <= alpha]
    if fired:
        reasons = "; ".join(f"{_MEANINGS[measure.name]} ({measure.value:.2f})" for measure in fired)
        return "drift", tuple(measure.name for measure in fired), _sentence(reasons)
    missing = [measure for measure in measures if math.isnan(measure.value)]
    if missing:
        return "cannot_tell", (), _unjudged(missing)
    if above:
        names = " and ".join(f"{TITLES[measure.name]} ({measure.value:.2f})" for measure in above)
        return "cannot_tell", (), f"Above {threshold}, but perhaps by chance: {names}."
    if all(measure.high < settings.threshold for measure in measures):
        return "stable", (), f"All three measures and their intervals lie below {threshold}."
    if rows >= settings.many_rows:
        return "stable", (), f"All three measures lie below {threshold}."
    few = (
        f"All three measures lie below {threshold}, but {rows} new reviews are too few to rule out drift; "
        f"{settings.many_rows} are enough."
    )
    return "cannot_tell", (), few


def _unjudged(missing: Sequence[Measure]) -> str:
    """Why some measures were not judged, each reason once."""
    names: dict[str, list[str]] = {}
    for measure in missing:
        names.setdefault(measure.why, []).append(TITLES[measure.name])
    return _sentence("; ".join(f"{' and '.join(of)} not judged: {why}" for why, of in names.items()))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
