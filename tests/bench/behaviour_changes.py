"""Changes of a review that must not change its label, for tests/bench/behaviour.py."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

SEED = 42  # of every draw: the suite has the same texts in every run
LEAST_LETTERS = 5  # of a word that gets a typo: a shorter one may become another word

_MARKS = re.compile(r"[^\w\s']")  # an apostrophe belongs to its word
_WORD = re.compile(rf"[a-z]{{{LEAST_LETTERS},}}", re.IGNORECASE)


def without_punctuation(text: str, draw: random.Random) -> str:
    """The words alone."""
    return " ".join(_MARKS.sub(" ", text).split())


def one_typo(text: str, draw: random.Random) -> str:
    """One word with two letters swapped, a letter dropped, or a letter doubled."""
    return _with_typos(text, draw, 1)


def two_typos(text: str, draw: random.Random) -> str:
    """The same in two words."""
    return _with_typos(text, draw, 2)


def _with_typos(text: str, draw: random.Random, count: int) -> str:
    words = list(_WORD.finditer(text))
    chosen = draw.sample(words, min(count, len(words)))
    for match in sorted(chosen, key=lambda match: -match.start()):  # from behind, so that places stay right
        text = text[: match.start()] + _misspelt(match[0], draw) + text[match.end() :]
    return text


def _misspelt(word: str, draw: random.Random) -> str:
    """The word with a mistake behind its first letter, where people make them."""
    swaps = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    at = draw.choice(swaps)
    first, second = word[at], word[at + 1]
    mistake = draw.choice((second + first, second, first + first + second))  # swapped, dropped, doubled
    return word[:at] + mistake + word[at + 2 :]


def curly_quotes(text: str, draw: random.Random) -> str:
    """Typographic apostrophes and quotation marks."""
    return re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019")


def html_entities(text: str, draw: random.Random) -> str:
    """As a dump of a web page has it."""
    for character, entity in (("&", "&amp;"), ("'", "&#39;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


def blanks_and_lines(text: str, draw: random.Random) -> str:
    """Paragraphs for sentences, two blanks for one, blanks at both ends."""
    return "  " + re.sub(r"(?<=[.!?]) ", "\n\n", text).replace(" ", "  ") + " \n"


def html_lines(text: str, draw: random.Random) -> str:
    """`<br />` between sentences."""
    return re.sub(r"(?<=[.!?]) ", "<br /><br />", text)


def link_behind(text: str, draw: random.Random) -> str:
    """A web address at the end."""
    return f"{text} https://example.com/r/{draw.randrange(10_000, 100_000)}"


def hashtag_behind(text: str, draw: random.Random) -> str:
    """Hashtags that say nothing of the thing."""
    return f"{text} {draw.choice(('#review', '#monday #review', '#october', '#2024 #diary'))}"


def fact_before(text: str, fact: str) -> str:
    """A neutral sentence in front."""
    return f"{fact} {text}"


def fact_behind(text: str, fact: str) -> str:
    """A neutral sentence at the end."""
    return f"{text} {fact}"


# By the name of the capability. Those of FACTS get a sentence, the others a source of random numbers.
CHANGES: dict[str, Callable[[str, Any], str]] = {
    "all capitals": lambda text, draw: text.upper(),
    "all lower case": lambda text, draw: text.lower(),
    "no punctuation": without_punctuation,
    "one typo": one_typo,
    "two typos": two_typos,
    "curly quotes": curly_quotes,
    "HTML entities": html_entities,
    "blanks and line breaks": blanks_and_lines,
    "HTML line breaks": html_lines,
    "link at the end": link_behind,
    "hashtag at the end": hashtag_behind,
    "neutral sentence before": fact_before,
    "neutral sentence behind": fact_behind,
}
FACTS = {"neutral sentence before", "neutral sentence behind"}
