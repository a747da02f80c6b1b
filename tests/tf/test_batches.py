"""Batches of like length, and the optimizers' learning rates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from bertsent.base.records.core import Review
from bertsent.base.settings.training import Optimizer, TrainSettings
from bertsent.scoring.tokenizer import Tokenizer

ROWS, BATCH = 1990, 16


@pytest.fixture(scope="module")
def split() -> Any:
    """Rows of 3 to 40 pieces; the piece in the middle of a row is its number."""
    from bertsent.tf.batches import Encoded

    lengths = np.random.default_rng(5).integers(3, 41, ROWS)
    rows = [
        np.array([101, number + 1, *[7] * (length - 3), 102], np.int32)
        for number, length in enumerate(lengths)
    ]
    labels = np.arange(ROWS) % 2
    return Encoded.of(rows, (0.1 + 0.8 * labels).astype("f4"))


def numbers(dataset: Any) -> list[int]:
    """The numbers of the rows in the order they come."""
    return [int(row) - 1 for ids, _ in dataset.as_numpy_iterator() for row in ids[:, 1]]


def batches(split: Any, **options: int) -> Any:
    from bertsent.tf.batches import training_batches

    return training_batches(split, **{"batch_size": BATCH, "seed": 42, "epoch": 1} | options)


def test_training_batches_bring_every_row_once(split: Any) -> None:
    order = numbers(batches(split))
    assert sorted(order) == list(range(ROWS))


def test_training_batches_follow_from_seed_and_epoch(split: Any) -> None:
    order = numbers(batches(split))
    assert numbers(batches(split)) == order
    assert numbers(batches(split, epoch=2)) != order
    assert numbers(batches(split, seed=43)) != order


def test_training_batches_keep_row_and_target_together(split: Any) -> None:
    for ids, targets in batches(split).as_numpy_iterator():
        assert targets.shape == (len(ids), 1)
        assert targets.dtype == np.float32
        assert (targets[:, 0] == split.targets[ids[:, 1] - 1]).all()


def test_training_batches_hold_rows_of_like_length(split: Any) -> None:
    shapes = [ids.shape for ids, _ in batches(split).as_numpy_iterator()]
    padded = sum(rows * width for rows, width in shapes)
    assert padded < 1.1 * split.lengths.sum()  # in random order it is 1.75 times as much
    assert Counter(rows for rows, _ in shapes) == {BATCH: ROWS // BATCH, ROWS % BATCH: 1}
    assert [width for _, width in shapes] != sorted(width for _, width in shapes)


def test_training_batches_pad_with_0_to_the_longest(split: Any) -> None:
    for ids, _ in batches(split).as_numpy_iterator():
        lengths = (ids != 0).sum(axis=1)
        assert lengths.max() == ids.shape[1]
        assert (lengths == split.lengths[ids[:, 1] - 1]).all()


def test_scoring_batches_say_how_to_restore_the_order(split: Any) -> None:
    from bertsent.tf.batches import scoring_batches

    dataset, order = scoring_batches(split, batch_size=BATCH)
    restored = np.empty(ROWS, int)
    restored[order] = numbers(dataset)
    assert restored.tolist() == list(range(ROWS))
    widths = [ids.shape[1] for ids, _ in dataset.as_numpy_iterator()]
    assert widths == sorted(widths)


def test_rows_are_those_that_were_encoded(split: Any) -> None:
    rows = split.rows()
    assert [len(row) for row in rows] == split.lengths.tolist()
    assert [row[1] for row in rows] == list(range(1, ROWS + 1))
    assert {(int(row[0]), int(row[-1])) for row in rows} == {(101, 102)}


# encode, head, join


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Letters and marks, each a word of its own."""
    return Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefg.!?,"], lower_case=True)


def encode(reviews: Sequence[Review], tokenizer: Tokenizer, **options: Any) -> Any:
    from bertsent.tf import batches

    return batches.encode(reviews, tokenizer, **{"seq_length": 10, "kind": "head+tail"} | options)


