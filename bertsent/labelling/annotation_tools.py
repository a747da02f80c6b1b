"""The tasks of annotation tools, as each of them exports texts with the answers of people.

Label Studio (JSON, JSON-MIN), doccano (JSONL), Prodigy (JSONL, `prodigy db-out`), Argilla (records of 1.x and
2.x as JSON) and fastText. Scores that a model suggested are never read as answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.records.reading import MISSING
from bertsent.base.settings.labelling import Tool
from bertsent.base.settings.reading import ReadSettings
from bertsent.data.columns import is_text_name, list_names, path_getter, plain
from bertsent.data.labels import label_word
from bertsent.labelling.decisions import PickedBy

SKIP = "skip"  # the word that stands for a skip in place of a label
_FASTTEXT = "__label__"
_ANSWERS = {"accept", "reject", "ignore"}
_VALUES = ("choices", "rating", "number", "value", "label")  # keys of an answer that hold what was chosen
# What Label Studio's JSON-MIN adds to the fields of a task and the answers
_ADDED = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "inner_id",
    "file_upload", "total_annotations", "cancelled_annotations", "comment_count", "project", "meta",
}  # fmt: skip
_DOCCANO = ("label", "labels", "cats")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one person answered about one text."""

    text: str  # as the tool has it, not clean
    words: tuple[
        str, ...
    ]  # the labels that were chosen, as `data.labels.label_word` gives them; none: no label
    where: str  # file and line
    answer: Literal["accept", "reject", "skip"] = "accept"  # reject: the label is not right
    annotator: str = ""
    question: str = ""  # which question of the tool it answers
    picked_by: PickedBy | None = None  # how the text was picked, if the file says so
    label: int | None = None  # 0 negative, 1 positive, if the reader has understood the words already
    value: str = ""  # what a table has in place of a label


def tool_of(row: Row) -> Tool | None:
    """The tool that writes such objects; None if none does."""
    if isinstance(row.get("data"), dict) and ("annotations" in row or "completions" in row):
        return "label-studio"
    if {"annotation_id", "lead_time"} <= row.keys():
        return "label-studio"
    if isinstance(row.get("fields"), dict) and ("responses" in row or "suggestions" in row):
        return "argilla"
    if "annotation" in row and {"annotation_agent", "prediction_agent", "inputs"} & row.keys():
        return "argilla"
    if any(key.endswith(".responses") for key in row):
        return "argilla"
    if row.get("answer") in _ANSWERS:
        return "prodigy"
    if _old_doccano(row) or any(isinstance(row.get(key), list | dict) for key in _DOCCANO):
        return "doccano"
    return None


def text_of(fields: Mapping[str, Any], settings: ReadSettings, where: str, *, row: Row | None = None) -> str:
    """The text of a task: the field that `--text` names, else the obvious one, else the only string.

    Args:
        fields: The task's fields.
        settings: Its `text` may be a dotted path, from the fields or from the whole task.
        where: File and line, for messages.
        row: The whole task.

    Raises:
        DataError: if no field is obviously the text.
    """
    if settings.text:
        get = path_getter(settings.text, exact=settings.text in fields)
        values = [value for value in (get(fields), get(row or {})) if value is not MISSING]
        return _string(values[0], where) if values else ""
    strings = [name for name, value in fields.items() if isinstance(value, str)]
    likely = [name for name in fields if is_text_name(name)]
    for names in ([name for name in likely if plain(name) == "text"], likely, strings):
        if len(names) == 1:
            return _string(fields[names[0]], where)
        if names:
            break
    raise DataError(
        f"{visible(where)} has no field that is obviously the text.",
        received=f"fields {list_names(list(fields))}",
        hint="--text FIELD names it",
    )


def label_studio(row: Row, settings: ReadSettings, where: str) -> Iterator[Annotation]:
    """A task of Label Studio with its annotations, or a row of JSON-MIN, which has one answer."""
    if not isinstance(row.get("data"), dict):
        yield from _label_studio_min(row, settings, where)
        return
    text = text_of(row["data"], settings, where, row=row)
    annotations = row.get("annotations", row.get("completions")) or []
    if not annotations:
        yield Annotation(text, (), where)
    for annotation in annotations:
        annotator = _person(annotation.get("completed_by"))
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            yield Annotation(text, (), where, "skip", annotator)
            continue
        chosen: dict[str, tuple[str, ...]] = {}
        for result in annotation.get("result") or []:
            if words := _words(result.get("value")):
                question = str(result.get("from_name", ""))
                chosen[question] = chosen.get(question, ()) + words
        for question, words in chosen.items() or [("", ())]:
            yield Annotation(text, words, where, annotator=annotator, question=question)


def _label_studio_min(row: Row, settings: ReadSettings, where: str) -> Iterator[Annotation]:
    fields = {name: value for name, value in row.items() if name not in _ADDED}
    text = text_of(fields, settings, where, row=row)
    annotator = _person(row.get("annotator"))
    questions = {
        name: words
        for name, value in fields.items()
        if (words := _words(value)) and not (isinstance(value, str) and value == text)
    }
    for question, words in questions.items() or [("", ())]:
        yield Annotation(text, words, where, annotator=annotator, question=question)


