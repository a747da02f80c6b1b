"""The one clean form of a text, and texts with nothing to read."""

from __future__ import annotations

import random
import time

import pytest

from bertsent.base.text import clean, is_empty, spell_emoji, tokenizable


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


# emoji


@pytest.mark.parametrize(
    ("text", "tokenized"),
    [
        ("Great film \U0001f44d\U0001f44d", "Great film thumbs up thumbs up"),
        ("\u2764\ufe0f it", "heart \ufe0f it"),
        ("so\U0001f602funny", "so face with tears of joy funny"),
        ("\U0001f44d\U0001f3fd", "thumbs up"),  # a skin tone
        ("\U0001f1eb\U0001f1f7 film", "film"),  # a flag
        ("\u2b50\u2b50 of five", "star star of five"),
        ("plain", "plain"),
        ("na\u00efve \u2192 \u2122 \u00a9 \u2013 \u4e2d", "na\u00efve \u2192 \u2122 \u00a9 \u2013 \u4e2d"),
        ("\U0001fa7f\U0001faff", "\U0001fa7f\U0001faff"),  # not assigned
    ],
)
def test_emoji_are_spelt_for_versions_that_were_trained_so(text: str, tokenized: str) -> None:
    assert tokenizable(text, 2) == tokenized
    assert tokenizable(text, 1) == clean(text)


def test_every_emoji_gets_words() -> None:
    for emoji in "\U0001f600\U0001f61e\U0001f621\U0001f92e\U0001f4a9\U0001f525\U0001f4af\u2639\u263a\u2705":
        assert spell_emoji(emoji).replace(" ", "").isascii()
        assert len(spell_emoji(emoji).split()) >= 1
