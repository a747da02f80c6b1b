"""Records labels that another program gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.records.core import Progress, silent
from bertsent.base.records.reading import LabelCounts
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.text import clean, is_empty
from bertsent.data.notes import no_labels, survey_notes, value_list
from bertsent.data.reviews import open_reviews
from bertsent.data.source import STDIN, Source
from bertsent.labelling.decisions import Check, Decision, PickedBy, decide, unchecked
from bertsent.labelling.log import LabelLog


def feed(
    log: LabelLog,
    source: Path | Source,
    *,
    picked_by: PickedBy = "typed",
    counts: Counter[str],
    check: Check = unchecked,
    progress: Progress = silent,
) -> None:
    """Records labelled reviews, after a first pass over all of them has found nothing wrong.

    All of them are recorded at once, or none. The last label of a text counts. A text that has this label
    already is left out, so that the same input may be given again.

    Args:
        counts: Counts them as they come: "positive" and "negative" are recorded; "unchanged", "empty"
            (without any text) and "unlabelled" are left out.
        check: Called with the decisions before they are recorded.
        progress: Told how the source was read.

    Raises:
        DataError: before anything is recorded, if a row cannot be used, no row has a label, or a value of
            the label column is not understood.
        StorageError, BusyError: as `LabelLog.extend`.
    """
    reviews = open_reviews(source)
    survey = reviews.survey(progress)
    if survey.rows and not survey.labels.positive + survey.labels.negative:
        raise no_labels(STDIN, survey)
    require_labels(survey.labels, STDIN)
    for line in survey_notes(survey):
        progress.note(line)
    labels = {row.digest: row.label for row in log.labelled()}
    decisions: list[Decision] = []
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
            answer = LABEL_NAMES[review.label]
            decisions.append(decide(text, answer, picked_by=picked_by, path=review.path))
            labels[digest] = review.label
            counts[answer] += 1
    check(decisions)
    log.extend(decisions)


def require_labels(labels: LabelCounts, where: str) -> None:
    """Checks that every value of a label is understood, before anything is recorded.

    Raises:
        DataError: if a value is neither a label nor one for no label; names the values with their rows.
    """
    if labels.unknown:
        proposal = labels.proposal or "positive=VALUE,... negative=VALUE,..."
        raise DataError(
            f"{where} has values that are no labels, so nothing was recorded.",
            received=value_list(labels.unknown),
            hint=f"--labels '{proposal}' says what they mean; rows with other values are then left out",
        )