def doccano(row: Row, settings: ReadSettings, where: str) -> Iterator[Annotation]:
    """A line of doccano, with the names of its labels; several people share one file or have one each.

    Raises:
        DataError: for the old export, which has numbers of labels only.
    """
    if _old_doccano(row):
        raise DataError(
            f"{visible(where)} is of doccano's old export, which has numbers of labels without their names.",
            hint="export it again as JSONL (Text label)",
        )
    fields = {name: value for name, value in row.items() if name not in {*_DOCCANO, "id", "Comments"}}
    if isinstance(fields.get("data"), str):
        fields = {"data": fields["data"]}
    text = text_of(fields, settings, where, row=row)
    value = next((row[key] for key in _DOCCANO if key in row), None)
    answer: Literal["accept", "reject"] = "accept"
    if isinstance(value, dict):  # spaCy's cats: name -> 1 or 0
        chosen = [name for name, share in value.items() if share >= 0.5]
        if not chosen and len(value) == 1:
            chosen, answer = list(value), "reject"
        value = chosen
    yield Annotation(text, _words(value), where, answer, _person(row.get("annotator")))


def _old_doccano(row: Row) -> bool:
    annotations = row.get("annotations")
    return isinstance(annotations, list) and any(
        isinstance(one, dict) and isinstance(one.get("label"), int) for one in annotations
    )


def prodigy(row: Row, settings: ReadSettings, where: str) -> Iterator[Annotation]:
    """A task of Prodigy: a label that was accepted or rejected, or choices among options."""
    fields = {name: value for name, value in row.items() if name == "text" or settings.text}
    text = text_of(fields, settings, where, row=row)
    annotator = _person(row.get("_annotator_id") or row.get("_session_id"))
    answer = row.get("answer")
    if answer not in _ANSWERS:
        raise DataError(f"{visible(where)} has no answer of accept, reject or ignore.")
    chosen = row.get("accept")
    if answer == "ignore" or (answer == "reject" and isinstance(chosen, list)):
        yield Annotation(text, (), where, "skip", annotator)
        return
    if isinstance(chosen, list):
        options = {option.get("id"): option.get("text") for option in row.get("options") or []}
        names = [each if _is_name(each) else options.get(each) or each for each in chosen]
        yield Annotation(text, _words(names), where, annotator=annotator)
    else:
        yield Annotation(text, _words(row.get("label")), where, answer, annotator)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and not value.strip().isdigit()


def argilla(row: Row, settings: ReadSettings, where: str) -> Iterator[Annotation]:
    """A record of Argilla: of 1.x (`annotation`), of a feedback data set, or of 2.x, nested or flat."""
    if "annotation" in row:
        fields = {"text": row["text"]} if isinstance(row.get("text"), str) else row.get("inputs") or {}
        text = text_of(fields, settings, where, row=row)
        skipped = str(row.get("status", "")).lower() == "discarded"
        words = () if skipped else _words(row["annotation"])
        agent = _person(row.get("annotation_agent"))
        yield Annotation(text, words, where, "skip" if skipped else "accept", agent)
        return
    fields = row.get("fields")
    if not isinstance(fields, dict):
        fields = {name: value for name, value in row.items() if "." not in name and name not in _ARGILLA}
    text = text_of(fields, settings, where, row=row)
    answers = list(_responses(row))
    if not answers:
        yield Annotation(text, (), where)
    for question, value, user, status in answers:
        if status == "discarded":
            yield Annotation(text, (), where, "skip", user)
        else:  # a draft is not an answer yet
            yield Annotation(
                text, () if status == "draft" else _words(value), where, "accept", user, question
            )


_ARGILLA = {"id", "status", "_server_id", "external_id", "metadata", "vectors", "suggestions", "responses"}


def _responses(row: Row) -> Iterator[tuple[str, Any, str, str]]:
    """Question, value, user and status of every response in a record."""
    responses = row.get("responses")
    if isinstance(responses, list):  # of a feedback data set
        for response in responses:
            user, status = _person(response.get("user_id")), str(response.get("status") or "").lower()
            values = response.get("values") or {}
            for question, value in values.items() or [("", None)]:
                yield question, value, user, status
    elif isinstance(responses, dict):
        for question, given in responses.items():
            for response in given or []:
                status = str(response.get("status") or "").lower()
                yield question, response.get("value"), _person(response.get("user_id")), status
    for key, values in row.items():
        if key.endswith(".responses") and isinstance(values, list):
            users, states = (row.get(f"{key}.{more}") or [None] * len(values) for more in ("users", "status"))
            for value, user, state in zip(values, users, states, strict=True):
                yield key.removesuffix(".responses"), value, _person(user), str(state or "").lower()


def fasttext(line: str, where: str) -> Annotation:
    """A line of fastText: `__label__` and a word, perhaps several times, then the text."""
    words: list[str] = []
    rest = line.strip()
    while rest.startswith(_FASTTEXT):
        word, _, rest = rest.partition(" ")
        words.append(label_word(word))
        rest = rest.lstrip()
    return Annotation(rest, tuple(words), where)


PARSERS: dict[Tool, Callable[[Row, ReadSettings, str], Iterator[Annotation]]] = {
    "label-studio": label_studio,
    "doccano": doccano,
    "prodigy": prodigy,
    "argilla": argilla,
}


def _words(value: object) -> tuple[str, ...]:
    """The labels in an answer: a word, a number, a list of them, or an object that holds them."""
    if isinstance(value, dict):
        return next((_words(value[key]) for key in _VALUES if value.get(key) is not None), ())
    if isinstance(value, list | tuple):
        return tuple(word for item in value for word in _words(item))
    word = label_word(value)
    return (word,) if word else ()


def _person(value: object) -> str:
    """Who answered: a name or number, or the e-mail address of an object that describes a user."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("email", "username", "id") if value.get(key)), None)
    return "" if value is None else str(value)


def _string(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"{visible(where)} must have a string as its text.", received=type(value).__name__)
