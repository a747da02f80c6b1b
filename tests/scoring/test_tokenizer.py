# ruff: noqa: RUF001  (look-alike characters are what is tested)
from __future__ import annotations

import random
import string
import time
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from bertsent.base.errors import ArtefactError
from bertsent.base.settings.scoring import Window
from bertsent.scoring.tokenizer import Tokenizer, pack, window

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SMALL = [
    *("[PAD]", "the", "[UNK]", "movie", "##s", "[CLS]", "##ing", "[SEP]", "##ie"),
    *(".", "!", "[", "]", "-", "中"),
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase if letter != "s"),
]
HOSTILE = [
    "",
    "   ",
    "The MOVIES! the-movie... [SEP] [CLS][PAD] ##s [unused1]",
    "Straße STRASSE Ⅷ ﬁlm ｆｕｌｌ ½ Å ǅ İstanbul ıstanbul ΣΊΣΥΦΟΣ ϐ",
    "soft\u00adhyphen zero\u200bwidth joi\u200dner \ufeffbom r\u202elt \u3164filler a\u034fb a\ufe0f",
    "tab\tline\nfeed\rreturn\x0bvertical\x0cform\x1cfile\x85next\x00nul\x7fdelete",
    "no\u00a0break em\u2003space og\u1680ham line\u2028sep par\u2029a ideo\u3000graphic",
    "e\u0301 e\u0300\u0323 \u0345 \u1fb3 가 각 \u1100\u1161 中文movie豈 〇 𠀀 かな カナ ｶﾞ",
    "“quotes” – — … ‽ § ¶ £ € ° ± ² ™ © ¿ ¡ « » ・ 。",
    "emoji 😀movie👍🏽 \U0001f468\u200d\U0001f469 1\ufe0f\u20e3 \U0001f1e9\U0001f1ea \ue000 \ufffd",
    *(letter * length for letter in "aéßб中" for length in (33, 34, 49, 50, 51, 99, 100, 101, 200)),
    *("😀" * 25 + " " + "😀" * 26, "a" + "\u0301" * 300),
]


def write_vocabulary(path: Path, pieces: Iterable[str]) -> Path:
    path.write_bytes("".join(f"{piece}\n" for piece in pieces).encode())
    return path


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    return write_vocabulary(tmp_path / "vocab.txt", SMALL)


@pytest.fixture
def tokenizer(vocabulary: Path) -> Tokenizer:
    return Tokenizer.from_file(vocabulary, lower_case=True)


def encode(tokenizer: Tokenizer, text: str) -> str:
    return " ".join(tokenizer.pieces(tokenizer.encode([text])[0]))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("the movies", "the movie ##s"),
        ("Moving", "m ##o ##v ##ing"),
        ("MOVIE!the-movie.", "movie ! the - movie ."),
        ("mövïé", "movie"),
        ("Maß", "m ##a ##s ##s"),
        ("ＭＯＶＩＥ", "movie"),
        ("mo\u00advie", "movie"),
        ("mo\u200bvie", "movie"),
        ("the\u3000movie\u00a0the", "the movie the"),
        ("the\x00movie\x85the\tmovie", "the movie the movie"),
        ("the中movie", "the 中 movie"),
        ("…™", ". . . t ##m"),
        ("“movie”", "[UNK] movie [UNK]"),
        ("movie [SEP]", "movie [ s ##e ##p ]"),
        ("movi3 movie", "[UNK] movie"),
        ("mo\ud800vie", "[UNK]"),
        ("\u2028", "[UNK]"),
    ],
)
def test_encode_uncased_text(tokenizer: Tokenizer, text: str, pieces: str) -> None:
    assert encode(tokenizer, text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("the Movie", "the [UNK]"),
        ("mövie", "[UNK]"),
        ("mo\u00advie", "m ##o v ##ie"),
        ("the\u00a0movie", "[UNK]"),
        ("the\x00movie.中", "the movie . 中"),
    ],
)
def test_encode_cased_text(vocabulary: Path, text: str, pieces: str) -> None:
    assert encode(Tokenizer.from_file(vocabulary, lower_case=False), text) == pieces


