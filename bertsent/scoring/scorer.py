"""Scores texts with LiteRT, without TensorFlow. predict, batch, label and drift score in no other way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, BertsentError, UsageError
from bertsent.base.records.core import Label, Prediction, Progress, Review
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD, ScoreSettings
from bertsent.base.text import tokenizable
from bertsent.base.version_names import capital
from bertsent.scoring.litert import LiteRTClassifier, Scores, TokenIds
from bertsent.scoring.tokenizer import AnyTokenizer, Tokenizer, window
from bertsent.versions import read_locks
from bertsent.versions.manifest import CLASSIFIER, MANIFEST, VOCABULARY, WORDPIECE, Version

REPORT_EVERY = 64  # reviews between two reports of progress


class _Chunk(NamedTuple):
    """Reviews that are scored together."""

    reviews: list[Review]
    tokens: list[int]  # word pieces of each, before the window
    token_ids: list[TokenIds]  # of each, within the window, without [CLS] and [SEP]


class Scorer:
    """A version, ready to score: tokenizer, window and classifier.

    Threads may share a scorer. Pickled, as for a worker process, it is opened anew from the version's files
    where it is unpickled; a tokenizer that was given must be one that can be pickled.

    Args:
        version: A version from `store.find`; its vocabulary and classifier are verified here.
        settings: Threshold, workers, chunk.
        tokenizer: The version's tokenizer if it is not WordPiece (`--engine tensorflow`).

    Attributes:
        version: The name of the version.
        classifier_digest: The SHA-256 of its classifier.
        tokenizer: Its tokenizer.
        unsure: Scores between these two are labelled "unsure", because too few of them are correct.
        threshold: Scores at or above it count as positive in metrics, which know no "unsure".

    Raises:
        ArtefactError: if a file of the version is missing or differs from the manifest.
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
        read_locks.lock_for_reading(version.path / MANIFEST, reader=self)
        manifest = version.manifest
        self._opened_with = (version, self._settings, tokenizer)
        self.version, self.classifier_digest = version.name, version.classifier_digest
        low, high = manifest.calibration.get("unsure", (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD))
        self.unsure = (float(low), float(high))
        threshold = self._settings.threshold
        self.threshold = DEFAULT_THRESHOLD if threshold is None else threshold
        self._seq_length, self._window = manifest.seq_length, manifest.window
        self._cleaning = manifest.cleaning
        self.tokenizer = tokenizer or _tokenizer(version)
        if self.tokenizer.digest() != manifest.tokenizer["digest"]:
            raise ArtefactError(
                f"{capital(version.name)} was made with another tokenizer than that of this bertsent.",
                received=f"normalisation {visible(str(manifest.tokenizer['normalisation']))}",
                hint="train a version with this bertsent, then use that one",
            )
        self._classifier = LiteRTClassifier(
            version.file(CLASSIFIER), tokenizer=self.tokenizer, settings=self._settings
        )

    def __reduce__(self) -> tuple[Callable[..., Scorer], tuple[Any, ...]]:
        return _open, self._opened_with

    @property
    def window(self) -> str:
        """How much of a long text the version sees, for a message."""
        return f"{self._seq_length} tokens, window {self._window}"

    @property
    def pieces(self) -> int:
        """How many word pieces of a text fit into the window."""
        return self._seq_length - 2  # [CLS] and [SEP]

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Scores texts in their order, holding at most twice `settings.chunk` of them in memory.

        Args:
            texts: Any strings; an empty one is scored like a review without words.
        """
        return self.predict_reviews(Review(text) for text in texts)

    def predict_reviews(self, reviews: Iterable[Review]) -> Iterator[Prediction]:
        """Like `predict`, for reviews, whose path and gold label go into the predictions."""
        return (prediction for prediction, _ in self.predict_with_token_ids(reviews))

    def predict_with_token_ids(self, reviews: Iterable[Review]) -> Iterator[tuple[Prediction, TokenIds]]:
        """Like `predict_reviews`, with the ids that were scored: int32 [tokens], without [CLS] and [SEP]."""
        chunks = map(self._prepared, _chunks(reviews, self._settings))
        chunk = next(chunks, None)
        while chunk is not None:
            next_chunk, failure = None, None
            with self._classifier.scoring(chunk.token_ids) as scores:
                if self._settings.chunk > 1:  # else the prediction for a line would wait for the next line
                    try:
                        next_chunk = next(chunks, None)
                    except BertsentError as error:
                        failure = error  # of a later review: raised after the predictions before it
            yield from self._predictions(chunk, scores)
            if failure is not None:
                raise failure
            chunk = next_chunk or next(chunks, None)

    def word_pieces(self, texts: Sequence[str]) -> list[TokenIds]:
        """The word pieces of whole texts, cleaned as the version has it: int32 [pieces] each."""
        return self.tokenizer.encode([tokenizable(text, self._cleaning) for text in texts])

    def token_ids(self, texts: Sequence[str]) -> list[TokenIds]:
        """The ids that the classifier sees of each text: int32 [tokens], without [CLS] and [SEP]."""
        return [
            window(ids, seq_length=self._seq_length, kind=self._window) for ids in self.word_pieces(texts)
        ]

    def _prepared(self, reviews: list[Review]) -> _Chunk:
        encoded = self.word_pieces([review.text for review in reviews])
        seen = [window(ids, seq_length=self._seq_length, kind=self._window) for ids in encoded]
        return _Chunk(reviews, [len(ids) for ids in encoded], seen)

    def _predictions(self, chunk: _Chunk, scores: Scores) -> Iterator[tuple[Prediction, TokenIds]]:
        for review, tokens, token_ids, score in zip(*chunk, scores.tolist(), strict=True):
            prediction = Prediction(
                text=review.text,
                score=score,
                label=self.label(score),
                tokens=tokens,
                truncated=len(token_ids) < tokens,
                version=self.version,
                path=review.path,
                gold=review.label,
            )
            yield prediction, token_ids

    def scores(self, texts: Sequence[str], *, what: str, progress: Progress) -> Scores:
        """P(positive) of texts, float32 [texts], in their order; `what` names the work to `progress`."""
        progress.start(what, len(texts), "reviews")
        scores = np.empty(len(texts), np.float32)
        for row, prediction in enumerate(self.predict(texts)):
            scores[row] = prediction.score
            if row % REPORT_EVERY == 0:
                progress.advance(row)
        progress.finish()
        return scores

    def scores_of(
        self, texts: Sequence[str], *, known: Mapping[str, float], what: str, progress: Progress
    ) -> Scores:
        """Like `scores`, but a text that has its score in `known` is not scored again."""
        others = list(dict.fromkeys(text for text in texts if text not in known))
        scores = dict(known)
        if others:
            scores |= zip(others, self.scores(others, what=what, progress=progress).tolist(), strict=True)
        return np.array([scores[text] for text in texts], np.float32)

    def label(self, score: float) -> Label:
        """The label of a score: by the threshold, if one was set; else "unsure" within the version's band."""
        if self._settings.threshold is None and self.unsure[0] < score < self.unsure[1]:
            return "unsure"
        return "positive" if score >= self.threshold else "negative"


def _open(version: Version, settings: ScoreSettings, tokenizer: AnyTokenizer | None) -> Scorer:
    return Scorer(version, settings, tokenizer=tokenizer)


def _tokenizer(version: Version) -> AnyTokenizer:
    tokenizer = version.manifest.tokenizer
    if tokenizer["kind"] != WORDPIECE:
        raise UsageError(
            f"{capital(version.name)} has no WordPiece vocabulary, so its encoder's own preprocessor must "
            "tokenize the texts.",
            hint="add --engine tensorflow (needs: pip install 'bertsent[train]')",
        )
    return Tokenizer.from_file(version.file(VOCABULARY), lower_case=bool(tokenizer["lower_case"]))


def _chunks(reviews: Iterable[Review], settings: ScoreSettings) -> Iterator[list[Review]]:
    """Groups reviews in their order, as many as the settings say, and fewer if they are long."""
    chunk: list[Review] = []
    characters = 0
    for review in reviews:
        chunk.append(review)
        characters += len(review.text)
        if len(chunk) == settings.chunk or characters >= settings.chunk_characters:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
