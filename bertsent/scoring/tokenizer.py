"""Turns text into the WordPiece ids of TF Text's BertTokenizer, without TensorFlow.

A classifier is trained on the ids of the TF Hub preprocessors, so scoring has to see the same ids. Those
preprocessors fold a text (for uncased vocabularies: full NFKC case folding, NFD, no accents), turn control
and format characters into spaces, make every punctuation mark and CJK ideograph a word of its own, and cut
words into the longest pieces the vocabulary knows (tensorflow_text/python/ops/bert_tokenizer.py). All steps
but the last treat each character by itself. Here one `str.translate` does them, with a table that is filled
when a character first occurs; words are cut once and cached. That is faster than the Rust package
`tokenizers`, whose BertNormalizer also differs in 123 of 10,000 reviews, and needs no import of it.

With Python 3.11, whose tables are Unicode 14, it was compared with TF Text 2.20.1 (ICU of Unicode 16, RE2 of
Unicode 15), cased and uncased. 87,500 reviews of aclImdb get the same ids (tests/bench/tokenizer_parity.py),
and so do all characters that Unicode 14 assigns, in a word and alone. These differences remain:

- Characters of Unicode 15 and 16: a word with one gets [UNK], or loses an accent, in only one of the two.
  They are 210 with lower_case, 30 without, of the 1,112,064 code points of UTF-8 (fewer with a newer Python).
- Two adjacent combining marks of the 25 that are not accents (musical stems, Indic viramas) keep their
  order, which NFD would change. No vocabulary seen holds one, and `unicodedata` sorts a long run of marks in
  quadratic time (48 s for 1 MB).
- A lone surrogate, which TF Text cannot take at all, counts as U+FFFD.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError
from bertsent.base.settings.scoring import TokenizerSettings, Window

NORMALISATION = "tf-text-bert-1"  # changes whenever a text may get other ids than before

_CACHE = TokenizerSettings()
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_MAX_FILE_BYTES = 16 * 1024**2  # BERT's largest vocabulary, the multilingual one, has 1 MB
_MAX_WORD_BYTES = 100  # TF Text's max_bytes_per_word: a longer word is unknown

_ASCII_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_IDEOGRAPH = re.compile(  # _DELIM_REGEX of tensorflow_text/python/ops/bert_tokenizer.py
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)
_IGNORABLE = re.compile(  # Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class AnyTokenizer(Protocol):
    """The methods of a tokenizer that scoring and training need; `Tokenizer` needs no TensorFlow."""

    pad_id: int
    start_id: int
    end_id: int
    vocabulary_size: int
    lower_case: bool

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]: ...
    def pieces(self, ids: Iterable[int]) -> list[str]: ...
    def digest(self) -> str: ...


class Tokenizer:
    """A WordPiece tokenizer with one vocabulary, cased or uncased; create it with `from_file`.

    Text such as "[SEP]" never becomes a special token: its brackets are punctuation, as in TF Text.
    """

    def __init__(self, vocabulary: Sequence[str], *, lower_case: bool) -> None:
        self._vocabulary = tuple(vocabulary)
        ids = dict(zip(self._vocabulary, itertools.count()))
        self.pad_id, self.start_id, self.end_id = ids["[PAD]"], ids["[CLS]"], ids["[SEP]"]
        self.vocabulary_size = len(self._vocabulary)
        self.lower_case = lower_case
        self._characters = _Characters(lower_case=lower_case)
        self._words = _Words(ids)

    @classmethod
    def from_file(cls, vocabulary: Path, *, lower_case: bool) -> Tokenizer:
        """Reads a vocab.txt: UTF-8, one piece per line; the line number (from 0) is its id.

        Raises:
            ArtefactError: if it cannot be read, is not UTF-8, has an empty or a repeated line, or lacks
                [PAD], [UNK], [CLS] or [SEP].
        """
        return cls(_read_vocabulary(vocabulary), lower_case=lower_case)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The piece ids of each text, without [CLS] and [SEP]; an empty text has none.

        Args:
            texts: Cleaned texts (`text.clean`).

        Returns:
            One array of shape `[pieces]` per text.
        """
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> NDArray[np.int32]:
        folded = text.translate(self._characters)
        # Thirty-two searches in C take a third less time than one pass of a regular expression.
        for mark in _ASCII_PUNCTUATION:
            if mark in folded:
                folded = folded.replace(mark, f" {mark} ")
        words = map(self._words.__getitem__, folded.split(" "))
        return np.fromiter(itertools.chain.from_iterable(words), dtype=np.int32)

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces with these ids; those that continue a word begin with "##"."""
        return [self._vocabulary[number] for number in ids]

    def digest(self) -> str:
        """The SHA-256 of everything that decides which ids a text gets, for caches and manifests."""
        parts = [NORMALISATION, f"lower_case={self.lower_case}", *self._vocabulary]
        return sha256_text("\n".join(parts) + "\n")


def window_sizes(seq_length: int, kind: Window) -> tuple[int, int]:
    """How many word pieces a classifier sees at the beginning and at the end of a long text.

    "head" sees the beginning only; "head+tail" sees a quarter at the beginning and the rest at the end, where
    a review's verdict usually is.

    Args:
        seq_length: Tokens that the classifier takes, with [CLS] and [SEP].
    """
    pieces = seq_length - 2
    head = pieces if kind == "head" else pieces // 4
    return head, pieces - head


def window(ids: NDArray[np.int32], *, seq_length: int, kind: Window) -> NDArray[np.int32]:
    """The word pieces of a text that a classifier of `seq_length` tokens sees.

    Args:
        ids: The pieces without [CLS] and [SEP], shape `[pieces]`.
        seq_length, kind: As for `window_sizes`.

    Returns:
        At most `seq_length - 2` pieces.
    """
    if len(ids) <= seq_length - 2:
        return ids
    head, tail = window_sizes(seq_length, kind)
    return np.concatenate([ids[:head], ids[len(ids) - tail :]]) if tail else ids[:head]


def pack(
    rows: Sequence[NDArray[np.int32]], *, tokenizer: AnyTokenizer, width: int | None = None
) -> NDArray[np.int32]:
    """Packs rows into one array; each becomes [CLS], its pieces, [SEP], then padding.

    Args:
        rows: The pieces of each text, cut by `window`.
        tokenizer: The one that gives the special tokens.
        width: Tokens per row, two more than the pieces that fit. By default the longest row just fits.

    Returns:
        int32 `[len(rows), width]`.

    Raises:
        ValueError: if a row does not fit.
    """
    if width is None:
        width = max(map(len, rows), default=0) + 2
    packed = np.full((len(rows), width), tokenizer.pad_id, dtype=np.int32)
    for tokens, ids in zip(packed, rows, strict=True):
        if len(ids) > width - 2:
            raise ValueError(f"{len(ids)} pieces, [CLS] and [SEP] do not fit into {width} tokens")
        tokens[0] = tokenizer.start_id
        tokens[1 : len(ids) + 1] = ids
        tokens[len(ids) + 1] = tokenizer.end_id
    return packed


class _Characters(dict[int, str]):
    """What TF Text turns each character into, for `str.translate`; computed when one first occurs."""

    def __init__(self, *, lower_case: bool) -> None:
        super().__init__()
        self._lower_case = lower_case

    def __missing__(self, point: int) -> str:
        character = "\ufffd" if 0xD800 <= point <= 0xDFFF else chr(point)
        replacement = "".join(map(_isolate, _fold(character) if self._lower_case else character))
        if len(self) < _CACHE.characters:
            self[point] = replacement
        return replacement


def _fold(character: str) -> str:
    """ICU's nfkc_cf, then NFD without Mn: "É" becomes "e", "ß" "ss", a soft hyphen ""."""
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", character).casefold())
    return "".join(part for part in _IGNORABLE.sub("", folded) if unicodedata.category(part) != "Mn")


