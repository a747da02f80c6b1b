"""What a first pass over reviews found, in words for the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bertsent.base.display import counted, listed, visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import Survey

_VALUES = 8  # values that a line names


def survey_notes(survey: Survey, *, needs_labels: bool = False) -> Iterator[str]:
    """The lines that tell how the input was read and what of it is not used.

    Args:
        needs_labels: The caller can use only rows with a label, so it also says how many have none.
    """
    yield from survey.notes
    for line in survey.passed_over:
        yield f"Not read: {line}."
    if survey.bad_rows:
        named = len(survey.first_bad_rows)
        more = f", the first {named}" if survey.bad_rows > named else ""
        yield f"Left out {counted(survey.bad_rows, 'bad row')}{more}:"
        yield from (f"  {row}" for row in survey.first_bad_rows)
    labels = survey.labels
    if labels.unknown:
        yield f"No label: {value_list(labels.unknown)}. Hint: {label_remedy(survey)}"
    if labels.neither:
        yield f"Neither positive nor negative, so without a label: {value_list(labels.neither)}."
    if needs_labels:
        yield from one_class(survey)
    if needs_labels and labels.none and labels.none < survey.rows:
        yield f"{labels.none} of {survey.rows} rows have no label and are left out."


def one_class(survey: Survey) -> Iterator[str]:
    """The line for labels of which all are the same: what is measured with them says little."""
    labels = survey.labels
    if bool(labels.positive) != bool(labels.negative):
        yield f"All labels are {'positive' if labels.positive else 'negative'}."


def no_labels(source: object, survey: Survey) -> DataError:
    """The error for reviews of which none has a label."""
    labels = survey.labels
    unlabelled = survey.rows - labels.positive - labels.negative
    received = f"{unlabelled} without a label, {survey.empty} empty"
    if labels.unknown or labels.neither:
        received = f"values {value_list({**labels.unknown, **labels.neither})}"
    hint = survey.label_hint
    if labels.unknown:
        hint = label_remedy(survey)
    elif labels.neither:
        hint = "--labels 'positive=... negative=...' must name such values"
    return DataError(
        f"{visible(str(source))} holds no labelled review with text.",
        received=received,
        hint=hint
        or "name a folder with pos and neg or a table with a column label; bertsent batch needs none",
    )


def label_remedy(survey: Survey) -> str:
    """The option that gives unknown values a meaning."""
    proposal = survey.labels.proposal
    if proposal == "positive=1 negative=-1" and "0" in survey.labels.unknown:
        return f"--labels '{proposal}'; or 'positive=1 negative=0' if -1 marks rows without a label"
    if proposal:
        return f"--labels '{proposal}', if that is what they mean"
    if survey.label_hint:
        return survey.label_hint
    if set(survey.labels.unknown) == {"-1"}:
        return "leave it so if -1 marks rows without a label; else --labels 'positive=... negative=-1'"
    return "--labels 'positive=... negative=...' says what they mean"


def value_list(values: Mapping[str, int]) -> str:
    """Values with their rows: "5 (8 rows), 1 (7 rows), 3 (1 row)"."""
    named = [f"{value or '(empty)'} ({counted(rows, 'row')})" for value, rows in values.items()]
    return listed(named, _VALUES)
