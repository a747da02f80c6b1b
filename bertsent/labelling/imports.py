"""Takes the answers of other programs into the label log: `label --import`.

Everything is read and understood before anything is recorded. One text gets one decision, however many people
answered: the label that most of them gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.records.core import Progress, silent
from bertsent.base.settings.labelling import ImportSettings, Tool
from bertsent.base.settings.reading import LABEL_NAMES, NEGATIVE, POSITIVE
from bertsent.base.text import clean, is_empty
from bertsent.data import columns
from bertsent.data.labels import LabelReader, count_word, parse_label_map
from bertsent.data.source import PIPE, STDIN, Source
from bertsent.labelling.annotation_tools import SKIP, Annotation
from bertsent.labelling.annotations import BadRow, TableLabels, read_tool, tool_at
from bertsent.labelling.decisions import Answer, Check, Decision, PickedBy, decide, unchecked
from bertsent.labelling.feed import require_labels
from bertsent.labelling.log import LabelLog

_IMPORT = ImportSettings()
_ADVANCE = 1000  # rows between two reports of progress


@dataclass(frozen=True, slots=True)
class Conflict:
    """A text with different labels."""

    text: str  # clean
    where: str  # of its first answer in the input
    positive: int  # answers in the input
    negative: int
    earlier: int | None  # the label that the log had, if that differs
    outcome: int | None  # the label that the text has now, 0 or 1; None: left out, as a tie


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. Rows are answers: a text that three people answered has three."""

    tools: tuple[Tool, ...]  # whose files these were
    rows: int
    positive: int = 0  # texts recorded as positive
    negative: int = 0
    skipped: int = 0  # texts recorded as skipped
    unchanged: int = 0  # texts whose label, or skip, the log had already
    replaced: int = 0  # of the recorded texts: they had another label before
    rejected: int = 0  # rows that say that a label is not right, which counts as the other one
    empty: int = 0  # rows without any text
    unlabelled: Mapping[str, int] = field(default_factory=dict)  # rows without a label, by their value
    both: int = 0  # rows with both labels at once
    other_questions: Mapping[str, int] = field(default_factory=dict)  # rows that answer other questions
    bad_rows: int = 0
    first_bad_rows: tuple[str, ...] = ()
    conflicts: int = 0  # texts with different labels in the input, or another one in the log
    tied: int = 0  # of them: as many answers for the one as for the other, so left out
    kept: int = 0  # of them: the label in the log stays
    first_conflicts: tuple[Conflict, ...] = ()
    annotators: Mapping[str, int] = field(default_factory=dict)  # who answered -> rows; none if not said
    notes: tuple[str, ...] = ()  # how the input was read, in words


@dataclass(slots=True)
class _Text:
    """The answers about one text."""

    text: str
    first: Annotation
    people: dict[int, list[str]] = field(default_factory=lambda: {NEGATIVE: [], POSITIVE: []})
    skippers: list[str] = field(default_factory=list)

    @property
    def label(self) -> int | None:
        """The label that most gave; None for a tie."""
        positive, negative = len(self.people[POSITIVE]), len(self.people[NEGATIVE])
        return None if positive == negative else POSITIVE if positive > negative else NEGATIVE


