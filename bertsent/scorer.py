"""Texts -> scores by LiteRT, without TensorFlow: the only way predict, batch, label and drift score."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bertsent import leases
from bertsent.errors import ArtefactError, UsageError
from bertsent.files import quiet_stderr, visible
from bertsent.records import Label, Prediction, Progress, Review
from bertsent.reviews import clean
from bertsent.settings import EVEN, ScoreSettings, Window
from bertsent.store import CLASSIFIER, MANIFEST, VOCABULARY, WORDPIECE, Version, find
from bertsent.tokenizer import AnyTokenizer, Tokenizer, pack, padded_length, window

Tokens = NDArray[np.int32]
Scores = NDArray[np.float32]
T = TypeVar("T")

_REPORT = 64  # reviews between two reports of progress


class Classifier:
    """A LiteRT file that maps padded token ids to scores.

    Args:
        file: The classifier.tflite of a version.
        tokenizer: Its tokenizer, for the special tokens.
        seq_length: Places of a row, [CLS] and [SEP] counted.
        settings: Batch size and length step.

    Raises:
        ArtefactError: if LiteRT cannot read the file.
    """

    def __init__(
        self, file: Path, *, tokenizer: AnyTokenizer, seq_length: int, settings: ScoreSettings
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._tokenizer = tokenizer
        self._seq_length = seq_length
        self._settings = settings
        try:
            with quiet_stderr():
                self._interpreter: Any = Interpreter(str(file), num_threads=os.cpu_count())
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
        except (ValueError, RuntimeError, IndexError) as error:
            raise ArtefactError(
                f"LiteRT cannot read {visible(str(file))}.",
                received=visible(str(error))[:200],
                hint="use another version (--model N), or train again",
            ) from error
        self._shape: tuple[int, int] | None = None

    def score(self, rows: Sequence[Tokens]) -> Scores:
        """Scores rows of word pieces.

        Rows of like length share a batch, padded to a multiple of the length step; padding is masked
        and each row is quantised by itself, so a score does not depend on the rows beside it.

        Args:
            rows: Word pieces without special tokens, each within the window.

        Returns:
            float32 [rows], P(positive), in the order of `rows`.
        """
        scores = np.empty(len(rows), np.float32)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        for group in _batched(order, self._settings.batch_size):
            scores[group] = self._run([rows[row] for row in group])
        return scores

    def _run(self, rows: Sequence[Tokens]) -> Scores:
        longest = max(len(row) for row in rows) + 2  # [CLS] and [SEP]
        width = padded_length(longest, step=self._settings.length_step, seq_length=self._seq_length)
        if self._shape != (len(rows), width):
            with quiet_stderr():
                self._interpreter.resize_tensor_input(self._input, [len(rows), width])
                self._interpreter.allocate_tensors()
            self._shape = (len(rows), width)
        self._interpreter.set_tensor(self._input, pack(rows, tokenizer=self._tokenizer, width=width))
        self._interpreter.invoke()
        scores: Scores = self._interpreter.get_tensor(self._output)
        return scores


class Scorer:
    """A version, ready to score: tokenizer, window and classifier.

    Args:
        version: A version from `store.find`; its vocabulary and classifier are verified here.
        settings: Threshold, batch size, chunk.
        tokenizer: The version's tokenizer where it is not WordPiece (`--engine tensorflow`).

    Raises:
        ArtefactError: if a file of the version is missing or not what its manifest says.
        UsageError: if the version is not WordPiece and no tokenizer was given.
    """

    def __init__(
        self,
        version: Version,
        settings: ScoreSettings | None = None,
        *,
        tokenizer: AnyTokenizer | None = None,
    ) -> None:
        self._settings = settings or ScoreSettings()
        leases.hold(version.path / MANIFEST, reader=self)
        manifest = version.manifest
        self._version = version.name
        self._seq_length = manifest.seq_length
        low, high = manifest.calibration.get("unsure", (EVEN, EVEN))
        self.unsure = (float(low), float(high))  # between them too few answers are right
        self._window: Window = "head" if manifest.window == "head" else "head+tail"
        self.tokenizer = tokenizer or _tokenizer(version)
        if self.tokenizer.digest() != manifest.tokenizer["digest"]:
            raise ArtefactError(
                f"Version {version.name} was made with another tokenizer than this bertsent has.",
                received=f"normalisation {visible(str(manifest.tokenizer['normalisation']))}",
                hint="train a version with this bertsent, then use that one",
            )
        self._classifier = Classifier(
            version.file(CLASSIFIER),
            tokenizer=self.tokenizer,
            seq_length=manifest.seq_length,
            settings=self._settings,
        )

    @property
    def version(self) -> str:
        return self._version

    @property
    def window(self) -> str:
        """What of a long text is seen, in words for a message."""
        return f"{self._seq_length} places, window {self._window}"

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Scores texts in their order, holding `settings.chunk` of them at a time.

        Args:
            texts: Any strings; an empty one is scored like a review without words.
        """
        return self.predict_reviews(Review(text) for text in texts)

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
        """The same for reviews, whose path and gold label go into the predictions."""
        for chunk in _batched(reviews, self._settings.chunk):
            encoded = self.tokenizer.encode([clean(review.text) for review in chunk])
            rows = [window(ids, seq_length=self._seq_length, kind=self._window) for ids in encoded]
            scores = self._classifier.score(rows)
            for review, ids, row, score in zip(chunk, encoded, rows, scores.tolist(), strict=True):
                yield Prediction(
                    text=review.text,
                    score=score,
                    label=self.label(score),
                    tokens=len(ids),
                    truncated=len(row) < len(ids),
                    version=self._version,
                    path=review.path,
                    gold=review.label,
                )

    def scores(self, texts: Sequence[str], *, what: str, progress: Progress) -> Scores:
        """P(positive) of texts, float32 [texts], in their order; `what` names the work to `progress`."""
        progress.start(what, len(texts), "reviews")
        scores = np.empty(len(texts), np.float32)
        for row, prediction in enumerate(self.predict(texts)):
            scores[row] = prediction.score
            if row % _REPORT == 0:
                progress.advance(row)
        progress.finish()
        return scores

    @property
    def threshold(self) -> float:
        """Scores from here on count as positive where every score needs an answer."""
        return EVEN if self._settings.threshold is None else self._settings.threshold

    def label(self, score: float) -> Label:
        """The answer for a score: by the threshold that was set, else unsure within the version's band."""
        if self._settings.threshold is None and self.unsure[0] < score < self.unsure[1]:
            return "unsure"
        return "positive" if score >= self.threshold else "negative"


def _tokenizer(version: Version) -> AnyTokenizer:
    stated = version.manifest.tokenizer
    if stated["kind"] != WORDPIECE:
        raise UsageError(
            f"Version {version.name} has no WordPiece vocabulary, so its encoder's own preprocessor must cut "
            "the texts.",
            hint="add --engine tensorflow (needs: pip install 'bertsent[train]')",
        )
    return Tokenizer.from_file(version.file(VOCABULARY), lower_case=bool(stated["lower_case"]))


def open_scorer(model: str | None, *, folder: Path, settings: ScoreSettings) -> Scorer:
    """A scorer for the version that `store.find` gives for `model` and `folder`.

    Raises:
        UsageError, ArtefactError: as `store.find` and `Scorer`.
    """
    return Scorer(find(model, folder=folder), settings)


def _batched(items: Iterable[T], count: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, count)):
        yield batch
