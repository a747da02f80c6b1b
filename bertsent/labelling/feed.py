"""Records labels that another program gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.reading import LABELS
from bertsent.base.text import clean, is_empty
from bertsent.data.notes import label_remedy, no_labels, survey_notes, value_list
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.labelling.decisions import Answer, PickedBy, decide
from bertsent.labelling.log import LabelLog

_NAMES: dict[int, Answer] = {0: "negative", 1: "positive"}


def feed(
    log: LabelLog,
    source: Path | Source,
    *,
    picked_by: PickedBy = "typed",
    counts: Counter[str],
    progress: Progress = silent,
) -> None:
    """Records labelled reviews, after a first pass over all of them has found nothing wrong.

    Skips a text that already has this label, so that the same input may be given again after a run that
    was cut short.

    Args:
        counts: Counts them as they come: "positive" and "negative" are recorded; "unchanged", "empty"
            (without any text) and "unlabelled" are left out.
        progress: Told how the source was read.

    Raises:
        DataError: before anything is recorded, if a row cannot be used, no row has a label, or a value of
            the label column is not understood.
        StorageError, BusyError: as `LabelLog.append`.
    """
    reviews = open_reviews(source)
    survey = reviews.survey(progress)
    if survey.rows and not survey.labels.positive + survey.labels.negative:
        raise no_labels("stdin", survey)
    if survey.labels.unknown:
        raise DataError(
            "These values are no labels, so nothing was recorded.",
            received=value_list(survey.labels.unknown),
            hint=label_remedy(survey),
        )
    for line in survey_notes(survey):
        progress.note(line)
    labels = {row.digest: row.label for row in log.labelled()}
    for review in reviews:
        text = clean(review.text)
        digest = sha256_text(text)
        if is_empty(text):
            counts["empty"] += 1
        elif review.label is None:
            counts["unlabelled"] += 1
        elif labels.get(digest) == review.label:
            counts["unchanged"] += 1
        else:
            answer = _NAMES[review.label]
            log.append(decide(text, answer, picked_by=picked_by, path=review.path))
            labels[digest] = LABELS[answer]
            counts[answer] += 1