def texts(split: Any, tokenizer: Tokenizer) -> list[str]:
    """The rows in letters, without [CLS] and [SEP], which each row must have."""
    rows = [tokenizer.pieces(row.tolist()) for row in split.rows()]
    assert {(row[0], row[-1]) for row in rows} <= {("[CLS]", "[SEP]")}
    return [" ".join(row[1:-1]) for row in rows]


@pytest.mark.parametrize(
    ("kind", "seen"), [("head", "a b c d e f g a"), ("head+tail", "a b d e f g a b")], ids=str
)
def test_encode_cuts_to_the_window(tokenizer: Tokenizer, kind: str, seen: str) -> None:
    encoded = encode([Review("a b c d e f g a b c d e f g a b", 1), Review("b", 0)], tokenizer, kind=kind)
    assert texts(encoded, tokenizer) == [seen, "b"]
    assert encoded.lengths.tolist() == [10, 3]


def test_encode_learns_labels_where_nothing_else_is_said(tokenizer: Tokenizer) -> None:
    encoded = encode([Review("a", 1), Review("b", 0)], tokenizer)
    assert encoded.labels.tolist() == [1, 0]
    assert encoded.targets.tolist() == [1, 0]
    assert encoded.targets.dtype == np.float32


def test_encode_takes_targets_and_the_nearer_label(tokenizer: Tokenizer) -> None:
    targets = np.array([0.2, 0.5, 0.9, 0.49], np.float32)
    encoded = encode([Review("a")] * 4, tokenizer, targets=targets)
    assert encoded.targets.tolist() == targets.tolist()
    assert encoded.labels.tolist() == [0, 1, 1, 0]


def test_encode_of_no_review_is_empty(tokenizer: Tokenizer) -> None:
    encoded = encode([], tokenizer)
    assert len(encoded) == 0
    assert encoded.rows() == []


def test_encode_keeps_the_pieces_of_whole_texts_for_any_window(tokenizer: Tokenizer, tmp_path: Path) -> None:
    reviews = [Review("a b c d " * (number % 9), number % 2) for number in range(1000)]
    lengths = {}
    for seq_length in (32, 10, 64):
        encoded = encode(reviews, tokenizer, seq_length=seq_length, cache=tmp_path / "tokens")
        plain = encode(reviews, tokenizer, seq_length=seq_length)
        assert encoded.ids.tolist() == plain.ids.tolist()
        lengths[seq_length] = encoded.lengths.max()
    assert lengths == {10: 10, 32: 32, 64: 34}
    assert len(list((tmp_path / "tokens").iterdir())) == 1


def same(first: Any, second: Any) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("ids", "lengths", "labels", "targets")
    )


def test_head_is_the_first_rows_or_all(split: Any) -> None:
    from bertsent.tf.batches import head

    some = head(split, 7)
    assert [row.tolist() for row in some.rows()] == [row.tolist() for row in split.rows()[:7]]
    assert some.labels.tolist() == split.labels[:7].tolist()
    assert some.targets.tolist() == split.targets[:7].tolist()
    assert same(head(split, ROWS + 1), split)
    assert len(head(split, 0)) == 0


def test_join_puts_the_rows_of_one_behind_the_other(split: Any, tokenizer: Tokenizer) -> None:
    from bertsent.tf.batches import head, join

    other = encode([Review("a . b", 1), Review("", 0)], tokenizer)
    both = join(head(split, 3), other)
    assert [row.tolist() for row in both.rows()] == [row.tolist() for row in split.rows()[:3] + other.rows()]
    assert both.labels.tolist() == [*split.labels[:3].tolist(), 1, 0]
    assert both.targets.tolist() == [*split.targets[:3].tolist(), 1, 0]
    assert same(join(split, head(split, 0)), split)
    assert same(join(head(split, 0), split), split)


# crops


CROP_LIMIT = 96  # word pieces


def crops(split: Any, tokenizer: Tokenizer, *, share: float = 5.0, seed: int = 1, epoch: int = 1) -> Any:
    """The split with crops; what it was must be its beginning."""
    from bertsent.tf.batches import head, sentence_ends, with_crops

    made = with_crops(split, share, ends=sentence_ends(tokenizer), seed=seed, epoch=epoch)
    assert same(head(made, len(split)), split)
    return made


