"""Scores texts with the exported classifier in this folder, without bertsent.

python score.py TEXT ...    prints one line per text: the probability that it is positive

It needs NumPy and the runtime of the export: ai-edge-litert for classifier.tflite, onnxruntime for
classifier.onnx. `export.json` says how a text becomes ids; `vocab.txt` has the word pieces.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_WORD = 100  # bytes; a longer word is [UNK]
BREAK = re.compile(r"(?:<br\s*)+(/?>)?", re.IGNORECASE)
IDEOGRAPH = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
FORM_WORDS = {"black", "heavy", "medium", "sign", "symbol", "white"}  # they say how a character is printed


def spell_emoji(character: str) -> str:
    """The Unicode name of an emoji, in lower case."""
    name = unicodedata.name(character, "")
    if not name or unicodedata.category(character) not in {"So", "Sk"}:
        return character
    if name.startswith(("EMOJI MODIFIER", "REGIONAL INDICATOR")):
        return " "
    words = name.lower().split()
    return f" {' '.join([word for word in words if word not in FORM_WORDS] or words)} "


def clean(text: str, cleaning: int) -> str:
    """The form of a text that is tokenized."""
    if cleaning > 1:
        text = EMOJI.sub(lambda match: spell_emoji(match[0]), text)
    text = BREAK.sub(lambda match: " " if match[1] else match[0], text.replace("\ufeff", ""))
    return " ".join(re.sub("[\ud800-\udfff]", "\ufffd", text).split())


class Classifier:
    """An export that is ready to score.

    Args:
        folder: The folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "export.json").read_text(encoding="utf-8"))
        self._lower_case: bool = about["tokenizer"]["lower_case"]
        self._special: dict[str, int] = about["tokenizer"]
        self._cleaning: int = about["cleaning"]
        self._window: dict[str, int] = about["window"]
        pieces = (folder / "vocab.txt").read_bytes().decode().removesuffix("\n")
        self._ids = {piece: line for line, piece in enumerate(pieces.replace("\r\n", "\n").split("\n"))}
        self._longest = max(map(len, self._ids))
        self._run = _onnx(folder) if about["format"] == "onnx" else _litert(folder)

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text."""
        # One by one, without padding: in other batches int8 rounds differently, by about 0.01.
        return [float(self._run(self.encode(text))[0]) for text in texts]

    def encode(self, text: str) -> NDArray[np.int32]:
        """The ids of one text, int32 [1, tokens]: [CLS], the pieces in the window, [SEP]."""
        pieces = [number for word in self._words(clean(text, self._cleaning)) for number in self._cut(word)]
        head, tail = self._window["head"], self._window["tail"]
        if len(pieces) > head + tail:
            pieces = pieces[:head] + pieces[len(pieces) - tail :]
        return np.array([[self._special["start"], *pieces, self._special["end"]]], np.int32)

    def _words(self, text: str) -> list[str]:
        return "".join(map(self._character, text)).split(" ")

    def _character(self, character: str) -> str:
        if not self._lower_case:
            return _isolate(character)
        folded = unicodedata.normalize("NFKC", character).casefold()
        parts = IGNORABLE.sub("", unicodedata.normalize("NFD", folded))
        return "".join(_isolate(part) for part in parts if unicodedata.category(part) != "Mn")

    def _cut(self, word: str) -> list[int]:
        cut: list[int] = []
        start = 0
        if len(word.encode()) > LONGEST_WORD:
            return [self._ids["[UNK]"]]
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                number = self._ids.get(("##" if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return [self._ids["[UNK]"]]
            cut.append(number)
            start = end
        return cut


def _isolate(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Cf"}:
        return " "
    mark = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    alone = mark or category[0] == "P" or IDEOGRAPH.match(character)
    return f" {character} " if alone else character


Run = Callable[[NDArray[np.int32]], Any]


def _litert(folder: Path) -> Run:
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(str(folder / "classifier.tflite"))
    ids_index = interpreter.get_input_details()[0]["index"]
    score_index = interpreter.get_output_details()[0]["index"]

    def run(ids: NDArray[np.int32]) -> Any:
        interpreter.resize_tensor_input(ids_index, ids.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(ids_index, ids)
        interpreter.invoke()
        return interpreter.get_tensor(score_index)

    return run


def _onnx(folder: Path) -> Run:
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(folder / "classifier.onnx", providers=["CPUExecutionProvider"])
    return lambda ids: session.run(["score"], {"input_word_ids": ids})[0]


if __name__ == "__main__":
    scores = Classifier(Path(__file__).parent).score(sys.argv[1:])
    sys.stdout.writelines(f"{score:.4f}\n" for score in scores)
