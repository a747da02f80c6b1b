"""Does a text of another language show, and does an English one pass?"""

from __future__ import annotations

import pytest

from bertsent.base.english import looks_english
from bertsent.data.sample import read_sample

OTHERS = {
    "German": "Der Stoff ist dünn und nach der ersten Wäsche war ein Loch darin.",
    "French": "Le tissu est de mauvaise qualité et la taille ne correspond pas.",
    "Spanish": "La tela es muy fina y se rompió en el primer lavado.",
    "Italian": "Il tessuto è sottile e si è rotto al primo lavaggio.",
    "Portuguese": "O tecido é fino e rasgou na primeira lavagem.",
    "Dutch": "De stof is dun en scheurde na de eerste wasbeurt.",
    "Polish": "Materiał jest cienki i podarł się przy pierwszym praniu.",
    "Swedish": "Tyget är tunt och gick sönder efter första tvätten.",
    "Turkish": "Bu kumaş çok ince ve hemen eskidi.",
    "Russian": "Ткань тонкая и порвалась после первой стирки.",
    "Chinese": "布料很薄,洗一次就破了。",
    "Japanese": "生地が薄くて一度洗ったら破れました。",
    "Korean": "천이 얇아서 한 번 빨았더니 찢어졌어요.",
    "Arabic": "القماش رقيق وتمزق بعد أول غسلة",
    "Hindi": "कपड़ा पतला है और पहली धुलाई में फट गया",
    "Greek": "Καλή ταινία, δεν βαρέθηκα.",
    "no frequent word of any language": "Lorem ipsum dolor amet consectetur adipiscing elit eiusmod tempor",
}
ENGLISH = (
    "The cloth is thin and tore in the first wash.",
    "ARRIVED BROKEN, WANT MY MONEY BACK",
    "battery died twice, charger useless",
    "El Camino is a fine sequel",
    "We had café au lait at the rue de la Paix and loved it",
    "It doesnâ€™t fit and itâ€™s too late to send it back",
    "Almodóvar, Cruz and Banderas make a film that you will not forget",
)
CANNOT_TELL = ("", "   ", "5/5", "👍👍👍", "Très bien", "perfecto", "Sehr gut!", "ok", "10 von 10", "λ")


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_of_another_language_shows(language: str) -> None:
    assert not looks_english(OTHERS[language])
    assert not looks_english(OTHERS[language].upper())


@pytest.mark.parametrize("text", ENGLISH)
def test_an_english_sentence_passes(text: str) -> None:
    assert looks_english(text)


@pytest.mark.parametrize("text", CANNOT_TELL)
def test_what_cannot_be_told_passes(text: str) -> None:
    assert looks_english(text)


def test_the_sample_passes() -> None:
    assert all(looks_english(review.text) for review in read_sample())


def test_a_text_is_judged_by_its_beginning() -> None:
    long = ENGLISH[0] + " It was late, too." * 20
    assert looks_english(long + OTHERS["Russian"] * 50)
    assert not looks_english(OTHERS["Russian"] * 10 + long)