def _isolate(character: str) -> str:
    """Turns control and format characters into a space; puts spaces around punctuation and ideographs."""
    if character.isascii() and character.isprintable():
        return character  # `_encode` separates ASCII punctuation: `translate` one to one is ten times faster
    category = unicodedata.category(character)
    if category in {"Cc", "Cf"}:
        return " "
    return f" {character} " if category[0] == "P" or _IDEOGRAPH.match(character) else character


class _Words(dict[str, tuple[int, ...]]):
    """The pieces of each word, longest match first; a word is cut when it first occurs."""

    def __init__(self, ids: dict[str, int]) -> None:
        super().__init__()
        self._starts = ids
        self._longest = max(map(len, ids))
        self._unknown = (ids["[UNK]"],)

    @cached_property
    def _continuations(self) -> dict[str, int]:
        # Computed only when needed: in many short texts no word is cut, and this takes 3 ms.
        return {piece[2:]: number for piece, number in self._starts.items() if piece[:2] == "##"}

    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(word) > _MAX_WORD_BYTES or len(word.encode()) > _MAX_WORD_BYTES:
            return self._unknown  # not cached: it may be a megabyte long
        cut = self._cut(word)
        if len(word) <= _CACHE.letters:
            if len(self) >= _CACHE.words:
                self.clear()
            self[word] = cut
        return cut

    def _cut(self, word: str) -> tuple[int, ...]:
        cut: list[int] = []
        start = 0
        while start < len(word):
            pieces = self._continuations if start else self._starts
            # No try is longer than the longest piece, so time is linear in the length of a hostile word.
            for end in range(min(len(word), start + self._longest), start, -1):
                number = pieces.get(word[start:end])
                if number is not None:
                    break
            else:
                return self._unknown
            cut.append(number)
            start = end
        return tuple(cut)


def _read_vocabulary(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _unusable(path, f"is not UTF-8 at byte {error.start}") from error
    if len(raw) > _MAX_FILE_BYTES:
        raise _unusable(path, f"is larger than {_MAX_FILE_BYTES >> 20} MiB")
    # Only \n ends a line: a piece may be another separator that splitlines splits at.
    pieces = text.removesuffix("\n").replace("\r\n", "\n").split("\n")
    _check_vocabulary(path, pieces)
    return pieces


def _check_vocabulary(path: Path, pieces: list[str]) -> None:
    distinct = set(pieces)
    missing = [special for special in _SPECIAL if special not in distinct]
    if missing:
        raise _unusable(path, f"lacks {', '.join(missing)}")
    if len(distinct) < len(pieces):
        piece, count = Counter(pieces).most_common(1)[0]
        raise _unusable(path, f"has the piece {visible(piece)!r} {count} times")
    if "" in distinct:
        raise _unusable(path, f"is empty at line {pieces.index('') + 1}")


def _unusable(path: Path, fact: str) -> ArtefactError:
    return ArtefactError(
        f"The vocabulary {visible(str(path))} {fact}; it must be UTF-8, one WordPiece per line.",
        hint="copy vocab.txt again from where the encoder came from",
    )
