"""What a text is to bertsent: its one clean form, and whether there is anything to read in it."""

from __future__ import annotations

import re

# None of these goes over a stretch of text twice: a hostile review must not take quadratic time. A run of
# openings is taken as one, or `<br <br>>` would leave another `<br >`.
_BREAK = re.compile(r"(?:<br\s*)+(/?>)?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>=]*=[^<>]*|\s*/?)>", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The one form of a text that is tokenized, in training and in scoring.

    Line ends, `<br />` in its spellings and every run of white space become one space; byte order marks
    go; lone surrogates, which no UTF-8 holds, become U+FFFD. HTML entities stay as they are. Cleaning a
    clean text changes nothing.
    """
    text = text.replace("\ufeff", "")
    if "<" in text:
        text = _BREAK.sub(lambda found: " " if found[1] else found[0], text)
    return " ".join(encodable(text).split())


def is_empty(text: str) -> bool:
    """Whether a text has nothing to read: no characters, only blanks, or only HTML tags."""
    return not (_TAG.sub("", text) if "<" in text else text).replace("\ufeff", "").strip()


def encodable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, which no UTF-8 holds."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
