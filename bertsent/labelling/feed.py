"""Records labels that another program gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.settings.reading import LABELS
from bertsent.base.text import clean, is_empty
from bertsent.labelling.decisions import Answer, PickedBy, decide
from bertsent.labelling.log import LabelLog

_NAMES: dict[int, Answer] = {0: "negative", 1: "positive"}


def feed(
    log: LabelLog,
    reviews: Iterable[Review],
    *,
    picked_by: PickedBy = "typed",
    counts: Counter[str],
) -> None:
    """Records labelled reviews one by one as they come.

    Skips a text that already has this label, so that the same input may be given again after a run that
    was cut short.

    Args:
        counts: Counts them as they come: "positive" and "negative" are recorded; "unchanged" and "empty"
            (without any text) are left out.

    Raises:
        DataError, StorageError, BusyError: as `LabelLog.append`, and whatever `reviews` raises.
    """
    labels = {row.digest: row.label for row in log.labelled()}
    for review in reviews:
        text = clean(review.text)
        digest = sha256_text(text)
        if is_empty(text):
            counts["empty"] += 1
        elif labels.get(digest) == review.label:
            counts["unchanged"] += 1
        elif review.label is not None:
            answer = _NAMES[review.label]
            log.append(decide(text, answer, picked_by=picked_by, path=review.path))
            labels[digest] = LABELS[answer]
            counts[answer] += 1
