"""Copies of texts: which are found, and which are none."""

from __future__ import annotations

import random
import time

import pytest

from bertsent.data.duplicates import Copies, sketch

WORDS = [f"word{number}" for number in range(400)]


def text(seed: int, words: int = 100) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def found(held: str, given: str) -> bool:
    copies = Copies()
    copies.add("other", sketch(text(99)))
    copies.add("it", sketch(held))
    return copies.find(sketch(given)) == "it"


def changed(given: str, share: float) -> str:
    drawn = random.Random(3)
    return " ".join("changed" if drawn.random() < share else word for word in given.split())


@pytest.mark.parametrize(
    "given",
    ["A good film, really.", "a GOOD film -- really!!!", "a good film\nreally", "«A good film», really…"],
)
def test_find_knows_the_same_words_in_other_dress(given: str) -> None:
    assert found("A good film, really.", given)


@pytest.mark.parametrize("given", ["A bad film, really.", "A good film", "good a film really", "really"])
def test_find_takes_short_texts_with_another_word_for_others(given: str) -> None:
    assert not found("A good film, really.", given)


@pytest.mark.parametrize("words", [20, 100, 2000])
def test_find_knows_a_text_with_a_few_words_changed(words: int) -> None:
    held = text(1, words)
    assert found(held, changed(held, 0.03))
    assert found(held, "A new beginning: " + held)
    assert found(held, held.rsplit(" ", words // 5)[0])


def test_find_takes_a_text_with_many_words_changed_for_another() -> None:
    assert not found(text(1), changed(text(1), 0.4))
    assert not found(text(1), text(2))
    assert not found(text(1), " ".join(reversed(text(1).split())))


def test_find_sees_through_a_long_beginning_that_many_share() -> None:
    copies = Copies()
    for number in range(20):
        copies.add(str(number), sketch(text(500, 30) + " " + text(number, 40)))
    assert copies.find(sketch(text(500, 30) + " " + text(7, 40) + " more")) == "7"
    assert copies.find(sketch(text(500, 30) + " " + text(77, 40))) is None


@pytest.mark.parametrize(("one", "other"), [("😀😀", "😀"), ("...", "!!!"), ("", "?")])
def test_find_tells_texts_without_words_apart(one: str, other: str) -> None:
    assert found(one, one)
    assert not found(one, other)


def test_sketch_is_the_same_in_every_run() -> None:
    assert (
        sketch("the same in every process of every day, whatever its seed of hashes").runs[:2]
        == (sketch("The same, in every process of every day whatever its seed of hashes!").runs[:2])
    )
    assert len(sketch(text(1, 5000)).runs) == 48
    assert sketch("too short for runs").runs == ()


def test_find_takes_time_that_grows_with_the_rows_only() -> None:
    copies = Copies()
    base = text(1, 60)
    began = time.process_time()
    for number in range(3000):  # all nearly the same: the worst case
        given = sketch(f"{base} {number} {text(number, 10)}")
        if copies.find(given) is None:
            copies.add(str(number), given)
    assert time.process_time() - began < 5
