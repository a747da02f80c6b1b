"""Predicts all rows of an input, and compares the predictions with gold labels."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.english import looks_english
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import require_unused
from bertsent.base.records.core import Prediction, Progress, Review, silent
from bertsent.base.records.metrics import BatchSummary, Confusion
from bertsent.base.records.reading import Column, Survey
from bertsent.base.settings.grouping import GroupSettings
from bertsent.data.notes import survey_notes
from bertsent.data.reviews import open_reviews
from bertsent.data.source import Source
from bertsent.data.writers.layout import SENTENCES, Changes, Layout, lay_out
from bertsent.data.writers.output import Output, open_writer, require_room
from bertsent.scoring.rows import Predicts, predict_rows
from bertsent.scoring.scorer import REPORT_EVERY, Scorer

if TYPE_CHECKING:
    from bertsent.scoring.groups import Groups

Each = Callable[[Review, Prediction | None], None]


def run(
    source: Path | Source,
    *,
    scorer: Scorer,
    num_files: int | None = None,
    seed: int,
    output: Output | None = None,
    only: bool = False,
    raw_csv: bool = False,
    force: bool = False,
    cells: bool = False,
    sentences: bool = False,
    by: Sequence[str] = (),
    grouping: GroupSettings | None = None,
    surveyed: Callable[[Survey], None] = lambda survey: None,
    each: Each = lambda review, prediction: None,
    progress: Progress = silent,
) -> BatchSummary:
    """Scores all rows of an input, or a random sample of its files, in bounded memory.

    A first pass reads the whole input, so that a bad row ends the run before anything is scored.

    Args:
        source: A folder, tables or text files, as for `reviews.open_reviews`.
        scorer: The version to score with.
        num_files: Draw this many files from each class folder, or from a folder without classes.
        seed: Of the draw.
        output: For every row of the input, in order, with its columns and then ours.
        only: Write the score and the label and no other column.
        raw_csv: Write texts into CSV unchanged, even those that a spreadsheet would run as a formula.
        force: Replace the output if it exists.
        cells: Whether `each` reads the cells of the rows.
        sentences: Score each sentence too; predictions are then `SentencePrediction`s.
        by: Columns, or units of time and columns, to count the scores by, as `group_keys.parse_keys`.
        grouping: How to count them; None: the summary has no overview.
        surveyed: Called with what the first pass says, before anything is scored.
        each: Called with every row, in order, and its prediction; with None if it has no text.
        progress: Receives the number of rows done, and notes about the input.

    Raises:
        UsageError: if the output exists, is the input, or its format has no room for the rows; or if `by`
            names no column, or asks one without dates for a unit of time.
        DataError: if a row cannot be used, or no row has text.
        StorageError: if the output cannot be written.
    """
    source = Source.of(source)
    if output is not None and output.stream is None:
        _check_output(output.path, source, force=force)
    wants_cells = cells or bool(by) or (output is not None and not only)
    reviews = open_reviews(source, cells=wants_cells, num_files=num_files, seed=seed)
    survey = reviews.survey(progress)
    for line in survey_notes(survey):
        progress.note(line)
    if survey.rows == survey.empty:
        received = f"{survey.empty} empty" if survey.empty else "no rows"
        raise DataError(f"{visible(str(source))} holds no review with text.", received=received)
    layout = lay_out(
        survey.columns,
        text_column=survey.text_column,
        only=only,
        sentences=_sentence_columns(output) if sentences else (),
    )
    groups = _groups(by, grouping, survey, reviews, scorer.threshold)
    if output is not None:
        require_room(output, layout, survey.rows)
        _note_renamed(layout, progress)
    surveyed(survey)
    counts, changes = _Counts(scorer.threshold), Changes()
    with contextlib.ExitStack() as stack:
        write = None
        if output is not None:
            write = stack.enter_context(open_writer(output, layout, changes=changes, raw_csv=raw_csv))
        start = time.monotonic()  # pyarrow is loaded by now
        progress.start("Scoring", survey.rows, "reviews")
        predicts = _with_sentences(scorer) if sentences else scorer
        for n, (review, prediction) in enumerate(predict_rows(reviews, scorer=predicts), start=1):
            counts.add(prediction)
            if groups is not None:
                groups.add(review, prediction)
            if write is not None:
                write(layout.row(review, prediction))
            each(review, prediction)
            if n % REPORT_EVERY == 0:
                progress.advance(n)
        progress.finish()
    return BatchSummary(
        version=scorer.version,
        reviews=counts.labels.total(),
        empty=counts.empty,
        confusion=Confusion(*counts.confusion),
        positive=counts.labels["positive"],
        unsure=counts.labels["unsure"],
        truncated=counts.truncated,
        seconds=time.monotonic() - start,
        output=str(output.path) if output else "",
        not_english=counts.not_english,
        bad_rows=survey.bad_rows,
        renamed=layout.renamed if output else {},
        guarded=changes.guarded,
        cut=changes.cut,
        overview=None if groups is None else groups.result(),
    )


def _sentence_columns(output: Output | None) -> tuple[Column, ...]:
    """The columns of sentences: all of them in JSON, where a row can hold a list."""
    nests = output is not None and output.format in {"json", "jsonl"}
    return SENTENCES if nests else SENTENCES[:-1]


def _with_sentences(scorer: Scorer) -> Predicts:
    from bertsent.scoring.sentences import SentenceScorer

    return SentenceScorer(scorer)


def _groups(
    by: Sequence[str],
    settings: GroupSettings | None,
    survey: Survey,
    reviews: Iterable[Review],
    threshold: float,
) -> Groups | None:
    """What counts the scores by group; None without settings."""
    if settings is None:
        return None
    from bertsent.scoring.group_keys import check_dates, parse_keys
    from bertsent.scoring.groups import Groups

    keys = parse_keys(by, survey.columns)
    check_dates(keys, reviews, survey.columns, settings)
    return Groups(keys, threshold=threshold, settings=settings)


@dataclass(slots=True)
class _Counts:
    threshold: float
    labels: Counter[str] = field(default_factory=Counter)
    confusion: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    empty: int = 0
    truncated: int = 0
    not_english: int = 0

    def add(self, prediction: Prediction | None) -> None:
        if prediction is None:
            self.empty += 1
            return
        self.labels[prediction.label] += 1
        self.truncated += prediction.truncated
        self.not_english += not looks_english(prediction.text)
        if prediction.gold is not None:
            self.confusion[2 * prediction.gold + (prediction.score >= self.threshold)] += 1


def _note_renamed(layout: Layout, progress: Progress) -> None:
    if layout.renamed:
        names = ", ".join(f"{name} as {new}" for name, new in layout.renamed.items())
        progress.note(f"Columns of the input keep their names; ours get others: {names}.")


def _check_output(output: Path, source: Source, *, force: bool) -> None:
    if output.exists() and any(path.exists() and output.samefile(path) for path in source.paths):
        raise UsageError("The output would replace the input.", received=visible(str(output)))
    require_unused(output, force=force)
