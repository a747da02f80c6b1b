"""What a new version gained, in words, from the JSON of a gate."""

from __future__ import annotations

import pytest

from bertsent.base.records.core import to_json
from bertsent.base.records.gain import Gain
from bertsent.retraining.gate import Taught, judge
from bertsent.retraining.paired import PairedScores


def scored(n: int, champion: int, challenger: int) -> PairedScores:
    """Positive reviews of which the first so many are predicted correctly by each version."""
    right = ([0.9] * count + [0.1] * (n - count) for count in (champion, challenger))
    return PairedScores("d", [1] * n, *right)


def sentence(old: PairedScores, new: PairedScores, *, stand_in: bool = False) -> str:
    return Gain.from_gate(to_json(judge(old, new, Taught([], []), stand_in=stand_in))).sentence


def test_gain_says_both_sides_and_what_changed() -> None:
    assert sentence(scored(800, 752, 752), scored(61, 51, 54)) == (
        "New reviews kept aside: 54 of 61 right, before 51 (3 put right, 0 broken). "
        "Old reviews: 94.0 %, as before (0 put right, 0 broken)"
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((800, 752, 760), "Old reviews: 95.0 %, before 94.0 % (8 put right, 0 broken)"),
        ((10_000, 9400, 9399), "Old reviews: 93.99 %, before 94.00 % (0 put right, 1 broken)"),
    ],
)
def test_gain_of_old_reviews_shows_a_difference(rows: tuple[int, int, int], said: str) -> None:
    assert sentence(scored(*rows), scored(10, 5, 6)).endswith(said)


def test_gain_says_where_word_counts_stand_for_old_reviews_and_where_there_is_no_new_one() -> None:
    said = sentence(scored(300, 258, 258), scored(0, 0, 0), stand_in=True)
    assert said.startswith("New reviews kept aside: none. Word counts of old reviews: 86.0 %, as before")
