"""Three measures -> drift, stable, or cannot tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.records import Measure, MeasureName, Verdict

_SAID: dict[MeasureName, str] = {
    "text": "the words of the new reviews differ",
    "error": "the model is wrong more often than it was on held-out reviews",
    "label_share": "the share of positive reviews moved",
}
TITLES: dict[MeasureName, str] = {"text": "text", "error": "error", "label_share": "label share"}


def significance(look: int, settings: DriftSettings) -> float:
    """The alpha of a look: its part of what all looks share, and never more than one look may spend.

    The parts 6 / (pi t)^2 add up to 1, so however often somebody looks, and however much the batches overlap,
    the chance of a false alarm at a version stays below `settings.alpha`.

    Args:
        look: 1, 2, ... since the version became current.
    """
    return min(settings.alpha_of_a_look, settings.alpha * 6 / (math.pi * look) ** 2)


def correct(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with p-values that allow for their number, among those judged (Holm 1979)."""
    judged = sorted(
        (measure for measure in measures if not math.isnan(measure.value)), key=lambda each: each.p_value
    )
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, measure in enumerate(judged):
        largest = max(largest, min(1.0, (len(judged) - place) * measure.p_value))
        adjusted[measure.name] = largest
    return tuple(
        replace(measure, adjusted=adjusted[measure.name]) if measure.name in adjusted else measure
        for measure in measures
    )


def decide(
    measures: Sequence[Measure], *, rows: int, alpha: float, settings: DriftSettings
) -> tuple[Verdict, tuple[str, ...], str]:
    """The verdict, the measures that fired, and the reason in a sentence.

    Drift: a measure lies above the threshold, and chance is ruled out. Stable: all three were judged, and
    their intervals end below the threshold, or the measures lie below it and the rows are many. Else more
    rows are needed.

    Args:
        measures: Text, error and label share, corrected.
        rows: New rows that were compared.
        alpha: Of this look.
        settings: The threshold, and how many rows are many.
    """
    threshold = settings.threshold
    fired = [each for each in measures if each.value > threshold and each.adjusted <= alpha]
    if fired:
        said = "; ".join(f"{_SAID[each.name]} ({each.value:.2f})" for each in fired)
        return "drift", tuple(each.name for each in fired), f"{said[0].upper()}{said[1:]}."
    missing = [each for each in measures if math.isnan(each.value)]
    if missing:
        return "cannot_tell", (), _unjudged(missing)
    above = [each for each in measures if each.value > threshold]
    if above:
        names = " and ".join(f"{TITLES[each.name]} ({each.value:.2f})" for each in above)
        return "cannot_tell", (), f"Above the threshold of {threshold:g}, but perhaps by chance: {names}."
    if all(each.high < threshold for each in measures):
        return (
            "stable",
            (),
            f"All three measures and their intervals lie below the threshold of {threshold:g}.",
        )
    if rows >= settings.many_rows:
        return "stable", (), f"All three measures lie below the threshold of {threshold:g}."
    few = (
        f"All three measures lie below the threshold of {threshold:g}, but {rows} new reviews are too few to "
        f"rule out more; {settings.many_rows} are enough."
    )
    return "cannot_tell", (), few


def _unjudged(missing: Sequence[Measure]) -> str:
    """Why some measures were not judged, each reason once."""
    reasons: dict[str, list[str]] = {}
    for measure in missing:
        reasons.setdefault(measure.why, []).append(TITLES[measure.name])
    said = "; ".join(f"{' and '.join(names)} not judged: {why}" for why, names in reasons.items())
    return f"{said[0].upper()}{said[1:]}."
