"""Runs a check: reads everything, compares, scores a sample, and puts the result into findings."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.checking import Check, WrongLabels
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.reading import Survey
from bertsent.base.settings.checking import CheckSettings
from bertsent.data.layout import Layout, layout_of
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.labelling.checking import findings, text_findings, wrong_labels
from bertsent.labelling.checking.copies import CopiesInData, find_copies
from bertsent.labelling.checking.facts import Facts, Window
from bertsent.labelling.checking.rows import Rows, example
from bertsent.labelling.log import LabelLog
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version
from bertsent.versions.trained_texts import trained_texts

_SETTINGS = CheckSettings()
_NO_TEXT = (findings.row_findings,)
_ALL = (
    findings.row_findings,
    findings.label_findings,
    text_findings.text_findings,
    text_findings.copy_findings,
    text_findings.encoding_findings,
    findings.wrong_label_findings,
)


def check(
    source: Path | Source,
    *,
    version: Version | None = None,
    scorer: Scorer | None = None,
    labels: Path | None = None,
    num_files: int | None = None,
    every: bool = False,
    progress: Progress = silent,
    settings: CheckSettings = _SETTINGS,
) -> Check:
    """Looks for what is wrong with reviews before they are used.

    All rows are read, up to three times. Near copies and wrong labels cost more, so they are looked for in
    50,000 texts and in 2,000 labels by default. Memory grows by 18 bytes a row.

    Args:
        source: Folders and tables, as for `reviews.open_reviews`; also a data set with train and test.
        version: What to compare with: its window, and the texts it was trained on.
        scorer: That version, ready to score; None: no text is scored.
        labels: The folder of the label log, to compare with.
        num_files: Draw this many files from each class folder.
        every: Score all labelled rows (up to `settings.sample_characters` of text), not a sample.
        progress: Receives the work in progress.

    Raises:
        DataError: if there is nothing to read, or no column is obviously the text.
        UsageError: as `reviews.open_reviews`.
        ArtefactError: if the version is damaged.
    """
    start = time.monotonic()
    source = Source.of(source)
    layout = layout_of(source)
    parts = _parts(source, layout)
    opened = _open(parts, num_files, settings)
    surveys = {name: reviews.survey(progress) for name, reviews in opened.items()}
    rows = Rows(settings, every=every)
    progress.start("Looking at the texts", sum(survey.rows for survey in surveys.values()), "rows")
    for name, reviews in opened.items():
        columns = [column.name for column in surveys[name].columns]
        text = surveys[name].text_column
        column = columns.index(text) if text in columns else None
        rows.read(reviews, part=name, column=column, progress=progress)
    progress.finish()
    labelled = LabelLog(labels).labelled() if labels is not None and _is_other(labels, source) else []
    copies = find_copies(rows, labelled, examples=settings.examples)
    trained = np.empty(0, np.uint64) if version is None else trained_texts(version)
    texts = np.asarray(rows.texts, np.uint64)
    facts = Facts(
        source=source,
        pool=replace(source, paths=next(iter(parts.values())).paths[:1]),
        settings=settings,
        surveys=surveys,
        rows=rows,
        copies=copies,
        fetched=_fetched(opened, copies),
        window=_window(rows, scorer),
        trained=int(np.isin(texts, trained).sum()),
        version="" if scorer is None else scorer.version,
        refusal=_refusal(parts, surveys),
        wrong_labels=_judge(rows, scorer, trained, every=every, settings=settings, progress=progress),
    )
    return _result(layout, facts, time.monotonic() - start)


def _result(layout: Layout, facts: Facts, seconds: float) -> Check:
    rows = facts.rows
    return Check(
        source=str(facts.source),
        rows=rows.count,
        empty=rows.empty,
        labels={**facts.labels, "unknown": facts.unknown.total()},
        parts={name: count for name, count in rows.parts.items() if name},
        reading=tuple(_reading(layout, facts.surveys)),
        findings=tuple(chain.from_iterable(make(facts) for make in (_ALL if facts.with_text else _NO_TEXT))),
        lengths=rows.lengths(),
        version=facts.version,
        wrong_labels=facts.wrong_labels,
        seconds=seconds,
    )


def _reading(layout: Layout, surveys: Mapping[str, Survey]) -> Iterator[str]:
    """How the input was read, and what was not."""
    if layout.passed_over:
        yield f"Not read: {', '.join(layout.passed_over)}."
    for survey in surveys.values():
        yield from survey.notes
        yield from (f"Not read: {line}." for line in survey.passed_over)


def _open(parts: Mapping[str, Source], num_files: int | None, settings: CheckSettings) -> dict[str, Reviews]:
    """Each part, opened. Rows that cannot be read are counted, not refused."""
    return {
        name: open_reviews(
            replace(part, settings=replace(part.settings, on_bad_row="skip")),
            cells=True,
            num_files=num_files,
            seed=settings.seed,
        )
        for name, part in parts.items()
    }


def _refusal(parts: Mapping[str, Source], surveys: Mapping[str, Survey]) -> str:
    """The hint of the error with which other commands end at a bad row; "" if they do not."""
    refusing = (surveys[name] for name, part in parts.items() if part.settings.on_bad_row == "refuse")
    return next((survey.bad_row_hint for survey in refusing if survey.bad_rows), "")


def _parts(source: Source, layout: Layout) -> dict[str, Source]:
    """train, validation and test -> their paths, train first; "" for data that is not divided."""
    paths: dict[str, list[Path]] = {}
    for role, part in layout.items():
        paths.setdefault(role, []).extend(part.paths)
    if not layout.is_divided and len(paths) == 1:
        return {"": source}
    return {role: replace(source, paths=tuple(some)) for role, some in paths.items()}


def _is_other(labels: Path, source: Source) -> bool:
    """Whether the labels are not themselves what is checked."""
    own = labels.resolve()
    return all(own not in (path.resolve(), *path.resolve().parents) for path in source.paths)


def _fetched(opened: Mapping[str, Reviews], copies: CopiesInData) -> dict[int, Review]:
    """The rows that examples of copies name, read again: their texts were not kept."""
    kinds = (
        copies.repeated,
        copies.near,
        copies.contradicted,
        copies.near_contradicted,
        copies.leaked,
        copies.near_leaked,
    )
    wanted = {row for kind in kinds for pair in kind.examples for row in pair}
    wanted.update(copies.labelled.examples)
    if not wanted:
        return {}
    with_text = (review for reviews in opened.values() for review in reviews if review.text)
    fetched: dict[int, Review] = {}
    for row, review in enumerate(with_text):
        if row in wanted:
            fetched[row] = review
            if len(fetched) == len(wanted):
                break
    return fetched


def _window(rows: Rows, scorer: Scorer | None) -> Window | None:
    """How many of the texts drawn are longer than what the version reads."""
    if scorer is None:
        return None
    reviews = rows.any.reviews()
    if not reviews:
        return None
    encoded = scorer.word_pieces([review.text for review in reviews])
    longer = [
        replace(example(review), detail=f"{len(ids)} word pieces")
        for review, ids in zip(reviews, encoded, strict=True)
        if len(ids) > scorer.pieces
    ]
    return Window(len(reviews), len(longer), scorer.pieces + 2, tuple(longer[: rows.settings.examples]))


def _judge(
    rows: Rows,
    scorer: Scorer | None,
    trained: NDArray[np.uint64],
    *,
    every: bool,
    settings: CheckSettings,
    progress: Progress,
) -> WrongLabels | None:
    if scorer is None:
        return None
    return wrong_labels.judge(
        rows.labelled.reviews(),
        scorer=scorer,
        trained=trained,
        every=every,
        settings=settings,
        progress=progress,
    )
