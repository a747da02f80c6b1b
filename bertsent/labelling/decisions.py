"""What a human answered: the decisions that the label log holds, and what can be read from them."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError
from bertsent.base.files import now
from bertsent.base.settings.reading import LABELS
from bertsent.base.text import clean, is_empty

Answer = Literal["positive", "negative", "skip", "undo"]
# first: out of the first rows of a pool, while the others were still being read
PickedBy = Literal["typed", "random", "uncertain", "diverse", "first"]

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the log; `decide` and `undo` make them."""

    id: str  # 32 hexadecimal digits
    digest: str  # of the text, by which rows are told apart everywhere
    text: str  # clean
    label: Answer
    undoes: str | None = None  # the id of the decision that an undo takes back
    score: float | None = None  # P(positive) at that time, where a model was at hand
    version: str | None = None  # that scored
    picked_by: PickedBy = "typed"
    again: bool = False  # asked a second time, to see whether the answer is the same; changes no label
    path: str = ""  # where the text came from
    time: str = ""  # UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and the label that stands: its newest that was not undone. Skips count for nothing."""

    text: str
    label: int  # 0 negative, 1 positive
    digest: str
    picked_by: PickedBy
    score: float | None
    version: str | None
    time: str
    id: str


def decide(
    text: str,
    label: Answer,
    *,
    picked_by: PickedBy = "typed",
    score: float | None = None,
    version: str | None = None,
    again: bool = False,
    path: str = "",
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
    )


def undo(decision: Decision) -> Decision:
    """The decision that takes another one back."""
    return Decision(
        id=uuid.uuid4().hex,
        digest=decision.digest,
        text=decision.text,
        label="undo",
        undoes=decision.id,
        picked_by=decision.picked_by,
        again=decision.again,
        path=decision.path,
        time=now(),
    )


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that were not undone, skips and second answers among them, in their order."""
    decisions = list(decisions)
    undone = {decision.undoes for decision in decisions}
    return [each for each in decisions if each.label != "undo" and each.id not in undone]


def labelled(decisions: Iterable[Decision]) -> list[Labelled]:
    """The texts that have a label, in the order in which they got it."""
    rows: dict[str, Labelled] = {}
    for decision in standing(decisions):
        if decision.label in LABELS and not decision.again:
            rows.pop(decision.digest, None)
            rows[decision.digest] = _labelled(decision)
    return list(rows.values())


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a person gave the same answer to the same text."""

    n: int  # texts asked twice
    same: int
    kappa: float  # Cohen's: 1 always, 0 no more than by chance; NaN where it cannot be told


def agreement(decisions: Iterable[Decision]) -> Agreement:
    """Compares second answers with the labels that stood when they were given."""
    first: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for decision in standing(decisions):
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


def _labelled(decision: Decision) -> Labelled:
    return Labelled(
        text=decision.text,
        label=LABELS[decision.label],
        digest=decision.digest,
        picked_by=decision.picked_by,
        score=decision.score,
        version=decision.version,
        time=decision.time,
        id=decision.id,
    )


def parse(line: bytes, place: str) -> Decision:
    """The decision on a line; keys that this bertsent does not know are passed over.

    Raises:
        DataError: naming `place`, if it is damaged.
    """
    try:
        row = json.loads(line)
        decision = Decision(**{each.name: row[each.name] for each in fields(Decision) if each.name in row})
        wrong = _wrong(decision)
        decision.text.encode()  # lone surrogates, which no file holds
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(place, str(error)) from error
    if wrong:
        raise _damaged(place, wrong)
    return decision


def _wrong(decision: Decision) -> str:
    """What about a decision cannot be; "" if nothing."""
    strings = (decision.id, decision.digest, decision.text, decision.path, decision.time)
    score, version, undoes = decision.score, decision.version, decision.undoes
    checks = {
        "a key has a value of the wrong kind": all(isinstance(each, str) for each in strings)
        and isinstance(decision.again, bool)
        and (version is None or isinstance(version, str)),
        "`label` is none of the four": decision.label in get_args(Answer),
        "`picked_by` is none of the five": decision.picked_by in get_args(PickedBy),
        "`score` is no number from 0 to 1": score is None or _is_share(score),
        "`undoes` belongs to an undo": isinstance(undoes, str)
        if decision.label == "undo"
        else undoes is None,
    }
    found = next((fact for fact, right in checks.items() if not right), "")
    if not found and not _ID.fullmatch(decision.id):
        return "`id` is not 32 hexadecimal digits"
    if not found and sha256_text(decision.text) != decision.digest:
        return "`text` is not the one `digest` was made of"
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def _damaged(place: str, why: str) -> DataError:
    return DataError(
        f"{visible(place)} is damaged.",
        received=visible(why)[:200],
        hint="restore that line from a backup, or take it out by hand; the file was left as it is",
    )