def reviews_of_sentences(tokenizer: Tokenizer, *, count: int = 400, seq_length: int = 160) -> Any:
    """Rows whose target is their own, of sentences of 1 to 30 letters, some of them without an end."""
    random = np.random.default_rng(3)

    def text() -> str:
        sentences = [
            " ".join([*random.choice(list("abcdefg,"), random.integers(1, 31)), random.choice(list(".!?"))])
            for _ in range(random.integers(1, 12))
        ]
        return " ".join(sentences)[: random.integers(10, 1000)]

    reviews = [Review(text()) for _ in range(count)]
    targets = ((np.arange(count) + 1) / (count + 2)).astype(np.float32)
    return encode(reviews, tokenizer, seq_length=seq_length, targets=targets)


@pytest.fixture(scope="module")
def whole(tokenizer: Tokenizer) -> Any:
    return reviews_of_sentences(tokenizer)


def places(row: str, crop: str) -> list[int]:
    """Where a run of pieces stands in a row; a piece is one letter, so every second place is one."""
    return [place for place in range(0, len(row), 2) if row.startswith(crop, place)]


def fits(row: str, crop: str, place: int) -> bool:
    """Whether this run begins where a sentence or the row begins and ends where either ends."""
    behind = place + len(crop)
    begins = place == 0 or row[place - 2] in ".!?"
    ends = behind == len(row) or crop[-1] in ".!?" or len(crop.split()) == CROP_LIMIT
    return begins and ends


def test_sentence_ends_are_the_marks(tokenizer: Tokenizer) -> None:
    from bertsent.tf.batches import sentence_ends

    assert sorted(tokenizer.pieces(sentence_ends(tokenizer).tolist())) == ["!", ".", "?"]


@pytest.mark.parametrize("share", [0.5, 1.0, 5.0])
def test_crops_are_about_as_many_as_were_asked_for(whole: Any, tokenizer: Tokenizer, share: float) -> None:
    made = len(crops(whole, tokenizer, share=share)) - len(whole)
    assert 0.85 * share * len(whole) < made <= share * len(whole)  # too short ones are dropped


def test_crops_are_whole_sentences_of_their_review(whole: Any, tokenizer: Tokenizer) -> None:
    made = crops(whole, tokenizer)
    rows, of_target = (
        texts(whole, tokenizer),
        {float(target): row for row, target in enumerate(whole.targets)},
    )
    found = texts(made, tokenizer)[len(whole) :]
    for crop, target in zip(found, made.targets[len(whole) :].tolist(), strict=True):
        row = rows[of_target[target]]
        assert any(fits(row, crop, place) for place in places(row, crop)), (row, crop)
    assert len(set(found)) > len(found) / 4
    assert (made.labels == (made.targets >= 0.5)).all()


def test_crops_have_four_pieces_to_the_limit(whole: Any, tokenizer: Tokenizer) -> None:
    lengths = crops(whole, tokenizer).lengths[len(whole) :] - 2
    assert lengths.min() == 4
    assert lengths.max() <= CROP_LIMIT
    assert (lengths < 16).mean() > 0.1, "short texts are what crops are for"
    assert (lengths > 32).mean() > 0.2


def test_crops_come_from_all_rows_and_all_their_parts(whole: Any, tokenizer: Tokenizer) -> None:
    made = crops(whole, tokenizer, share=20)
    assert len(set(made.targets.tolist())) > 0.95 * len(whole)
    rows, found = texts(whole, tokenizer), texts(made, tokenizer)[len(whole) :]
    starts = sum(any(row.startswith(crop) for row in rows) for crop in found[:1000])
    ends = sum(any(row.endswith(crop) for row in rows) for crop in found[:1000])
    assert 0 < starts < 600
    assert 0 < ends < 600


def test_crops_take_label_and_target_of_their_review(tokenizer: Tokenizer) -> None:
    targets = np.array([0.9, 0.2], np.float32)
    made = crops(
        encode(
            [Review("a a a a . " * 20), Review("b b b b . " * 20)], tokenizer, targets=targets, seq_length=80
        ),
        tokenizer,
        share=20,
    )
    for text, label, target in zip(
        texts(made, tokenizer), made.labels.tolist(), made.targets.tolist(), strict=True
    ):
        assert (label, target) == ((1, pytest.approx(0.9)) if "a" in text else (0, pytest.approx(0.2)))
        assert not {"a", "b"} <= set(text), "crosses the border of a row"


