"""Sentences: where a text is split, and how each is scored beside the whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from support.fake_scorer import Known

from bertsent.base.errors import DataError
from bertsent.base.records.core import Prediction, Review, to_json
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.sentences import SentenceScorer, sentences
from bertsent.versions import store


@pytest.mark.parametrize(
    "text",
    [
        "It works. | The lid does not!",
        "great film. | loved it",
        "What?! | Why...",
        "It was... fine. | Then it ended… | And how.",
        "Mr. Bean met Dr. Who vs. the St. Ives choir. | It rained.",
        "It cost 3.50 pounds, i.e. too much, e.g. for J. K. Rowling. | Pay less.",
        "Bring tea, cake etc. and a chair. | Also milk etc. | Then sit.",
        "We left at 5 p.m. on Monday. | Home at 9 p.m. | Slept.",
        'He said "Never again!" and left. | "Why?" | She shrugged.',
        "“Is it good?” he asked. | (It was not.) | So there.",
        "1. Sound is thin. | 2. Bass is gone.",
        "One :-) | two. ***",
        "only words",
        "A. B. Smith wrote it. | See www.example.com or v2.0 now.",
    ],
)
def test_text_is_split_where_its_sentences_end(text: str) -> None:
    parts = text.split(" | ")
    expected = parts if text != "One :-) | two. ***" else ["One :-) two. ***"]
    assert sentences(text.replace(" | ", " ")) == expected


def test_paragraphs_breaks_and_lists_end_a_sentence_and_wrapped_lines_do_not() -> None:
    text = (
        "A long line that was\nwrapped by hand\r\n\r\nNext part<br /><br>third part\n- thin sound\n"
        "- no bass\n2) heavy"
    )
    assert sentences(text) == [
        "A long line that was wrapped by hand",
        "Next part",
        "third part",
        "- thin sound",
        "- no bass",
        "2) heavy",
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("", []), (" \n\n ", []), ("...", ["..."]), ("!!! ok", ["!!! ok"])]
)
def test_texts_of_next_to_nothing(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_no_word_is_lost() -> None:
    text = 'Well... I said "no". (He didn\'t!) Mr. X, 3.5 kg - etc. e.g. this; that: …yes?? ok. 7. End'
    assert " ".join(sentences(text)).split() == text.split()


@pytest.mark.parametrize(
    "text",
    [
        "." * 300_000,
        "\n" * 300_000,
        "<br " * 80_000,
        "! " * 100_000,
        "x. ! " * 60_000,
        "a. " * 100_000,
        "\n \t" * 99_999,
        "'" * 300_000,
    ],
)
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    start = time.process_time()
    sentences(text)
    assert time.process_time() - start < 3


# scores


class Counting(Known):
    """Known scores by the first word that is a number, and the texts that were scored."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
        def noted() -> Iterator[Review]:
            for review in reviews:
                self.texts.append(review.text)
                yield review

        return super().predict_reviews(noted())


def test_each_sentence_is_scored_once_beside_the_whole() -> None:
    scorer = Counting()
    reviews = [Review("0.5 film. 0.1 end! 0.9 start", 1, "r:1"), Review("0.7  alone", None, "r:2")]
    first, second = SentenceScorer(scorer).predict_reviews(reviews)
    assert scorer.texts == [reviews[0].text, "0.5 film.", "0.1 end!", "0.9 start", "0.7  alone"]
    assert [(part.text, part.score, part.label) for part in first.sentences] == [
        ("0.5 film.", 0.5, "positive"),
        ("0.1 end!", 0.1, "negative"),
        ("0.9 start", 0.9, "positive"),
    ]
    assert (first.score, first.gold, first.path, first.text) == (0.5, 1, "r:1", reviews[0].text)
    assert (first.worst.text, first.best.text) == ("0.1 end!", "0.9 start")
    assert to_json(first.as_json()) == {
        **{"text": reviews[0].text, "score": 0.5, "label": "positive", "tokens": 6, "truncated": False},
        **{"version": "7", "worst_sentence": "0.1 end!", "worst_score": 0.1},
        **{"best_sentence": "0.9 start", "best_score": 0.9},
        "sentences": [
            {"text": part.text, "score": part.score, "label": part.label} for part in first.sentences
        ],
    }
    assert [(part.text, part.score) for part in second.sentences] == [("0.7 alone", 0.7)]


@pytest.fixture
def scorer(trained: Path) -> Scorer:
    return Scorer(store.find(None, folder=trained), ScoreSettings(chunk=5))


def test_scores_are_those_of_the_texts_alone_whatever_the_chunks(scorer: Scorer) -> None:
    reviews = [Review(f"Film {number} is good. " * (number % 4) + "The end was bad") for number in range(23)]
    found = list(SentenceScorer(scorer).predict_reviews(reviews))
    assert [prediction.score for prediction in found] == [
        prediction.score for prediction in scorer.predict_reviews(reviews)
    ]
    for prediction in found:
        alone = [part.score for part in scorer.predict(part.text for part in prediction.sentences)]
        assert [part.score for part in prediction.sentences] == alone


def test_a_bad_row_ends_the_scoring_after_the_reviews_before_it(scorer: Scorer) -> None:
    def reviews() -> Iterator[Review]:
        for _ in range(12):
            yield Review("Good film. Bad end.")
        raise DataError("row 13")

    predictions = SentenceScorer(scorer).predict_reviews(reviews())
    assert len([next(predictions) for _ in range(11)]) == 11  # the twelfth may be cut by the end of a chunk
    with pytest.raises(DataError, match="row 13"):
        list(predictions)
