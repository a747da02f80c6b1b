"""Which training rows `reference.write` keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bertsent.base.settings.drift import ReferenceSettings
from bertsent.drift import reference
from bertsent.drift.reference import Reference

SENTENCE = [11, 12, 13, 14, 15, 16, 17, 18]
FEW = ReferenceSettings(max_rows=4)


def written(
    path: Path,
    rows: Sequence[Sequence[int]],
    *,
    newest: Sequence[int] = (),
    settings: ReferenceSettings = FEW,
    seed: int = 1,
) -> Reference:
    reference.write(
        path / "reference.npz",
        rows=[np.array(row, np.int32) for row in rows],
        labels=np.arange(len(rows)) % 2,
        heldout_scores=[0.5, 0.5],
        heldout_labels=[0, 1],
        seed=seed,
        newest=[index in newest for index in range(len(rows))] if newest else (),
        heldout_newest=[False, False],
        settings=settings,
    )
    return reference.read(path / "reference.npz")


def apart(count: int, length: int, start: int = 100) -> list[list[int]]:
    """Rows that share no piece."""
    return [list(range(start + row * length, start + (row + 1) * length)) for row in range(count)]


def test_write_keeps_as_many_rows_of_each_kind(tmp_path: Path) -> None:
    rows = apart(40, 5) + apart(9, 64, 1000) + apart(3, 65, 3000) + apart(1, 300, 5000)
    found = written(tmp_path, rows)
    assert (found.length <= 64).sum() == 4
    assert sorted(found.length[found.length > 64].tolist()) == [65, 65, 65, 300]


def test_recent_rows_have_half_of_each_kind(tmp_path: Path) -> None:
    rows = apart(20, 5) + apart(20, 80, 1000)
    found = written(tmp_path, rows, newest=[0, 1, 2, 20, 21, 22], settings=ReferenceSettings(max_rows=6))
    for kind in (found.length <= 64, found.length > 64):
        assert (kind.sum(), found.newest[kind].sum()) == (6, 3)


@pytest.mark.parametrize("seed", range(6))
def test_write_prefers_a_sentence_to_its_phrases(tmp_path: Path, seed: int) -> None:
    phrases = [SENTENCE[start : start + 5] for start in range(4)] + [SENTENCE[:3], SENTENCE[2:]]
    others = apart(3, 6)
    found = written(tmp_path, [*phrases, SENTENCE, *others], seed=seed)
    assert sorted(bag.tolist() for bag in found.bags()) == sorted([SENTENCE, *others])


def test_write_keeps_a_copy_once(tmp_path: Path) -> None:
    found = written(tmp_path, [SENTENCE] * 30 + apart(3, 6))
    assert sorted(found.length.tolist()) == [6, 6, 6, 8]


def test_write_fills_up_with_phrases_where_there_are_few_sentences(tmp_path: Path) -> None:
    phrases = [SENTENCE[start : start + 4] for start in range(5)]
    found = written(tmp_path, [*phrases, SENTENCE])
    assert sorted(found.length.tolist()) == [4, 4, 4, 8]


def test_write_keeps_phrases_where_there_is_room_for_all(tmp_path: Path) -> None:
    rows = [SENTENCE, SENTENCE[:4], SENTENCE[4:]]
    assert [bag.tolist() for bag in written(tmp_path, rows).bags()] == rows


def test_write_takes_rows_with_a_common_turn_of_phrase_for_two(tmp_path: Path) -> None:
    rows = [[1, 2, 3, 4, *own] for own in apart(4, 6)]
    phrases = [row[4:8] for row in rows]
    assert written(tmp_path, [*phrases, *rows]).length.tolist() == [10] * 4


def test_write_prefers_a_recent_phrase_to_an_older_sentence(tmp_path: Path) -> None:
    recent = SENTENCE[:6]
    found = written(tmp_path, [SENTENCE, recent, *apart(4, 7)], newest=[1])
    bags = [bag.tolist() for bag in found.bags()]
    assert recent in bags
    assert len(bags) == 4
