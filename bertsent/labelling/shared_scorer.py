"""The scorer that the two threads of `label` share."""

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
    """A scorer for two threads, opened when it is first needed.

    The UI thread has priority over the background thread, which waits while the UI thread has texts to score.

    Args:
        opener: Opens the scorer.
        settings: How many texts the background thread scores before it lets the UI thread in.
    """

    def __init__(self, opener: Callable[[], Scorer], settings: LabelSettings) -> None:
        self._opener = opener
        self._settings = settings
        self._lock = threading.Lock()
        # The lock alone would not let the UI thread in: the thread that frees a lock usually takes it again.
        self._ui_is_idle = threading.Event()
        self._ui_is_idle.set()
        self._scorer: Scorer | None = None
        self._error: BertsentError | None = None
        self._predictions: dict[str, Prediction] = {}

    @property
    def ready(self) -> bool:
        """Whether the scorer is open."""
        return self._scorer is not None

    def warm(self) -> None:
        """Opens the scorer. If that fails, the first prediction raises the error."""
        with self._lock, contextlib.suppress(BertsentError):
            self._open()

    def opened(self) -> Scorer:
        """The scorer, to read from it; only `predict` and `scores` may score.

        Raises:
            BertsentError: what opening the scorer raised, now or before.
        """
        with self._lock:
            return self._open()

    def known(self, text: str) -> Prediction | None:
        """The prediction for a text, if `predict` has given it before."""
        return self._predictions.get(text)

    def predict(self, texts: Sequence[str], stop: threading.Event | None = None) -> Iterator[Prediction]:
        """Scores texts in their order.

        Args:
            texts: Clean texts.
            stop: Given by the background thread only; ends the scoring early.

        Raises:
            BertsentError: what opening the scorer raised, now or before.
        """
        rest = iter(texts)
        while batch := list(islice(rest, self._settings.slice)):
            if stop is None:
                predictions = self._predict_for_ui(batch)
            else:
                self._ui_is_idle.wait()
                if stop.is_set():
                    return
                with self._lock:
                    predictions = list(self._open().predict(batch))
            for prediction in predictions:
                self._predictions[prediction.text] = prediction
                yield prediction

    def scores(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, for the UI thread; they are not stored for `known`."""
        return [prediction.score for prediction in self._predict_for_ui(texts)]

    def _predict_for_ui(self, texts: Sequence[str]) -> list[Prediction]:
        try:
            self._ui_is_idle.clear()
            with self._lock:
                return list(self._open().predict(texts))
        finally:
            self._ui_is_idle.set()

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