@dataclass(slots=True)
class _Input:
    """What was read."""

    tools: list[Tool] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    other_questions: Counter[str] = field(default_factory=Counter)
    annotators: Counter[str] = field(default_factory=Counter)
    bad_rows: int = 0
    first_bad_rows: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_labels(
    log: LabelLog,
    source: Source,
    *,
    tool: Tool | None = None,
    replace_labels: bool = False,
    picked_by: PickedBy | None = None,
    check: Check = unchecked,
    settings: ImportSettings = _IMPORT,
    progress: Progress = silent,
) -> Imported:
    """Records the answers in one or more files; a second import of the same adds nothing.

    In the input the label counts that most people gave; a tie is left out. A text that has a label in the log
    keeps it, unless `replace_labels`. A reject counts as the other label. A skip is recorded as a skip, if
    nobody labelled the text.

    Args:
        log: Where to record.
        source: The files, and how to read them: `label` of its settings names the question, `labels` says
            what the values mean.
        tool: Whose files they are; None: told by their content.
        replace_labels: The input's labels count, not those of the log.
        picked_by: How the texts were picked; None: as the file says, else "typed".
        check: Called with the decisions before they are recorded.

    Raises:
        DataError: if a file or, with `on_bad_row` "refuse", a row cannot be read, or a value is no label.
            Nothing is recorded then.
        StorageError, BusyError: as `LabelLog.extend`.
    """
    progress.start("Reading labels", None, "rows")
    given = _read(source, tool, settings, progress)
    progress.finish()
    _choose_question(given, source)
    texts = _by_text(given, source)
    decisions, outcome = _decide(texts, log, picked_by, replace_labels=replace_labels, named=settings.named)
    check(decisions)
    log.extend(decisions)
    return replace(
        outcome,
        tools=tuple(dict.fromkeys(given.tools)),
        rows=len(given.annotations),
        rejected=given.counts["rejected"],
        empty=given.counts["empty"],
        both=given.counts["both"],
        unlabelled=dict(given.unlabelled.most_common()),
        other_questions=dict(given.other_questions),
        bad_rows=given.bad_rows,
        first_bad_rows=tuple(given.first_bad_rows),
        annotators=dict(given.annotators.most_common()),
        notes=tuple(given.notes),
    )


def _read(source: Source, tool: Tool | None, settings: ImportSettings, progress: Progress) -> _Input:
    """Reads all files."""
    given = _Input()
    for path in source.paths:
        piped = source.piped if str(path) == PIPE else None
        file, name = (path, str(path)) if piped is None else (piped, STDIN)
        which = tool or tool_at(file, source.settings, settings)
        given.tools.append(which)
        rows: Iterable[Annotation | BadRow]
        if which == "table":
            table = TableLabels(replace(source, paths=(path,)))
            require_labels(table.unknown, visible(name))
            survey = table.survey
            if survey.label_column is None and not (survey.labels.positive or survey.labels.negative):
                raise DataError(
                    f"{visible(name)} has no column that is obviously the label.",
                    hint=survey.label_hint or "--label COLUMN names it",
                )
            given.bad_rows += survey.bad_rows
            given.first_bad_rows += survey.first_bad_rows
            given.notes += [*survey.notes, *survey.passed_over]
            rows = table
        else:
            rows = read_tool(file, which, source.settings, settings, name=name)
        for row in _good_rows(rows, given, source, settings):
            given.annotations.append(row)
            if len(given.annotations) % _ADVANCE == 0:
                progress.advance(len(given.annotations))
    return given


def _good_rows(
    rows: Iterable[Annotation | BadRow], given: _Input, source: Source, settings: ImportSettings
) -> Iterator[Annotation]:
    for row in rows:
        if isinstance(row, Annotation):
            yield row
            continue
        if source.settings.on_bad_row == "refuse":
            row.error.hint = row.error.hint or "--on-bad-row skip leaves it out"
            raise row.error
        given.bad_rows += 1
        if len(given.first_bad_rows) < settings.named:
            given.first_bad_rows.append(row.error.message)


def _choose_question(given: _Input, source: Source) -> None:
    """Keeps the answers to one question, if the tool asked several.

    Raises:
        DataError: if it is not obvious which of them gives the label.
    """
    questions = Counter(row.question for row in given.annotations if row.question)
    wanted = source.settings.label
    if wanted and questions and wanted not in questions:
        listed = ", ".join(map(visible, questions))
        raise DataError(f"No answer is to the question {visible(wanted)!r}.", received=f"questions {listed}")
    if len(questions) <= 1:
        return
    if not wanted:
        likely = (
            [name for name in questions if columns.plain(name) in names] for names in columns.LABEL_NAMES
        )
        obvious = next((names for names in likely if names), [])
        if len(obvious) != 1:
            raise DataError(
                "The answers are to several questions, and none is obviously the label.",
                received=", ".join(f"{visible(name)} ({rows:,} rows)" for name, rows in questions.items()),
                hint=f"--label {visible(next(iter(questions)))}, for example",
            )
        wanted = obvious[0]
    given.other_questions = Counter({name: rows for name, rows in questions.items() if name != wanted})
    given.annotations = [row for row in given.annotations if row.question in {"", wanted}]
    given.notes.append(f"label from question {visible(wanted)!r}")


