"""The one clean form of a text, and texts with nothing to read."""

from __future__ import annotations

import random
import time

import pytest

from bertsent.base.text import clean, is_empty


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one\r\ntwo\rthree\nfour", "one two three four"),
        ("one<br />two<br>three<br/>four<BR />five", "one two three four five"),
        ("\ufeffone\ufeff two", "one two"),
        ("  one \t\u00a0 two\u3000", "one two"),
        ("lone \ud83d surrogate", "lone \ufffd surrogate"),
        ("Tom &amp; Jerry &lt;3", "Tom &amp; Jerry &lt;3"),
        ("<brilliant> 1 < 2", "<brilliant> 1 < 2"),
        ("\n<br />\n", ""),
    ],
)
def test_clean_gives_one_form(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_clean_of_a_clean_text_changes_nothing() -> None:
    pieces = [
        "<",
        "<br",
        "<br ",
        "/",
        ">",
        "<br/>",
        "b",
        "r",
        " ",
        "\r",
        "\n",
        "\ufeff",
        "\ud83d",
        "\ude00",
        "é",
    ]
    generator = random.Random(1)
    for _ in range(5000):
        text = "".join(generator.choices(pieces, k=generator.randrange(12)))
        once = clean(text)
        assert clean(once) == once, repr(text)
        assert once == " ".join(once.encode().decode().split())  # encodes, and no blank is left over


@pytest.mark.parametrize(
    "form", ["\ufeffA film.\nGood", "A film.\r\nGood", "A film.\rGood", "A film.<br />Good"]
)
def test_clean_makes_encodings_of_a_line_end_equal(form: str) -> None:
    assert clean(form) == clean("A film.\nGood")


@pytest.mark.parametrize(
    "attack",
    ["<br" + " " * 10**6, "<br " * 250_000, "<a " + "=" * 10**6, "<a b=" + " " * 10**6, "<a " * 300_000],
)
def test_clean_takes_linear_time_on_a_hostile_text(attack: str) -> None:
    begun = time.process_time()
    clean(attack)
    is_empty(attack)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "text", ["", " \r\n\t", "\ufeff", "<br /><BR>", "<p></p>", '<div class="a"><b>\n</b></div>']
)
def test_is_empty_knows_texts_without_words(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize("text", ["bad", "<3", "<b>ok</b>", "<loved it>", "?", "\U0001f600"])
def test_is_empty_keeps_texts_with_words_or_signs(text: str) -> None:
    assert not is_empty(text)
