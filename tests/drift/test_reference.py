"""`reference.read`: what was written comes back, and what is damaged is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.drift_rows import make_reference

from bertsent.base.digests import sha256_text
from bertsent.base.errors import ArtefactError
from bertsent.drift import reference


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "reference.npz"
    make_reference(file, rows=20, heldout=10)
    return file


def change(path: Path, **arrays: Any) -> None:
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files}
    np.savez_compressed(path, **(kept | arrays))


def test_read_gives_what_was_written(tmp_path: Path) -> None:
    rows = [np.array(row, np.int32) for row in ([5, 3, 5], [7], [])]
    reference.write(
        tmp_path / "reference.npz",
        rows=rows,
        labels=[1, 0, 1],
        heldout_scores=[0.25, 0.75],
        heldout_labels=[0, 1],
        heldout_lengths=[-1, 230],
        seed=1,
    )
    found = reference.read(tmp_path / "reference.npz")
    assert found.counts.toarray().tolist() == [[0, 0, 0, 1, 0, 2, 0, 0], [0] * 7 + [1], [0] * 8]
    assert (found.label.tolist(), found.length.tolist(), found.rows) == ([1, 0, 1], [3, 1, 0], 3)
    assert (found.heldout_score.tolist(), found.heldout_label.tolist()) == ([0.25, 0.75], [0, 1])
    assert found.heldout_length.tolist() == [-1, 230]
    assert not found.trained_on([sha256_text("anything")]).any()


def test_read_of_a_file_without_lengths_of_held_out_rows_calls_them_unknown(path: Path) -> None:
    with np.load(path) as stored:
        assert "heldout_length" not in stored.files
    assert (reference.read(path).heldout_length < 0).all()


def test_read_knows_the_texts_that_were_trained_on(path: Path) -> None:
    digests = [sha256_text(f"trained {place}") for place in (3, 19, 20)]
    assert reference.read(path).trained_on(digests).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "arrays",
    [
        {"indptr": np.array([0, 1])},
        {"label": np.full(20, 2, np.int8)},
        {"length": np.zeros(20, np.int32)},
        {"heldout_score": np.full(10, np.nan, np.float32)},
        {"heldout_score": np.zeros(9, np.float32)},
        {"heldout_length": np.zeros(9, np.int32)},
        {"newest": np.ones(19, np.bool_)},
        {"heldout_newest": np.ones(11, np.bool_)},
        {"pieces": np.array([-1])},
        {"counts": np.array([["a"]])},
    ],
    ids=lambda arrays: next(iter(arrays)),
)
def test_read_refuses_arrays_that_do_not_fit(path: Path, arrays: dict[str, Any]) -> None:
    change(path, **arrays)
    with pytest.raises(ArtefactError):
        reference.read(path)


@pytest.mark.parametrize("content", [b"", b"no archive", None], ids=["empty", "text", "missing"])
def test_read_refuses_what_is_no_reference(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        reference.read(path)
    assert caught.value.hint


def test_read_refuses_half_a_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ArtefactError):
        reference.read(path)


def test_read_never_unpickles(path: Path) -> None:
    change(path, label=np.array([{}] * 20, dtype=object))
    with pytest.raises(ArtefactError):
        reference.read(path)


@pytest.mark.slow
def test_read_refuses_more_than_a_reference_can_hold(path: Path) -> None:
    change(path, counts=np.zeros(40_000_000, np.int64))
    with pytest.raises(ArtefactError):
        reference.read(path)