def test_crops_follow_from_seed_and_epoch(whole: Any, tokenizer: Tokenizer) -> None:
    made = crops(whole, tokenizer)
    assert same(crops(whole, tokenizer), made)
    assert not same(crops(whole, tokenizer, epoch=2), made)
    assert not same(crops(whole, tokenizer, seed=2), made)


@pytest.mark.parametrize("share", [0.0, 0.002])
def test_crops_of_no_share_are_none(whole: Any, tokenizer: Tokenizer, share: float) -> None:
    assert same(crops(whole, tokenizer, share=share), whole)


def test_crops_of_an_empty_split_are_none(tokenizer: Tokenizer) -> None:
    assert len(crops(encode([], tokenizer), tokenizer)) == 0


@pytest.mark.parametrize("text", ["a", "", ".", "a b .", ". . ."])
def test_crops_of_rows_too_short_for_one_are_none(tokenizer: Tokenizer, text: str) -> None:
    rows = encode([Review(text, 1)] * 50, tokenizer)
    assert same(crops(rows, tokenizer), rows)


def test_crops_of_a_row_without_sentence_ends_are_all_of_it_to_the_limit(tokenizer: Tokenizer) -> None:
    reviews = [Review("d a " + "b " * 140, 1), Review("c . c c c c c . c", 0), Review("e a " + "b " * 18, 1)]
    rows = encode(reviews * 30, tokenizer, seq_length=200)
    found = [text for text in texts(crops(rows, tokenizer), tokenizer)[len(rows) :] if "c" not in text]
    assert set(found) == {"d a" + " b" * (CROP_LIMIT - 2)}, "one sentence has nothing to cut out"


def test_crops_where_no_sentence_ends_are_beginnings_of_rows(tokenizer: Tokenizer) -> None:
    long = [Review("d a " + "b " * 140, 1), Review("e a " + "b " * 120, 0)]
    rows = encode(long * 30, tokenizer, seq_length=200)
    for text in (found := texts(crops(rows, tokenizer), tokenizer)[len(rows) :]):
        assert text.startswith(("d a b b", "e a b b"))
        assert len(text.split()) <= CROP_LIMIT
    assert {text[0] for text in found} == {"d", "e"}


def test_crops_pass_by_rows_that_are_too_short(tokenizer: Tokenizer) -> None:
    reviews = [Review(text, 1) for text in ("", "a", "b b b b b . c .", "c", "")]
    rows = encode(reviews * 40, tokenizer)
    found = texts(crops(rows, tokenizer), tokenizer)[len(rows) :]
    assert set(found) == {"b b b b b .", "b b b b b . c ."}


def test_crops_pass_by_single_sentences(tokenizer: Tokenizer) -> None:
    rows = encode([Review("b b b b b b .", 1), Review("a a a a . b b b b .", 0)] * 40, tokenizer)
    found = texts(crops(rows, tokenizer), tokenizer)[len(rows) :]
    assert found
    assert not any(text == "b b b b b b ." for text in found)


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_create_warms_up_and_decays_to_nothing(name: Optimizer) -> None:
    from bertsent.tf import optimizer

    settings = TrainSettings(optimizer=name, init_lr=1e-3, warmup=0.1)
    rate = optimizer.create(settings, steps=100).learning_rate
    rates = [float(rate(step)) for step in range(101)]
    assert rates[0] == 0
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == pytest.approx(9e-4)  # what the decay has left of it when the warm-up ends
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0


def test_create_starts_high_without_warmup() -> None:
    from bertsent.tf import optimizer

    for name in get_args(Optimizer):
        settings = replace(TrainSettings(optimizer=name, init_lr=1e-3), warmup=0.0)
        assert math.isclose(float(optimizer.create(settings, steps=100).learning_rate(0)), 1e-3, rel_tol=1e-6)
