"""One look: new labels, scored by a version and judged."""

from __future__ import annotations

from collections.abc import Sequence

from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.drift import DriftSettings
from bertsent.drift.history import Look, batch_digest
from bertsent.labelling.decisions import Labelled
from bertsent.retraining.contradicted import contradicted_labels
from bertsent.versions.manifest import REFERENCE, Version


def take_look(
    version: Version,
    fresh: Sequence[Labelled],
    *,
    number: int,
    settings: DriftSettings,
    progress: Progress = silent,
) -> tuple[Look, dict[str, float]]:
    """Compares labelled reviews with the reference of a version.

    Args:
        number: Of the look, 1, 2, ... of the same version.

    Returns:
        The look, which nobody has recorded yet, and text -> P(positive) by the version.

    Raises:
        ArtefactError: if the version cannot be used.
    """
    from bertsent.drift import reference
    from bertsent.drift.judge import judge
    from bertsent.drift.new_rows import score_rows
    from bertsent.scoring.scorer import Scorer

    trained_on = reference.read(version.file(REFERENCE))
    scorer = Scorer(version)
    rows = score_rows(
        scorer,
        {row.digest: row.text for row in fresh},
        labelled={row.digest: row for row in fresh},
        unit="reviews",
        progress=progress,
    )
    vocabulary = scorer.tokenizer.pieces(range(scorer.tokenizer.vocabulary_size))
    report = judge(trained_on, rows, settings=settings, look=number, vocabulary=vocabulary)
    digests = tuple(row.digest for row in fresh)
    look = Look(
        look=number,
        version=version.name,
        version_digest=version.classifier_digest,
        batch=batch_digest(digests),
        rows=digests,
        report=report.as_json() | {"contradicted": contradicted_labels(rows)},
    )
    return look, {label.text: row.score for label, row in zip(fresh, rows, strict=True)}
