"""Human answers, kept so that none is lost, and the data set they make."""

from bertsent.labels.decisions import (
    Agreement,
    Answer,
    Decision,
    Labelled,
    PickedBy,
    agreement,
    decide,
    labelled,
    standing,
    undo,
)
from bertsent.labels.feed import feed
from bertsent.labels.log import LabelLog

__all__ = [
    "Agreement",
    "Answer",
    "Decision",
    "LabelLog",
    "Labelled",
    "PickedBy",
    "agreement",
    "decide",
    "feed",
    "labelled",
    "standing",
    "undo",
]
