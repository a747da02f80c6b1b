"""Reads the labelled rows of a data set into train, validation and test, and counts what it leaves out."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bertsent.base.digests import sha256_text
from bertsent.base.display import counted, listed
from bertsent.base.errors import DataError
from bertsent.base.records.core import Progress, Review
from bertsent.base.records.reading import MISSING, LabelCounts, Survey
from bertsent.base.settings.reading import ReadSettings
from bertsent.base.text import clean
from bertsent.data.layout import ROLES, Layout, Role
from bertsent.data.notes import label_remedy, survey_notes, value_list
from bertsent.data.reader import Reviews
from bertsent.data.reviews import open_reviews, usable
from bertsent.data.source import Source

Rows = dict[str, Review]  # by the digest of their text, sorted

_SPLIT_COLUMN = "split"
_NAMED = 3  # paths that a message names
_ADVANCE = 500  # reviews between two reports of progress: a report costs as much as a review
_NO_LABEL = "-1"  # of test rows whose labels are secret, as data sets of Hugging Face have it


class Half:
    """The rows of one split as given, each text once."""

    def __init__(self) -> None:
        self.rows_read = 0
        self.repeated = 0  # rows whose text and label came before
        self._first: Rows = {}
        self._contradicted: set[str] = set()

    @property
    def contradicted(self) -> int:
        """How many texts have both labels."""
        return len(self._contradicted)

    def add(self, review: Review) -> None:
        """Adds a row with a clean text and a label."""
        self.rows_read += 1
        digest = sha256_text(review.text)
        earlier = self._first.setdefault(digest, review)
        if earlier.label != review.label:
            self._contradicted.add(digest)
        elif earlier is not review:
            self.repeated += 1

    def texts(self) -> int:
        """How many texts it has so far."""
        return len(self._first)

    def digests(self, first: int, last: int) -> set[str]:
        """The digests of the texts from the one numbered `first` to the one before `last`."""
        return set(itertools.islice(self._first, first, last))

    def distinct(self) -> Rows:
        """The first row of each text, without texts that have both labels. Empties the half, because a copy
        of so many rows takes memory."""
        for digest in self._contradicted:
            self._first.pop(digest, None)
        return {digest: self._first.pop(digest) for digest in sorted(self._first)}


@dataclass(frozen=True, slots=True)
class _Surveyed:
    """A source that was surveyed."""

    role: Role
    source: Source
    reviews: Reviews
    survey: Survey
    split_column: int | None = None  # index among the columns

    @property
    def labelled(self) -> int:
        return self.survey.labels.positive + self.survey.labels.negative


@dataclass(frozen=True, slots=True)
class _Read:
    """A source that was read."""

    part: _Surveyed
    first: int  # number of its first training text
    last: int  # number of the one behind its last
    brought_validation: bool


class SplitReader:
    """Surveys all sources of a data set, refuses what cannot be trained on, and then reads the rows.

    Args:
        source: The data set as it was given, for messages.
        progress: Told of every source; notes say which columns were taken and what was left out.
        least: Rows of each label that training needs; by default as the source's settings say.
    """

    def __init__(self, source: Source, progress: Progress, *, least: int | None = None) -> None:
        self._source = source
        self._least = source.settings.minimum_per_class if least is None else least
        self._progress = progress
        self._halves: dict[Role, Half] = {"train": Half(), "validation": Half(), "test": Half()}
        self._left_out = Counter[str]()
        self._unknown = Counter[str]()
        self._other_splits = Counter[str]()
        self._passed_over: list[str] = []
        self._parts: list[_Read] = []

    def read(self, layout: Layout) -> Mapping[Role, Half]:
        """The rows of each split as given.

        Raises:
            DataError: as `splits.load_splits`.
        """
        self._passed_over += layout.passed_over
        surveyed = [
            self._survey(role, alike) for role, source in layout.items() for alike in _of_like_columns(source)
        ]
        _require_labels(self._source, surveyed, self._least)
        train = self._halves["train"]
        for part in surveyed:
            if part.role == "train" or part.labelled:
                first, validation = train.texts(), self._halves["validation"].rows_read
                self._read(part)
                brought = self._halves["validation"].rows_read > validation
                self._parts.append(_Read(part, first, train.texts(), brought))
            else:
                rows = counted(part.survey.rows, "row")
                self._passed_over.append(f"{_name(part.source)} ({rows} without labels)")
        return self._halves

    def undivided(self) -> set[str]:
        """Digests of the training texts of parts that brought no validation rows, if another part did; to be
        asked before the halves are emptied.

        A folder that has its splits inside is one part, and so are paths that are called train and test.
        """
        given = self._source.paths
        direct = [read for read in self._parts if _folder_of(read.part, given) is None]
        named = any(read.part.role != "train" for read in direct)

        def whole(read: _Read) -> Path | int:
            folder = _folder_of(read.part, given)
            return folder if folder is not None else -1 if named else self._parts.index(read)

        divided = {whole(read) for read in self._parts if read.brought_validation}
        return {
            digest
            for read in self._parts
            if divided and whole(read) not in divided
            for digest in self._halves["train"].digests(read.first, read.last)
        }

    def left_out(self) -> dict[str, Any]:
        """What was left out and how it was read, by the names of `Splits`."""
        return {
            **{name: self._left_out[name] for name in ("empty", "unlabelled", "bad_rows")},
            "unknown": dict(self._unknown.most_common()),
            "other_splits": dict(self._other_splits.most_common()),
            "ignored": tuple(self._passed_over),
            "read": described(self._source),
        }

    def _survey(self, role: Role, source: Source) -> _Surveyed:
        reviews = open_reviews(source)
        is_divided = has_split_column(reviews)
        if is_divided:
            reviews = open_reviews(source, cells=True)  # only then, as reading all cells takes longer
        survey = reviews.survey(self._progress)
        if not is_divided:
            return _Surveyed(role, source, reviews, survey)
        column = [name.lower() for name in reviews.columns].index(_SPLIT_COLUMN)
        if any(ROLES.get(_value(review, column).lower()) == "train" for review in reviews):
            return _Surveyed(role, source, reviews, survey, column)
        if role == "train":
            self._progress.note(f"{_name(source)}: its column split names no row train, so it is not used.")
        return _Surveyed(role, source, reviews, survey)

    def _read(self, part: _Surveyed) -> None:
        survey, progress = part.survey, self._progress
        self._note(part)
        progress.start(f"Reading {_name(part.source)}", survey.rows, "reviews")
        for done, review in enumerate(part.reviews, start=1):
            if done % _ADVANCE == 0:
                progress.advance(done)
            role = self._role(part, review)
            if role is None:
                continue
            text = clean(review.text)
            if not text:
                self._left_out["empty"] += 1
            elif review.label is None:
                self._left_out["unlabelled"] += 1
            else:  # without path and cells, which would take as much memory as the text
                self._halves[role].add(Review(text, review.label))
        progress.finish()

    def _role(self, part: _Surveyed, review: Review) -> Role | None:
        """The role of a row; None, counted, if the split column says neither train, validation nor test."""
        if part.split_column is None:
            return part.role
        value = _value(review, part.split_column)
        role = ROLES.get(value.lower(), "other")
        if role != "other":
            return role
        self._other_splits[value] += 1
        return None

    def _note(self, part: _Surveyed) -> None:
        survey, name = part.survey, _name(part.source)
        for note in survey_notes(replace(survey, passed_over=(), labels=LabelCounts())):
            self._progress.note(note)
        self._left_out["bad_rows"] += survey.bad_rows
        self._unknown.update({**survey.labels.neither, **survey.labels.unknown})
        self._passed_over += [f"{name}: {line}" for line in survey.passed_over]


def _of_like_columns(source: Source) -> Iterator[Source]:
    """The files of a source with a column `split`, and those without: one must not be read like the other."""
    if len(source.paths) < 2 or not has_split_column(open_reviews(source)):
        yield source
        return
    files: dict[bool, list[Path]] = {True: [], False: []}
    for path in source.paths:
        files[has_split_column(open_reviews(replace(source, paths=(path,))))].append(path)
    for paths in files.values():
        if paths:
            yield replace(source, paths=tuple(paths))


def has_split_column(reviews: Reviews) -> bool:
    """Whether reviews have a column `split`, in any case."""
    return _SPLIT_COLUMN in map(str.lower, reviews.columns)


def _folder_of(part: _Surveyed, given: Sequence[Path]) -> Path | None:
    """The given folder that has a source inside; None if the source was given itself."""
    path = part.source.paths[0]
    return next((folder for folder in given if path != folder and path.is_relative_to(folder)), None)


def _value(review: Review, column: int) -> str:
    """The value of a column, without blanks around it; "" for an empty cell."""
    cell = review.cells[column] if review.cells else None
    return "" if cell is None or cell is MISSING else str(cell).strip()


def described(source: Source) -> dict[str, Any]:
    """The names of the paths, and the settings of reading that are not the default, for a manifest."""
    default = asdict(ReadSettings())
    changed = {name: value for name, value in asdict(source.settings).items() if value != default[name]}
    return {"paths": [path.name for path in source.paths], **changed}


def read_labelled(source: Source, progress: Progress) -> Rows:
    """The labelled rows of a source, clean, each text once, sorted by digest; a note says what was left out.

    Raises:
        DataError: if no row has a label, or there are values that look like labels of a scale; and as
            `reviews.open_reviews`.
    """
    reviews = open_reviews(source)
    survey = reviews.survey(progress)
    _require_explained(source, survey)
    if not (survey.labels.positive or survey.labels.negative):
        raise _too_few(_name(source), [_Surveyed("train", source, reviews, survey)], least=1)
    half, left_out = Half(), Counter[str]()
    for review in usable(reviews, left_out, labelled=True):
        half.add(Review(clean(review.text), review.label))
    for note in survey_notes(survey, needs_labels=True):
        progress.note(note)
    reasons = (
        (left_out["empty"], "without text"),
        (half.repeated, "duplicates"),
        (half.contradicted, "with both labels"),
    )
    if said := ", ".join(f"{count} {reason}" for count, reason in reasons if count):
        progress.note(f"Left out: {said}.")
    return half.distinct()


def _require_explained(source: Source, survey: Survey) -> None:
    """Refuses values that look like labels, as long as nobody says what they mean."""
    labels = survey.labels
    if labels.proposal:
        both = {"positive": labels.positive, "negative": labels.negative}
        values = {name: rows for name, rows in both.items() if rows} | dict(labels.unknown)
        raise DataError(
            f"{_name(source)} has labels other than positive and negative.",
            received=value_list(values),
            hint=label_remedy(survey),
        )


def _require_labels(source: Source, parts: Sequence[_Surveyed], least: int) -> None:
    """Refuses labels that nobody explained, and too few rows of a label.

    Raises:
        DataError: naming the values, or the counts.
    """
    for part in parts:
        labels = part.survey.labels
        if part.role == "train" or {*labels.unknown} != {_NO_LABEL}:
            _require_explained(part.source, part.survey)
        if part.role != "train" and part.labelled and not (labels.positive and labels.negative):
            raise _too_few(_name(part.source), [part], least=1)
    training = [part for part in parts if part.role == "train"]
    if any(sum(count) < least for count in zip(*map(_counts, training), strict=True)):
        raise _too_few(_name(source), training, least=least)


def _too_few(name: str, parts: Sequence[_Surveyed], *, least: int) -> DataError:
    labels = [part.survey.labels for part in parts]
    positive, negative = (sum(count) for count in zip(*map(_counts, parts), strict=True))
    others = sum((Counter({**row.neither, **row.unknown}) for row in labels), Counter[str]())
    hint = "add reviews: folders pos and neg with files *.txt, or rows of a table with both labels"
    if any(row.unknown for row in labels):
        hint = label_remedy(next(part.survey for part in parts if part.survey.labels.unknown))
    elif not (positive or negative):
        hint = next((part.survey.label_hint for part in parts if part.survey.label_hint), hint)
    counts = f"{positive} positive, {negative} negative, {sum(row.none for row in labels)} without a label"
    return DataError(
        f"{name} needs at least {counted(least, 'review')} of each label.",
        received=counts + (f", other values: {value_list(others)}" if others else ""),
        hint=hint,
    )


def _counts(part: _Surveyed) -> tuple[int, int]:
    return part.survey.labels.positive, part.survey.labels.negative


def _name(source: Source) -> str:
    return listed([str(path) for path in source.paths], _NAMED)
