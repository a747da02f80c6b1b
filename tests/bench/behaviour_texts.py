"""The texts of tests/bench/behaviour.py: templates from the folder `behaviour`, filled in and put in pairs.

`{slot}` in a template stands for each of the words of slots.toml, `[a|b]` for `a` in the text before and `b`
in the text after. A template with slots is filled in at most `EXPANSIONS` times, by a seeded draw.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from behaviour_changes import CHANGES, FACTS, SEED

from bertsent.base.settings.reading import LABELS, NEGATIVE, POSITIVE

FOLDER = Path(__file__).parent / "behaviour"
EXPANSIONS = 3  # of a template: more texts of one template tell little that the first ones did not

Kind = Literal["minimum functionality", "invariance", "direction"]
Expect = Literal["label", "same label", "no step back", "other label"]
MINIMUM, INVARIANCE, DIRECTION = KINDS = ("minimum functionality", "invariance", "direction")
REVIEWS, ADDED = "short reviews", "a clear sentence added"

_SLOT = re.compile(r"\{(\w+)\}")
_PAIR = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the suite: a text and, but for minimum functionality, the text that it becomes.

    Attributes:
        kind: Of the three kinds of Ribeiro et al. (2020).
        capability: What it is about.
        label: Of `text`; with `expect` "no step back" the label that `after` must not move away from.
        expect: What must hold; `behaviour.judge` says how it is measured.
    """

    kind: Kind
    capability: str
    label: int
    expect: Expect
    text: str
    after: str | None = None


def cases() -> list[Case]:
    """All rows in the order of the files; the same in every run."""
    return [*_minimum(), *_invariance(), *_direction()]


def _minimum() -> Iterator[Case]:
    for entry, label, template in _templates("minimum"):
        for text in _filled(template):
            if _PAIR.search(text):
                raise ValueError(f"A text of minimum.toml is no pair: {template}")
            yield Case(MINIMUM, entry["name"], label, "label", text)
    for label, text in _reviews():
        yield Case(MINIMUM, REVIEWS, label, "label", text)


def _invariance() -> Iterator[Case]:
    facts = _lines(_file("reviews")["facts"])
    for name, change in CHANGES.items():
        for label, text in _reviews():
            draw = random.Random(f"{SEED} {name} {text}")
            after = change(text, draw.choice(facts)) if name in FACTS else change(text, draw)
            if after != text:  # a review without quotes has none to curl
                yield Case(INVARIANCE, name, label, "same label", text, after)
    for entry, label, template in _templates("invariance"):
        for before, after in _pairs(template):
            yield Case(INVARIANCE, entry["name"], label, "same label", before, after)


def _direction() -> Iterator[Case]:
    for added, key in ((POSITIVE, "praise"), (NEGATIVE, "blame")):
        sentences = _lines(_file("reviews")[key])
        for _, text in _reviews():
            sentence = random.Random(f"{SEED} {key} {text}").choice(sentences)
            yield Case(DIRECTION, ADDED, added, "no step back", text, f"{text} {sentence}")
    for entry, label, template in _templates("direction"):
        for before, after in _pairs(template):
            yield Case(DIRECTION, entry["name"], label, entry["expect"], before, after)


def _reviews() -> Iterator[tuple[int, str]]:
    """Label and text of every review of reviews.toml."""
    for name, label in LABELS.items():
        for text in _lines(_file("reviews")[name]):
            yield label, text


def _templates(file: str) -> Iterator[tuple[Mapping[str, Any], int, str]]:
    """The capability, the label and the template of every line of a file."""
    for entry in _file(file)["capability"]:
        for name, label in LABELS.items():
            for template in _lines(entry[name]):
                yield entry, label, template


def _pairs(template: str) -> Iterator[tuple[str, str]]:
    """The texts before and after, for every way to fill the template in."""
    if not _PAIR.search(template):
        raise ValueError(f"No [before|after] in the template: {template}")
    for text in _filled(template):
        yield _sentence(_PAIR.sub(r"\1", text)), _sentence(_PAIR.sub(r"\2", text))


def _filled(template: str) -> Iterator[str]:
    """The template with words in its slots; a slot that occurs twice gets the same word twice."""
    slots = _file("slots")
    names = list(dict.fromkeys(_SLOT.findall(template)))
    if unknown := [name for name in names if name not in slots]:
        raise ValueError(f"slots.toml has no {unknown} for the template: {template}")
    ways = math.prod(len(slots[name]) for name in names)
    draw = random.Random(f"{SEED} {template}")
    for number in draw.sample(range(ways), min(ways, EXPANSIONS)):
        words = {}
        for name in names:
            number, which = divmod(number, len(slots[name]))
            words[name] = slots[name][which]
        filled = _SLOT.sub(lambda match, words=words: words[match[1]], template)
        yield _sentence(filled) if template.startswith("{") else filled


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()]


@cache
def _file(name: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