@pytest.mark.parametrize("letter", ["a", "é"])
def test_encode_takes_a_word_of_100_bytes_and_no_more(tmp_path: Path, letter: str) -> None:
    path = write_vocabulary(tmp_path / "vocab.txt", [*SPECIAL, letter, f"##{letter}"])
    tokenizer = Tokenizer.from_file(path, lower_case=False)
    fits = 100 // len(letter.encode())
    kept, refused = tokenizer.encode([letter * fits, letter * (fits + 1)])
    assert len(kept) == fits
    assert refused.tolist() == [SPECIAL.index("[UNK]")]


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\x00"])
def test_encode_gives_no_pieces_where_there_is_no_word(tokenizer: Tokenizer, text: str) -> None:
    (ids,) = tokenizer.encode([text])
    assert ids.shape == (0,)
    assert ids.dtype == np.int32


def test_encode_does_not_remember_words_too_long_to_come_again(tokenizer: Tokenizer) -> None:
    texts = [f"{number:090d}" for number in range(5000)]
    tracemalloc.start()
    for text in texts:
        tokenizer.encode([text])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 200_000


def test_encode_stays_right_when_it_has_met_more_words_than_it_remembers(tokenizer: Tokenizer) -> None:
    letters = string.ascii_lowercase[9:]  # their words are in no piece of SMALL longer than one letter
    words = [a + b + c + d for a in letters for b in letters for c in letters for d in letters]
    assert len(words) > 65_536
    (ids,) = tokenizer.encode([" ".join(words)])
    wanted = [piece for w in words for piece in (w[0], f"##{w[1]}", f"##{w[2]}", f"##{w[3]}")]
    assert tokenizer.pieces(ids) == wanted
    assert encode(tokenizer, "the movies") == "the movie ##s"


@pytest.mark.parametrize("unit", ["a", "!", " ", "\u0301", "\U0001d165\u302e", "\ufdfa"])
def test_encode_takes_a_text_of_a_megabyte_in_its_stride(tokenizer: Tokenizer, unit: str) -> None:
    text = unit * (10**6 // len(unit.encode()))
    started = time.perf_counter()
    tokenizer.encode([text])
    assert time.perf_counter() - started < 10  # below 1 s each; one quadratic step made it 45 s


def test_from_file_takes_the_special_ids_from_the_vocabulary(tokenizer: Tokenizer) -> None:
    assert (tokenizer.pad_id, tokenizer.start_id, tokenizer.end_id) == (0, 5, 7)
    assert tokenizer.encode(["\u2603"])[0].tolist() == [2]
    assert tokenizer.vocabulary_size == len(SMALL)


def test_from_file_ends_a_line_at_newlines_only(tmp_path: Path) -> None:
    path = write_vocabulary(tmp_path / "vocab.txt", [*SPECIAL, "a\u2028b", "\x85", "movie"])
    tokenizer = Tokenizer.from_file(path, lower_case=True)
    assert encode(tokenizer, "movie a\u2028b") == "movie a\u2028b"
    assert tokenizer.vocabulary_size == 7


def test_from_file_reads_windows_line_ends(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "crlf.txt"
    path.write_bytes("\r\n".join(SMALL).encode())
    assert Tokenizer.from_file(path, lower_case=True).digest() == tokenizer.digest()


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "lacks [PAD], [UNK], [CLS], [SEP]"),
        (b"[PAD]\n[UNK]\n[CLS]\nmovie\n", "lacks [SEP]"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nmovie\nmovie\n", "has the piece 'movie' 2 times"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n\x1b[2J\n\x1b[2J\n", "'\\\\x1b[2J' 2 times"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n\nmovie\n", "is empty at line 5"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nm\xf6vie\n", "is not UTF-8 at byte 25"),
        (b"x" * (16 * 1024**2 + 1), "is larger than 16 MiB"),
    ],
    ids=["empty", "no [SEP]", "repeated", "escape", "empty line", "latin-1", "large"],
)
def test_from_file_refuses_what_is_no_vocabulary(tmp_path: Path, content: bytes, fact: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        Tokenizer.from_file(path, lower_case=True)
    assert fact in caught.value.message
    assert str(path) in caught.value.message


def test_from_file_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="No such file"):
        Tokenizer.from_file(tmp_path / "vocab.txt", lower_case=True)


