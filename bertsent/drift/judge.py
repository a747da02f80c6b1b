"""Judges new reviews, with labels or without, against the reference of a version: a verdict with reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.training import TrainSettings
from bertsent.drift import diagnostics, measures, texts_only, verdict
from bertsent.drift.features import distinct, normalise_typography
from bertsent.drift.measures import Measured
from bertsent.drift.records import NAN, DriftReport, EstimatedAccuracy, Measure, MeasureName, NewRow
from bertsent.drift.reference import Reference
from bertsent.drift.reference_mix import mix_reference

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
    without_labels: bool = False,
) -> DriftReport:
    """Says whether the new reviews drifted from what the version was made with.

    The three measures are not combined; the headline is the largest. The order of `rows` changes nothing.
    Copies count as one row; rows that were trained on do not count.

    Args:
        reference: The reference of the version under test.
        rows: The new rows, scored by that version.
        settings: The threshold and what a verdict requires.
        look: 1, 2, ... since the version became current; each later one has a smaller alpha.
        seed: For the random draws of the text measure.
        vocabulary: The version's word pieces by id. With it all forms of quotes count as one, full stops are
            not compared, and words that moved are reported whole.
        without_labels: The rows have predicted labels. The measures of `texts_only` judge them.
    """
    reference, rows = normalise_typography(reference, rows, vocabulary)
    fresh = distinct(rows, reference)
    reference, recent_share = mix_reference(reference, fresh, settings=settings, seed=seed)
    alpha = verdict.significance(look, settings)
    measure = _measure_texts if without_labels else _measure
    measured, estimated = measure(
        reference, fresh, settings=settings, alpha=alpha, seed=seed, vocabulary=vocabulary
    )
    corrected = verdict.correct([result.measure for result in measured.values()])
    decision, fired, reason = verdict.decide(corrected, rows=len(fresh), alpha=alpha, settings=settings)
    values = [measure.value for measure in corrected if not math.isnan(measure.value)]
    return DriftReport(
        verdict=decision,
        headline=max(values, default=NAN),
        threshold=settings.threshold,
        alpha=alpha,
        look=look,
        measures=corrected,
        fired=fired,
        minimum_detectable_effect={name: its.minimum_detectable_effect for name, its in measured.items()},
        new_rows=len(fresh),
        reference_rows=reference.rows,
        recent_share=recent_share,
        diagnostics=diagnostics.diagnose(
            reference,
            fresh,
            duplicates=len(rows) - len(fresh),
            matched=measured["text"].matched,
            vocabulary=vocabulary,
            settings=settings,
        ),
        reason=reason,
        foreign=measured["text"].foreign,
        without_labels=without_labels,
        foreign_rows=_foreign_rows(measured["text"].measure, len(fresh)) if without_labels else None,
        estimated_accuracy=estimated,
    )


def _foreign_rows(text: Measure, rows: int) -> int | None:
    """About how many rows look foreign: the measure `text` is about their share. None: it was not judged."""
    return None if math.isnan(text.value) else round(text.value * rows)


def _measure(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    alpha: float,
    seed: int,
    vocabulary: Sequence[str],
) -> tuple[dict[MeasureName, Measured], None]:
    """The three measures, with minimum detectable effects at the smallest alpha of Holm's correction."""
    if why := _nothing_to_judge(reference, rows, settings):
        return _unjudged(_NAMES, why), None
    alpha /= len(_NAMES)
    unbiased = [row for row in rows if row.picked_by in measures.UNBIASED]
    return {
        "text": measures.measure_text(
            reference, unbiased, settings=settings, alpha=alpha, seed=seed, vocabulary=vocabulary
        ),
        "error": measures.measure_error(reference, unbiased, settings=settings, alpha=alpha),
        "label_share": measures.measure_label_share(reference, unbiased, settings=settings, alpha=alpha),
    }, None


def _measure_texts(
    reference: Reference,
    rows: Sequence[NewRow],
    *,
    settings: DriftSettings,
    alpha: float,
    seed: int,
    vocabulary: Sequence[str],
) -> tuple[dict[MeasureName, Measured], EstimatedAccuracy | None]:
    """The three measures of texts without labels, likewise, and the accuracy that the scores say."""
    if why := _nothing_to_judge(reference, rows, settings):
        return _unjudged(texts_only.NAMES, why), None
    return texts_only.measure_texts(
        reference,
        rows,
        settings=settings,
        alpha=alpha / len(texts_only.NAMES),
        seed=seed,
        vocabulary=vocabulary,
    )


def _unjudged(names: Sequence[MeasureName], why: str) -> dict[MeasureName, Measured]:
    return {name: Measured(Measure(name, NAN, why=why)) for name in names}


def _nothing_to_judge(reference: Reference, rows: Sequence[NewRow], settings: DriftSettings) -> str:
    if len(rows) < settings.least_rows:
        return f"{settings.least_rows} different new reviews are needed, there are {len(rows)}"
    if not reference.rows:
        return "the reference is empty"
    return ""
