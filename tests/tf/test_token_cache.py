"""The cache of word pieces: what is found in it, and what never is."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertsent.base.errors import StorageError
from bertsent.scoring.tokenizer import AnyTokenizer, Tokenizer

COUNT = 1000  # texts; below it nothing is kept
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class Counting(Tokenizer):
    """A tokenizer that counts the texts it has cut."""

    cut = 0

    def encode(self, texts: Sequence[str]) -> list[Any]:
        self.cut += len(texts)
        return super().encode(texts)


def tokenizer(*pieces: str, lower_case: bool = True) -> Counting:
    return Counting([*SPECIAL, "good", "film", *pieces], lower_case=lower_case)


def word_pieces(texts: Sequence[str], by: AnyTokenizer, cache: Path | None = None) -> list[list[int]]:
    from bertsent.tf import batches

    rows = batches.word_pieces(texts, by, cache=cache)
    assert {row.dtype for row in rows} <= {np.dtype(np.int32)}
    return [row.tolist() for row in rows]


@pytest.fixture
def texts() -> list[str]:
    """Texts of 0 to 6 pieces; the first and the last have none."""
    return ["good " * (number % 7) + "film " * (number % 2) for number in range(COUNT)] + [""]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def files(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.exists() else []


def test_word_pieces_are_the_same_with_and_without_a_cache(texts: list[str], cache: Path) -> None:
    plain = word_pieces(texts, tokenizer())
    assert plain == [row.tolist() for row in tokenizer().encode(texts)]
    assert word_pieces(texts, tokenizer(), cache) == plain
    assert word_pieces(texts, tokenizer(), cache) == plain


def test_word_pieces_are_cut_once(texts: list[str], cache: Path) -> None:
    first, second = tokenizer(), tokenizer()
    word_pieces(texts, first, cache)
    word_pieces(texts, second, cache)
    assert (first.cut, second.cut) == (len(texts), 0)
    assert len(files(cache)) == 1


@pytest.mark.parametrize(
    "other",
    [tokenizer("bad"), tokenizer(lower_case=False)],
    ids=["vocabulary", "case"],
)
def test_word_pieces_of_another_tokenizer_are_not_found(
    texts: list[str], cache: Path, other: Counting
) -> None:
    word_pieces(texts, tokenizer(), cache)
    word_pieces(texts, other, cache)
    assert other.cut == len(texts)
    assert len(files(cache)) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda texts: [*texts[:-1], "film"],
        lambda texts: texts[:-1],
        lambda texts: texts[::-1],
        lambda texts: [texts[0] + texts[1], "", *texts[2:]],
        lambda texts: [*texts[:2], texts[2] + "\n" + texts[3], *texts[4:]],
    ],
    ids=["another text", "one less", "other order", "other borders", "line end"],
)
def test_word_pieces_of_other_texts_are_not_found(
    texts: list[str], cache: Path, change: Callable[[list[str]], list[str]]
) -> None:
    word_pieces(texts, tokenizer(), cache)
    others, cutting = change(texts), tokenizer()
    found = word_pieces(others, cutting, cache)
    assert cutting.cut == len(others)
    assert found == [row.tolist() for row in tokenizer().encode(others)]


def archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20],
        lambda whole: whole + b"\0",
        lambda whole: b"no archive at all",
        lambda whole: archive(other=np.zeros(3)),
        lambda whole: archive(pieces=np.zeros(COUNT + 1, np.int32), ends=np.arange(COUNT + 1)),
        lambda whole: b"\0" * len(whole),
    ],
    ids=["empty", "cut", "half", "short", "longer", "text", "other archive", "other pieces", "zeros"],
)
def test_word_pieces_from_a_damaged_file_are_cut_and_written_anew(
    texts: list[str], cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    plain = word_pieces(texts, tokenizer(), cache)
    (file,) = files(cache)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    cutting, again = tokenizer(), tokenizer()
    assert word_pieces(texts, cutting, cache) == plain
    assert cutting.cut == len(texts)
    assert file.read_bytes() == whole
    assert word_pieces(texts, again, cache) == plain
    assert again.cut == 0


def test_word_pieces_from_a_file_with_a_flipped_bit_are_right(texts: list[str], cache: Path) -> None:
    plain = word_pieces(texts, tokenizer(), cache)
    (file,) = files(cache)
    whole, cutting = file.read_bytes(), tokenizer()
    # Headers, where NumPy may read fewer or other numbers than were written, and pieces.
    places = [*range(0, 300, 4), *range(1000, len(whole), len(whole) // 20)]
    for place in places:
        file.write_bytes(flipped(whole, place))
        assert word_pieces(texts, cutting, cache) == plain
    assert cutting.cut == len(places) * len(texts)


def test_cache_keeps_the_eight_files_that_were_used_last(texts: list[str], cache: Path) -> None:
    for number in range(12):
        word_pieces([*texts, str(number)], tokenizer(), cache)
        for age, file in enumerate(sorted(files(cache), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(file, (age, age))  # a file system may tell no two writes of a moment apart
        word_pieces([*texts, "0"], zero := tokenizer(), cache)  # in use all the time
        assert zero.cut == 0
        assert len(files(cache)) == min(number + 1, 8)
    kept = [tokenizer() for _ in range(12)]
    for number in (0, 11, 10, 9, 8, 7, 6, 5):
        word_pieces([*texts, str(number)], kept[number], cache)
        assert kept[number].cut == 0


def test_cache_leaves_other_files_alone(texts: list[str], cache: Path) -> None:
    cache.mkdir()
    (cache / "notes.txt").write_text("mine")
    for number in range(9):
        word_pieces([*texts, str(number)], tokenizer(), cache)
    assert (cache / "notes.txt").read_text() == "mine"
    assert len(files(cache)) == 9


def test_cache_is_not_worth_it_below_a_thousand_texts(texts: list[str], cache: Path) -> None:
    word_pieces(texts[: COUNT - 1], tokenizer(), cache)
    assert not cache.exists()
    word_pieces(texts[:COUNT], tokenizer(), cache)
    assert len(files(cache)) == 1


def test_word_pieces_of_texts_without_any_word(cache: Path) -> None:
    assert word_pieces([""] * COUNT, tokenizer(), cache) == [[]] * COUNT
    assert word_pieces([""] * COUNT, again := tokenizer(), cache) == [[]] * COUNT
    assert again.cut == 0


def test_cache_that_cannot_be_written_is_a_storage_error(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        word_pieces(texts, tokenizer(), tmp_path / "file" / "tokens")
