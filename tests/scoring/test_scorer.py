"""Scoring: the same score however texts are grouped, windows, thresholds, and what is held at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import fake_versions
from support.listener import Listener

from bertsent.base.errors import ArtefactError
from bertsent.base.records.core import Review
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.data.sample import read_sample
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import window
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER

SEEN = 30  # word pieces in the window of the trained version: 32 tokens less [CLS] and [SEP]
TOLERANCE = 1e-6  # measured: no bit differs, also with minilm; other processors may sum in another order


def scorer(folder: Path, **settings: Any) -> Scorer:
    return Scorer(store.find(None, folder=folder), ScoreSettings(**settings))


def scores(folder: Path, texts: list[str], **settings: Any) -> np.ndarray[Any, Any]:
    return np.array([prediction.score for prediction in scorer(folder, **settings).predict(texts)])


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of all lengths, from none to far beyond the window."""
    reviews = [review.text for review in read_sample()[:90]]
    return ["", "good", *reviews, "a very long film " * 300, "🎬", "[SEP] [CLS]"]


@pytest.fixture(scope="module")
def alone(trained: Path, texts: list[str]) -> np.ndarray[Any, Any]:
    """The score of each text by itself."""
    single = scorer(trained, workers=1, chunk=1)
    return np.array([next(single.predict([text])).score for text in texts])


# the same score


def test_scores_tell_texts_apart(alone: np.ndarray[Any, Any]) -> None:
    assert len({round(score / TOLERANCE) for score in alone}) > len(alone) * 0.9
    assert np.ptp(alone) > 1000 * TOLERANCE


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"workers": 1},
        {"workers": 3, "chunk": 7},
        {"workers": 7, "chunk": 10_000},
        {"chunk": 1},
    ],
    ids=str,
)
def test_score_does_not_depend_on_workers_or_chunk(
    trained: Path, texts: list[str], alone: np.ndarray[Any, Any], settings: dict[str, int]
) -> None:
    np.testing.assert_allclose(scores(trained, texts, **settings), alone, rtol=0, atol=TOLERANCE)


def test_score_does_not_depend_on_order_or_company(
    trained: Path, texts: list[str], alone: np.ndarray[Any, Any]
) -> None:
    reverse = scores(trained, texts[::-1])[::-1]
    np.testing.assert_allclose(reverse, alone, rtol=0, atol=TOLERANCE)
    among = scores(trained, [text for pair in zip(texts, texts[::-1], strict=True) for text in pair])[::2]
    np.testing.assert_allclose(among, alone, rtol=0, atol=TOLERANCE)


def test_predict_with_token_ids_gives_what_was_scored(trained: Path, texts: list[str]) -> None:
    loaded = scorer(trained, chunk=40)
    found = list(loaded.predict_with_token_ids(Review(text) for text in texts))
    assert [prediction for prediction, _ in found] == list(loaded.predict(texts))
    encoded = loaded.word_pieces(texts)
    for (prediction, token_ids), ids in zip(found, encoded, strict=True):
        assert token_ids.tolist() == window(ids, seq_length=SEEN + 2, kind="head+tail").tolist()
        assert prediction.tokens == len(ids)


def test_score_is_the_same_bits_a_second_time(trained: Path, texts: list[str]) -> None:
    assert scores(trained, texts).tolist() == scores(trained, texts).tolist()


def test_score_finds_the_probes_of_the_manifest_again(trained: Path) -> None:
    probes = store.find(None, folder=trained).manifest.probes
    assert len(probes) >= 3
    np.testing.assert_allclose(scores(trained, list(probes)), list(probes.values()), rtol=0, atol=TOLERANCE)


def test_score_sees_the_cleaned_text(trained: Path) -> None:
    spelt = ["good film", "\ufeffgood<br />film", "  good \r\n film "]
    assert len(set(scores(trained, spelt).tolist())) == 1


# predictions


def test_predict_keeps_text_order_and_source(trained: Path) -> None:
    reviews = [Review("long " * 50, 1, "b.txt"), Review("\ud800", None, ""), Review("short", 0, "a.csv:3")]
    predictions = list(scorer(trained).predict_reviews(reviews))
    assert [(p.text, p.gold, p.path) for p in predictions] == [(r.text, r.label, r.path) for r in reviews]
    assert {p.version for p in predictions} == {"1"}
    assert all(0 <= p.score <= 1 for p in predictions)