def _by_text(given: _Input, source: Source) -> dict[str, _Text]:
    """The answers by the digest of their text.

    Raises:
        DataError: if a word is no label.
    """
    reader = LabelReader(parse_label_map(source.settings.labels))
    for row in given.annotations:
        for word in row.words:
            if row.label is None and word != SKIP:
                count_word(reader.counts, word)
    reader.settle()
    require_labels(reader.summary(), visible(str(source)))
    texts: dict[str, _Text] = {}
    for row in given.annotations:
        text = clean(row.text)
        if row.annotator:
            given.annotators[row.annotator] += 1
        if is_empty(text):
            given.counts["empty"] += 1
            continue
        meant = [reader.label(word) for word in row.words] if row.label is None else [row.label]
        labels = {label for label in meant if label is not None}
        skipped = row.answer == "skip" or (not labels and SKIP in row.words)
        if len(labels) > 1:
            given.counts["both"] += 1
        elif not labels and not skipped:
            given.unlabelled[", ".join(row.words) or row.value] += 1
        else:
            one = texts.setdefault(sha256_text(text), _Text(text, row))
            if skipped:
                one.skippers.append(row.annotator)
            else:
                label = next(iter(labels))
                given.counts["rejected"] += row.answer == "reject"
                one.people[1 - label if row.answer == "reject" else label].append(row.annotator)
    return texts


def _decide(
    texts: Mapping[str, _Text],
    log: LabelLog,
    picked_by: PickedBy | None,
    *,
    replace_labels: bool,
    named: int,
) -> tuple[list[Decision], Imported]:
    """The decisions to record, and the counts of the texts."""
    labels = {row.digest: row.label for row in log.labelled()}
    answered = {row.digest for row in log.valid_decisions()}
    counts: Counter[str] = Counter()
    conflicts: list[Conflict] = []
    decisions: list[Decision] = []
    for digest, one in texts.items():
        positive, negative = len(one.people[POSITIVE]), len(one.people[NEGATIVE])
        label, earlier = one.label, labels.get(digest)
        differs = earlier is not None and label is not None and label != earlier
        stays = differs and not replace_labels
        if (positive and negative) or differs:
            before, now = earlier if differs else None, earlier if label is None or stays else label
            conflicts.append(Conflict(one.text, one.first.where, positive, negative, before, now))
            counts["tied"] += label is None
            counts["kept"] += stays
            if label is None or stays:
                continue
        answer: Answer = "skip" if label is None else LABEL_NAMES[label]
        if digest in answered if label is None else label == earlier:
            counts["unchanged"] += 1
            continue
        counts["replaced"] += differs
        counts["skipped" if answer == "skip" else answer] += 1
        people = one.skippers if label is None else one.people[label]
        how = picked_by or one.first.picked_by or "typed"
        who = ", ".join(name for name in dict.fromkeys(people) if name)
        decisions.append(decide(one.text, answer, picked_by=how, path=one.first.where, annotator=who))
    summary = Imported(
        (),
        0,
        positive=counts["positive"],
        negative=counts["negative"],
        skipped=counts["skipped"],
        unchanged=counts["unchanged"],
        replaced=counts["replaced"],
        conflicts=len(conflicts),
        tied=counts["tied"],
        kept=counts["kept"],
        first_conflicts=tuple(conflicts[:named]),
    )
    return decisions, summary
