"""Near copies among many texts: the same as `duplicates.Copies` finds one by one."""

from __future__ import annotations

import random

import pytest

from bertsent.data.duplicates import Copies, sketch
from bertsent.data.near_copies import NearCopies

WORDS = [f"word{number}" for number in range(600)]


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def edited(given: str, seed: int, changes: int) -> str:
    draw, words = random.Random(seed), given.split()
    for _ in range(changes):
        words[draw.randrange(len(words))] = "edited"
    return " ".join(words)


def pairs(*texts: str) -> list[tuple[int, int]]:
    near = NearCopies()
    for one in texts:
        near.add(sketch(one))
    assert len(near) == len(texts)
    return near.pairs()


def test_pairs_are_the_copies_that_are_found_one_by_one() -> None:
    texts = [text(seed) for seed in range(60)]
    texts += [edited(text(seed), seed, seed % 12) for seed in range(60)]
    random.Random(1).shuffle(texts)
    copies, expected = Copies(), []
    for number, one in enumerate(texts):
        other = copies.find(sketch(one))
        if other is None:
            copies.add(str(number), sketch(one))
        else:
            expected.append((int(other), number))
    assert 40 < len(expected) < 60
    assert pairs(*texts) == sorted(expected)


def test_no_texts_and_short_texts_have_no_near_copies() -> None:
    assert pairs() == []
    assert pairs("a good film", "a good film", "") == []


@pytest.mark.slow
def test_a_common_phrase_makes_no_near_copies_and_takes_no_quadratic_time() -> None:
    phrase = " ".join(WORDS[:12])
    assert pairs(*(f"{phrase} {text(seed, 80)}" for seed in range(3000))) == []