def test_scores_are_those_of_predict_in_their_order(trained: Path, texts: list[str]) -> None:
    heard = Listener()
    found = scorer(trained).scores(texts, what="Scoring films", progress=heard)
    assert found.tolist() == scores(trained, texts).tolist()
    assert heard.totals == {"Scoring films": len(texts)}


def test_predict_scores_an_empty_text_as_one_without_words(trained: Path) -> None:
    empty, blank = scorer(trained).predict(["", " \n"])
    assert (empty.tokens, empty.truncated) == (0, False)
    assert empty.score == blank.score


@pytest.mark.parametrize(("words", "truncated"), [(SEEN, False), (SEEN + 1, True), (200_000, True)])
def test_predict_says_when_the_window_does_not_hold_the_text(
    trained: Path, words: int, truncated: bool
) -> None:
    (prediction,) = scorer(trained).predict(["film " * words])
    assert (prediction.tokens, prediction.truncated) == (words, truncated)


@pytest.mark.parametrize("window", ["head", "head+tail"])
def test_predict_sees_what_the_window_keeps(model: Path, window: str) -> None:
    fake_versions.edit(model / "1", window=window)
    kept = "film " * SEEN
    same_end, other_end, other_middle = scores(
        model, [kept + "film " * 60, kept + "film " * 30 + "good " * 30, kept + "good " * 30 + "film " * 30]
    )
    assert same_end == other_middle, "what is far from both ends is never seen"
    assert (same_end == other_end) == (window == "head")


def test_label_is_positive_at_the_threshold_and_above(trained: Path) -> None:
    (score,) = scores(trained, ["great film"])
    above = math.nextafter(score, 1)
    assert next(scorer(trained, threshold=score).predict(["great film"])).label == "positive"
    assert next(scorer(trained, threshold=above).predict(["great film"])).label == "negative"


# the band that answers nothing


def bands(score: float) -> dict[str, tuple[float, float]]:
    """Bands around 0.5 that hold a score, end at it, begin at it, or lie beside it."""
    low, high = min(score, 0.5), max(score, 0.5)
    return {
        "around": (low - 0.01, high + 0.01),
        "to its ends": (low, high),
        "nowhere": (0.5, 0.5),
    }


@pytest.mark.parametrize(("where", "unsure"), [("around", True), ("to its ends", False), ("nowhere", False)])
@pytest.mark.parametrize("text", ["great film", "It is meh.", "a waste of time"])
def test_label_is_unsure_between_the_ends_of_the_band(
    model: Path, text: str, where: str, unsure: bool
) -> None:
    (score,) = scores(model, [text])
    assert score != 0.5
    fake_versions.edit(
        model / "1", calibration={"temperature": 1.0, "unsure": bands(score)[where], "rows": 20}
    )
    (prediction,) = scorer(model).predict([text])
    assert prediction.score == score
    assert prediction.label == ("unsure" if unsure else "positive" if score >= 0.5 else "negative")


@pytest.mark.parametrize("threshold", [0.5, 0.3, 0.9])
def test_label_by_a_threshold_that_was_set_is_never_unsure(
    model: Path, texts: list[str], threshold: float
) -> None:
    fake_versions.edit(model / "1", calibration={"temperature": 1.0, "unsure": [0.0, 1.0], "rows": 20})
    assert {one.label for one in scorer(model).predict(texts)} == {"unsure"}
    for prediction in scorer(model, threshold=threshold).predict(texts):
        assert prediction.label == ("positive" if prediction.score >= threshold else "negative")


@pytest.mark.parametrize("calibration", [None, {}, {"temperature": 1.5}], ids=str)
def test_label_of_a_version_without_a_band_is_never_unsure(
    model: Path, texts: list[str], calibration: dict[str, float] | None
) -> None:
    fake_versions.edit(model / "1", calibration=calibration)
    for prediction in scorer(model).predict(texts):
        assert prediction.label == ("positive" if prediction.score >= 0.5 else "negative")


def test_threshold_is_the_middle_where_none_was_set(trained: Path) -> None:
    assert scorer(trained).threshold == 0.5
    assert scorer(trained, threshold=0.7).threshold == 0.7


# laziness


