"""What a human decided: the decisions in the label log, and the labels that follow from them."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import now
from bertsent.base.settings.reading import LABELS
from bertsent.base.text import clean, encodable, is_empty

Answer = Literal["positive", "negative", "skip", "undo"]
# first: picked from the first rows of a pool while the others were still being read
PickedBy = Literal["typed", "random", "uncertain", "diverse", "first", "foreign"]

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the log; `decide` and `undo` make them."""

    id: str  # 32 hexadecimal digits
    digest: str  # SHA-256 of the text, which identifies a row everywhere
    text: str  # clean
    label: Answer
    undoes: str | None = None  # the id of the decision that an undo takes back
    score: float | None = None  # P(positive) at that time, if there was a model
    version: str | None = None  # the version that scored
    picked_by: PickedBy = "typed"
    again: bool = False  # asked a second time to see whether the answer is the same; changes no label
    path: str = ""  # where the text came from
    time: str = ""  # UTC, ISO 8601
    annotator: str = ""  # who answered in another program, several joined by ", "; empty: not said


Check = Callable[[Sequence[Decision]], None]  # told of decisions before they are recorded; may refuse them


def unchecked(decisions: Sequence[Decision]) -> None:
    """The check that refuses none."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and its valid label: the newest that was not undone. Skips are ignored."""

    text: str
    label: int  # 0 negative, 1 positive
    digest: str
    picked_by: PickedBy
    score: float | None
    version: str | None
    time: str
    id: str
    path: str = ""
    annotator: str = ""


def decide(
    text: str,
    label: Answer,
    *,
    picked_by: PickedBy = "typed",
    score: float | None = None,
    version: str | None = None,
    again: bool = False,
    path: str = "",
    annotator: str = "",
) -> Decision:
    """A new decision about a text, which is cleaned here.

    Raises:
        DataError: if there is nothing to read in the text.
    """
    cleaned = clean(text)
    if is_empty(cleaned):
        raise DataError("A text to label must have something to read in it.", received=visible(text)[:60])
    return Decision(
        id=uuid.uuid4().hex,
        digest=sha256_text(cleaned),
        text=cleaned,
        label=label,
        score=score,
        version=version,
        picked_by=picked_by,
        again=again,
        path=path.encode("utf-8", "backslashreplace").decode(),  # a file's name need not be UTF-8
        time=now(),
        annotator=encodable(annotator),
    )


def undo(decision: Decision) -> Decision:
    """The decision that undoes another one."""
    return replace(
        decision,
        id=uuid.uuid4().hex,
        label="undo",
        undoes=decision.id,
        score=None,
        version=None,
        time=now(),
    )


def valid_decisions(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that were not undone, skips and second answers included, in their order."""
    decisions = list(decisions)
    undone = {decision.undoes for decision in decisions}
    return [one for one in decisions if one.label != "undo" and one.id not in undone]


def labelled(decisions: Iterable[Decision]) -> list[Labelled]:
    """The texts that have a label, in the order in which they got it."""
    rows: dict[str, Labelled] = {}
    for decision in valid_decisions(decisions):
        if decision.label in LABELS and not decision.again:
            rows.pop(decision.digest, None)
            rows[decision.digest] = Labelled(
                text=decision.text,
                label=LABELS[decision.label],
                digest=decision.digest,
                picked_by=decision.picked_by,
                score=decision.score,
                version=decision.version,
                time=decision.time,
                id=decision.id,
                path=decision.path,
                annotator=decision.annotator,
            )
    return list(rows.values())


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a person gave the same answer to the same text."""

    n: int  # texts asked twice
    same: int
    kappa: float  # Cohen's: 1 is always, 0 is as often as by chance, NaN is undefined


def agreement(decisions: Iterable[Decision]) -> Agreement:
    """Compares second answers with the labels that were valid when they were given."""
    first: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for decision in valid_decisions(decisions):
        if decision.label in LABELS and not decision.again:
            first[decision.digest] = decision.label
        elif decision.label in LABELS and decision.digest in first:
            pairs.append((first[decision.digest], decision.label))
    n, same = len(pairs), sum(one == other for one, other in pairs)
    if not n:
        return Agreement(0, 0, math.nan)
    chance = sum(
        sum(one == label for one, _ in pairs) * sum(other == label for _, other in pairs) for label in LABELS
    ) / (n * n)
    return Agreement(n, same, (same / n - chance) / (1 - chance) if chance < 1 else math.nan)


def parse(line: bytes, where: str) -> Decision:
    """Parses a line of the log; unknown keys are ignored.

    Raises:
        DataError: if the line is damaged; the message says `where` it is.
    """
    try:
        row = json.loads(line)
        decision = Decision(**{key.name: row[key.name] for key in fields(Decision) if key.name in row})
        wrong = _wrong(decision)
        decision.text.encode()  # lone surrogates, which no file holds
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(where, str(error)) from error
    if wrong:
        raise _damaged(where, wrong)
    return decision


def _wrong(decision: Decision) -> str:
    """What is wrong with a decision; "" if nothing."""
    strings = (
        decision.id, decision.digest, decision.text, decision.path, decision.time, decision.annotator
    )  # fmt: skip
    if (
        not all(isinstance(value, str) for value in strings)
        or not isinstance(decision.again, bool)
        or not isinstance(decision.version, str | None)
    ):
        return "a key has a value of the wrong kind"
    if decision.label not in get_args(Answer):
        return f"`label` is not one of {', '.join(get_args(Answer))}"
    if decision.picked_by not in get_args(PickedBy):
        return f"`picked_by` is not one of {', '.join(get_args(PickedBy))}"
    if decision.score is not None and not _is_share(decision.score):
        return "`score` is not a number from 0 to 1"
    undoes = decision.undoes
    if not (isinstance(undoes, str) if decision.label == "undo" else undoes is None):
        return "`undoes` must be given for an undo, and only for an undo"
    if not _ID.fullmatch(decision.id):
        return "`id` is not 32 hexadecimal digits"
    if sha256_text(decision.text) != decision.digest:
        return "`digest` is not the SHA-256 of `text`"
    return ""


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def _damaged(where: str, why: str) -> DataError:
    return DataError(
        f"{visible(where)} is damaged.",
        received=visible(why)[:200],
        hint="restore that line from a backup, or delete it by hand; the file was not changed",
    )
