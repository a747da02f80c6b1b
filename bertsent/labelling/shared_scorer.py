"""The model beside the questions of a pool."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from bertsent.base.errors import BertsentError
from bertsent.base.records.core import Prediction
from bertsent.base.settings.labelling import LabelSettings

if TYPE_CHECKING:
    from bertsent.scoring.scorer import Scorer


class SharedScorer:
    """A scorer that two threads may use, opened when it is first needed: the person's, and the one beside
    it, which waits while the other one has something to ask.

    Args:
        opener: Gives the scorer.
        settings: How many texts are scored before the other thread gets its turn.
    """

    def __init__(self, opener: Callable[[], Scorer], settings: LabelSettings) -> None:
        self._opener = opener
        self._settings = settings
        self._lock = threading.Lock()
        # A lock goes to whoever asks first when it is free, which is the thread that has just freed it.
        self._unasked = threading.Event()
        self._unasked.set()
        self._scorer: Scorer | None = None
        self._error: BertsentError | None = None
        self._known: dict[str, Prediction] = {}

    @property
    def ready(self) -> bool:
        """Whether the scorer is open."""
        return self._scorer is not None

    def warm(self) -> None:
        """Opens the scorer, and leaves it to the first prediction to say if that fails."""
        with self._lock, contextlib.suppress(BertsentError):
            self._open()

    def known(self, text: str) -> Prediction | None:
        """The prediction for a text if it was asked for before."""
        return self._known.get(text)

    def predict(self, texts: Sequence[str], stop: threading.Event | None = None) -> Iterator[Prediction]:
        """Scores texts in their order.

        Args:
            stop: Of the thread beside the person's: ends early when it is set.

        Raises:
            BertsentError: whatever opening the scorer raised, now or before.
        """
        rest = iter(texts)
        while batch := list(islice(rest, self._settings.slice)):
            if stop is None:
                predictions = self._at_once(batch)
            else:
                self._unasked.wait()
                if stop.is_set():
                    return
                with self._lock:
                    predictions = list(self._open().predict(batch))
            for prediction in predictions:
                self._known[prediction.text] = prediction
                yield prediction

    def scores(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text; nothing is kept of them."""
        return [prediction.score for prediction in self._at_once(texts)]

    def _at_once(self, texts: Sequence[str]) -> list[Prediction]:
        """The predictions for the person, whose thread is the only one that comes here."""
        try:
            self._unasked.clear()
            with self._lock:
                return list(self._open().predict(texts))
        finally:
            self._unasked.set()

    def _open(self) -> Scorer:
        if self._error is not None:
            raise self._error
        if self._scorer is None:
            try:
                self._scorer = self._opener()
            except BertsentError as error:
                self._error = error
                raise
        return self._scorer
