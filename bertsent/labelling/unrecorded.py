"""Labelled reviews of a file, as rows of the label log would be, without recording them."""

from __future__ import annotations

from bertsent.base.records.core import Progress, silent
from bertsent.data.source import Source
from bertsent.data.split_rows import read_labelled
from bertsent.labelling.decisions import Labelled


def read_unrecorded(source: Source, *, progress: Progress = silent) -> tuple[Labelled, ...]:
    """The labelled reviews of folders or tables, each text once; `progress.note` says what was left out.

    They count as typed, because nobody knows how they were picked.

    Raises:
        DataError: as `split_rows.read_labelled`.
    """
    return tuple(
        Labelled(
            text=review.text,
            label=label,
            digest=digest,
            picked_by="typed",
            score=None,
            version=None,
            time="",
            id="",
        )
        for digest, review in read_labelled(source, progress).items()
        if (label := review.label) is not None
    )
