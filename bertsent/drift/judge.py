"""New labelled reviews against the reference of a version -> a verdict with its reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.drift import diagnostics, measures, verdict
from bertsent.drift.features import distinct, plain
from bertsent.drift.measures import Taken
from bertsent.drift.records import NAN, DriftReport, Measure, MeasureName, NewRow
from bertsent.drift.reference import Reference
from bertsent.drift.reference_mix import blend

_SEED = TrainSettings().seed
_NAMES: tuple[MeasureName, ...] = ("text", "error", "label_share")


def judge(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    look: int = 1,
    seed: int = _SEED,
    vocabulary: Sequence[str] = (),
) -> DriftReport:
    """Says whether the new reviews drifted from what the version was made with.

    The three measures stay apart; the headline is the largest. Nothing depends on the order of `rows`. Copies
    and rows that were trained on count as one row or none.

    Args:
        reference: Of the version under test.
        rows: The new rows, scored by that version.
        settings: The threshold and what a verdict asks for.
        look: 1, 2, ... since the version became current; later ones ask for more certainty.
        seed: Of the draws of the text measure.
        vocabulary: The version's word pieces by id, so that the forms of quotes count as one and moved words
            can be shown whole.
    """
    reference, rows = plain(reference, rows, vocabulary)
    fresh = distinct(rows, reference)
    reference, newest_share = blend(reference, fresh, settings=settings, seed=seed)
    alpha = verdict.significance(look, settings)
    taken = _take(reference, fresh, settings=settings, alpha=alpha, seed=seed)
    corrected = verdict.correct([each.measure for each in taken.values()])
    found, fired, reason = verdict.decide(corrected, rows=len(fresh), alpha=alpha, settings=settings)
    judged = [measure.value for measure in corrected if not math.isnan(measure.value)]
    return DriftReport(
        verdict=found,
        headline=max(judged, default=NAN),
        threshold=settings.threshold,
        alpha=alpha,
        look=look,
        measures=corrected,
        fired=fired,
        smallest_visible={name: each.smallest for name, each in taken.items()},
        new_rows=len(fresh),
        reference_rows=reference.rows,
        newest_share=newest_share,
        diagnostics=diagnostics.diagnose(
            reference,
            fresh,
            duplicates=len(rows) - len(fresh),
            compared=taken["text"].compared,
            vocabulary=vocabulary,
            settings=settings,
        ),
        reason=reason,
        foreign=taken["text"].foreign,
    )


def _take(
    reference: Reference, rows: Sequence[NewRow], *, settings: DriftSettings, alpha: float, seed: int
) -> dict[MeasureName, Taken]:
    """The three measures, each held against what Holm's correction leaves of alpha for the strictest."""
    if why := _nothing_to_judge(reference, rows, settings):
        return {name: Taken(Measure(name, NAN, why=why)) for name in _NAMES}
    strictest = alpha / len(_NAMES)
    unbiased = [row for row in rows if row.picked_by in measures.UNBIASED]
    return {
        "text": measures.take_text(reference, unbiased, settings=settings, alpha=strictest, seed=seed),
        "error": measures.take_error(reference, unbiased, settings=settings, alpha=strictest),
        "label_share": measures.take_label_share(reference, unbiased, settings=settings, alpha=strictest),
    }


def _nothing_to_judge(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> str:
    if len(rows) < settings.least_rows:
        return f"{settings.least_rows} different new reviews are needed, there are {len(rows)}"
    if len({row.label for row in rows}) < 2:
        return "the new reviews have one label only"
    if not reference.rows:
        return "the reference is empty"
    return ""
