"""Which characters are damage, and what they were."""

from __future__ import annotations

import pytest

from bertsent.base.damage import control, markup, markup_left, mended, mojibake

RIGHT = (
    "The caf\N{LATIN SMALL LETTER E WITH ACUTE} didn\N{RIGHT SINGLE QUOTATION MARK}t open",
    "\N{LEFT DOUBLE QUOTATION MARK}superb\N{RIGHT DOUBLE QUOTATION MARK} \N{EM DASH} or not",
    "it cost \N{POUND SIGN}5 or 6 \N{EURO SIGN}",
    "S\xe3o Paulo, \xc5ngstr\xf6m, ESPA\xd1OL and so on\N{HORIZONTAL ELLIPSIS}",
    "laughed \N{GRINNING FACE} twice",
    "\N{CYRILLIC CAPITAL LETTER PE}\N{CYRILLIC SMALL LETTER ER}\N{CYRILLIC SMALL LETTER I}",
    "\xc3 la carte, 10 \xc2 of it",
)


def as_cp1252(text: str) -> str:
    """The text as a program reads it that takes UTF-8 for Windows-1252."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode("utf-8"))


@pytest.mark.parametrize("text", RIGHT)
def test_mojibake_shows_and_is_mended(text: str) -> None:
    assert mojibake(text) == ""
    assert mended(text) == text
    for wrong in (as_cp1252(text), text.encode("utf-8").decode("latin-1")):
        assert mojibake(wrong)
        assert mended(wrong) == text


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f", "\x92", "\x9d"])
def test_control_characters_show(character: str) -> None:
    assert control(f"it{character}s fine") == character


def test_white_space_is_no_control_character() -> None:
    assert control("one\ttwo\r\nthree\x0bfour\x85five\xa0six\u2028seven") == ""


@pytest.mark.parametrize(
    ("text", "first", "left"),
    [
        ("fish &amp; chips", "&amp;", ""),
        ("it&#39;s &quot;good&quot;", "&#39;", ""),
        ("one<br />two<BR>three", "<br />", ""),
        ("<b>bold</b> words", "<b>", "<b>"),
        ('a <a href="x">link</a>', '<a href="x">', '<a href="x">'),
        ("&lt;i&gt;so so", "&lt;", "<i>"),
        ("AT&T is < 3 & > 2; I <3 it", "", ""),
        ("R&D; x", "", ""),
    ],
)
def test_markup_shows_and_what_of_it_stays(text: str, first: str, left: str) -> None:
    assert markup(text) == first
    assert markup_left(text) == left
