"""Which labelled rows train, which are reserved, and which old rows train beside them."""

from __future__ import annotations

import random

import pytest

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled

SPLITS = Splits(
    train=tuple(Review(f"A known film, number {number}.", number % 2) for number in range(400)),
    validation=(Review("Held out: good.", 1),),
    test=(Review("For the test: bad.", 0),),
    digests={},
)


def row(text: str, label: int = 1) -> Labelled:
    return Labelled(text, label, sha256_text(text), "random", None, None, "2026-01-01T00:00:00Z", "0" * 32)


def rows(count: int) -> list[Labelled]:
    return [row(f"A new text, number {number}.", number % 2) for number in range(count)]


def texts(picked: selection.Selection) -> set[str]:
    return {each.text for each in (*picked.training, *picked.reserved)}


def test_select_reserves_a_fifth_and_trains_on_the_others() -> None:
    picked = selection.select(rows(2000), SPLITS)
    assert len(picked.reserved) == pytest.approx(400, abs=60)
    assert len(picked.training) + len(picked.reserved) == 2000
    assert not {each.digest for each in picked.training} & {each.digest for each in picked.reserved}


def test_select_reserves_the_same_rows_whatever_comes_later_and_in_whatever_order() -> None:
    later = rows(500)
    random.Random(1).shuffle(later)
    first = {each.digest for each in selection.select(rows(100), SPLITS).reserved}
    second = {each.digest for each in selection.select(later, SPLITS).reserved}
    assert first <= second
    assert len(first) > 5


@pytest.mark.parametrize(
    "text",
    [
        "Held out: good.",
        "For the test: bad.",
        "A known film, number 7.",
        "HELD   out -- good",
        "held out good",
    ],
)
def test_select_leaves_out_what_the_data_set_holds(text: str) -> None:
    picked = selection.select([row(text), row("Another text.")], SPLITS)
    assert texts(picked) == {"Another text."}
    assert picked.left_out == {"in the data set": 1}


def test_select_counts_copies_once_with_the_newest_label() -> None:
    flood = [row(f"Buy{'!' * number}", 1) for number in range(1, 50)]
    picked = selection.select([*flood, row("BUY", 0), row("Another text.")], SPLITS)
    assert texts(picked) == {"BUY", "Another text."}
    assert picked.left_out == {"copies of another": 49}


def test_select_reserves_a_copy_with_its_original() -> None:
    for number in range(50):
        one, other = (
            selection.select([row(text)], SPLITS) for text in (f"text {number}", f"TEXT -- {number}!")
        )
        assert bool(one.reserved) == bool(other.reserved)


def test_select_tells_apart_texts_without_words() -> None:
    assert len(texts(selection.select([row(":)"), row(":(")], SPLITS))) == 2


def test_mix_has_all_labels_and_twice_as_many_old_rows() -> None:
    picked = selection.select(rows(100), SPLITS)
    mix = selection.mix(picked, SPLITS, all_old=False)
    assert [review.text for review in mix.new] == [each.text for each in picked.training]
    assert len(mix.old) == 2 * len(mix.new)
    assert set(mix.old) < set(SPLITS.train)


def test_mix_has_no_more_old_rows_than_there_are_or_are_allowed() -> None:
    picked = selection.select(rows(1000), SPLITS)
    assert len(selection.mix(picked, SPLITS, all_old=False).old) == len(SPLITS.train)
    few = RetrainSettings(most_old=10)
    assert len(selection.mix(picked, SPLITS, all_old=False, settings=few).old) == 10
    assert selection.mix(picked, SPLITS, all_old=True, settings=few).old == SPLITS.train


def test_mix_draws_other_old_rows_beside_other_labels_and_the_same_beside_the_same() -> None:
    drawn = [
        selection.mix(selection.select(rows(n), SPLITS), SPLITS, all_old=False).old for n in (50, 50, 51)
    ]
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) != set(drawn[2])


def test_mix_states_what_trained_and_what_is_reserved() -> None:
    picked = selection.select(rows(100), SPLITS)
    stated = selection.mix(picked, SPLITS, all_old=False).as_json()
    assert stated["digests"] == sorted(each.digest for each in picked.training)
    assert stated["reserved"] == sorted(each.digest for each in picked.reserved)
    assert stated["n"] == len(picked.training)
    assert stated["positive"] == sum(each.label for each in picked.training)


def test_row_key_changes_with_text_and_label() -> None:
    assert len({selection.row_key(row(text, label)) for text in ("a", "b") for label in (0, 1)}) == 4