@pytest.mark.parametrize(("chunk", "asked", "taken"), [(1, 1, 1), (1, 5, 5), (4, 1, 8), (4, 5, 12)])
def test_predict_reads_no_more_than_a_chunk_ahead(trained: Path, chunk: int, asked: int, taken: int) -> None:
    count = 0

    def endless() -> Iterator[str]:
        nonlocal count
        while True:
            count += 1
            assert count < 1000, "takes all there is"
            yield f"film number {count}"

    predictions = scorer(trained, chunk=chunk).predict(endless())
    assert count == 0
    assert len(list(itertools.islice(predictions, asked))) == asked
    assert count == taken


def test_predict_reads_few_texts_ahead_where_they_are_long(trained: Path) -> None:
    read = []
    texts = (read.append(number) or "long film " * 100 for number in range(50))
    predictions = scorer(trained, chunk_characters=3000).predict(texts)
    assert len([*itertools.islice(predictions, 4)]) == 4
    assert len(read) == 9


def test_workers_stop_where_nobody_waits_for_the_scores_any_more(trained: Path) -> None:
    version = store.find(None, folder=trained)
    tokenizer = Scorer(version).tokenizer
    litert = LiteRTClassifier(
        version.file(CLASSIFIER), tokenizer=tokenizer, settings=ScoreSettings(workers=3)
    )
    rows = [np.arange(5, 25, dtype=np.int32)] * 3000
    with pytest.raises(KeyboardInterrupt), litert.scoring(rows) as scores:
        raise KeyboardInterrupt
    left = np.count_nonzero(scores == 0)
    assert left > 1000
    assert np.count_nonzero(litert.score(rows) == 0) == 0
    assert np.count_nonzero(scores == 0) == left, "a worker went on"


# versions that cannot score


def test_scorer_refuses_a_damaged_file_before_scoring(model: Path) -> None:
    path = model / "1" / CLASSIFIER
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=CLASSIFIER):
        scorer(model)


@pytest.mark.parametrize("content", [b"", b"no model at all" * 100])
def test_scorer_refuses_what_litert_cannot_read(model: Path, content: bytes) -> None:
    version = store.find("1", folder=model)
    (version.path / CLASSIFIER).write_bytes(content)
    store.finalise(version.path, version.manifest)
    with pytest.raises(ArtefactError, match="LiteRT cannot read") as caught:
        scorer(model)
    assert caught.value.hint


def test_scorer_refuses_a_version_of_another_tokenizer(model: Path) -> None:
    tokenizer = dict(store.find("1", folder=model).manifest.tokenizer)
    fake_versions.edit(model / "1", tokenizer=tokenizer | {"lower_case": not tokenizer["lower_case"]})
    with pytest.raises(ArtefactError, match="another tokenizer"):
        scorer(model)


# cleaning


def test_emoji_are_words_for_a_version_that_says_so(model: Path) -> None:
    emoji, spelt = "a film \U0001f602", "a film face with tears of joy"
    assert scores(model, [emoji])[0] == scores(model, [spelt])[0]
    fake_versions.edit(model / "1", cleaning=1)
    assert scores(model, [emoji])[0] != scores(model, [spelt])[0]
    assert scores(model, [emoji])[0] == scores(model, ["a film \U0001f3ac"])[0], "both are unknown words"


def test_older_version_without_a_number_keeps_its_cleaning(model: Path) -> None:
    fake_versions.edit(model / "1", cleaning=1)
    before = scores(model, ["a film \U0001f602", "fine"])
    fake_versions.edit(model / "1", cleaning=None)
    assert scores(model, ["a film \U0001f602", "fine"]).tolist() == before.tolist()


def test_version_with_a_later_cleaning_is_refused(model: Path) -> None:
    fake_versions.edit(model / "1", cleaning=3)
    with pytest.raises(ArtefactError, match="cleaned in a way that this bertsent does not have"):
        scorer(model)


def test_scores_of_scores_only_what_is_not_known(trained: Path, texts: list[str]) -> None:
    some, listener = texts[:4], Listener()
    one = scorer(trained)
    found = one.scores_of([*some, some[0]], known={some[1]: 0.125}, what="Scoring by it", progress=listener)
    assert listener.totals == {"Scoring by it": 3}
    assert found[1] == 0.125
    assert found[0] == found[4]
    assert found[[0, 2, 3]].tolist() == scores(trained, some)[[0, 2, 3]].tolist()
    known = dict.fromkeys(some, 0.5)
    one.scores_of(some, known=known, what="Scoring nothing", progress=listener)
    assert "Scoring nothing" not in listener.begun