def test_digest_tells_vocabularies_and_cases_apart(tokenizer: Tokenizer, tmp_path: Path) -> None:
    swapped = write_vocabulary(tmp_path / "other.txt", [*SMALL[:-2], SMALL[-1], SMALL[-2]])
    digests = {
        tokenizer.digest(),
        Tokenizer.from_file(tmp_path / "vocab.txt", lower_case=False).digest(),
        Tokenizer.from_file(swapped, lower_case=True).digest(),
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("kind", "count", "kept"),
    [
        ("head", 10, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("head+tail", 10, [0, 1, 4, 5, 6, 7, 8, 9]),
        ("head+tail", 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("head", 0, []),
        ("head+tail", 3, [0, 1, 2]),
    ],
)
def test_window_keeps_the_places_of_its_kind(kind: Window, count: int, kept: list[int]) -> None:
    ids = window(np.arange(count, dtype=np.int32), seq_length=10, kind=kind)
    assert ids.tolist() == kept
    assert ids.dtype == np.int32


def test_window_of_the_default_length_keeps_31_from_the_beginning_and_95_from_the_end() -> None:
    ids = window(np.arange(1000, dtype=np.int32), seq_length=128, kind="head+tail").tolist()
    assert ids == [*range(31), *range(905, 1000)]


def test_pack_frames_each_row_and_pads_it(tokenizer: Tokenizer) -> None:
    rows = tokenizer.encode(["the movie", "", "the movies"])
    packed = pack(rows, tokenizer=tokenizer, width=5)
    assert packed.tolist() == [[5, 1, 3, 7, 0], [5, 7, 0, 0, 0], [5, 1, 3, 4, 7]]
    assert packed.dtype == np.int32


def test_pack_refuses_a_row_that_does_not_fit(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="do not fit into 4 tokens"):
        pack(tokenizer.encode(["the movies"]), tokenizer=tokenizer, width=4)


def test_pack_pads_nothing_where_no_width_is_given(tokenizer: Tokenizer) -> None:
    assert pack(tokenizer.encode(["the movies"]), tokenizer=tokenizer).tolist() == [[5, 1, 3, 4, 7]]


# What follows compares with TF Text itself, where bertsent[train] is installed.

Differing = Callable[[Path, bool, list[str]], list[str]]


@pytest.fixture(scope="module")
def differing(tensorflow: None) -> Differing:
    """The texts to which TF Text's BertTokenizer gives other ids."""
    import bertsent.tf  # noqa: F401  (sets TensorFlow's environment, so before anything of TensorFlow)
    import tensorflow_text  # isort: skip

    def compare(vocabulary: Path, lower_case: bool, texts: list[str]) -> list[str]:
        ours = Tokenizer.from_file(vocabulary, lower_case=lower_case).encode(texts)
        reference = tensorflow_text.BertTokenizer(str(vocabulary), lower_case=lower_case)
        theirs = reference.tokenize(texts).merge_dims(1, 2).to_list()
        return [text for text, a, b in zip(texts, ours, theirs, strict=True) if a.tolist() != b]

    return compare


@pytest.fixture(scope="module")
def characters() -> list[str]:
    """Every character that this Python knows, those for private use aside."""
    known = map(chr, range(0x110000))
    return [character for character in known if unicodedata.category(character) not in {"Cn", "Cs", "Co"}]


@pytest.fixture(scope="module")
def every_character(characters: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary of single characters, so that ids show exactly what a text was made into."""
    single = [character for character in characters if unicodedata.category(character) != "Cc"]
    pieces = [*SPECIAL, *single, *(f"##{character}" for character in single)]
    return write_vocabulary(tmp_path_factory.mktemp("every") / "vocab.txt", pieces)


@pytest.mark.parametrize("lower_case", [True, False])
def test_encode_agrees_with_tf_text_on_hostile_texts(
    vocabulary: Path, differing: Differing, lower_case: bool
) -> None:
    texts = [*HOSTILE, *string.printable, " ".join(HOSTILE)]
    assert differing(vocabulary, lower_case, texts) == []


@pytest.mark.parametrize("lower_case", [True, False])
def test_encode_agrees_with_tf_text_on_every_character(
    characters: list[str], every_character: Path, differing: Differing, lower_case: bool
) -> None:
    texts = [f"a{character}b {character}" for character in characters]
    assert differing(every_character, lower_case, texts) == []


@pytest.mark.parametrize("lower_case", [True, False])
def test_encode_agrees_with_tf_text_on_mixtures(
    characters: list[str], every_character: Path, differing: Differing, lower_case: bool
) -> None:
    # Marks with an order of their own that are no accents: the difference tokenizer.py documents.
    ordered = {c for c in characters if unicodedata.combining(c) and unicodedata.category(c) != "Mn"}
    marks = [c for c in characters if unicodedata.category(c)[0] in "MCZP" and c not in ordered]
    common = [*"aB .", *"".join(HOSTILE)]
    draw = random.Random(42)
    texts = ["".join(map(draw.choice, draw.choices([common, marks], k=30))) for _ in range(2000)]
    assert differing(every_character, lower_case, texts) == []
