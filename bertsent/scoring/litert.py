"""Rows of word pieces -> scores, by a LiteRT file on all cores."""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base import resources
from bertsent.base.display import visible
from bertsent.base.errors import ArtefactError, BertsentError
from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring.tokenizer import AnyTokenizer, pack

Tokens = NDArray[np.int32]
Scores = NDArray[np.float32]

_SHORT = 8  # places of a first shape, any: BERT's shortest window


class Classifier:
    """A LiteRT file that maps token ids to scores.

    Every row is a batch of its own, as long as it is: nothing is padded, so a score cannot depend on the
    rows beside it, and no place is computed in vain. More rows a batch were never faster: at 128 places one
    row fills the caches (219 rows a second on two cores against 193 with batches of 8).

    Each worker is a thread with an interpreter of its own; LiteRT computes without Python's lock. That beats
    threads inside one interpreter, which meet after every operation (219 against 210 rows a second).

    Args:
        file: The classifier.tflite of a version.
        tokenizer: Its tokenizer, for the special tokens.
        settings: Workers and chunk.

    Raises:
        ArtefactError: if LiteRT cannot read the file.
    """

    def __init__(self, file: Path, *, tokenizer: AnyTokenizer, settings: ScoreSettings) -> None:
        self._file = file
        self._tokenizer = tokenizer
        if settings.chunk == 1:  # who asks row by row waits for each: then the cores share the row
            self._workers, self._threads = 1, settings.workers or resources.cores()
        else:
            self._workers, self._threads = settings.workers or _affordable(file, settings), 1
        self._interpreters = [self._open()]

    def score(self, rows: Sequence[Tokens]) -> Scores:
        """Scores rows of word pieces.

        Args:
            rows: Word pieces without special tokens, each within the window.

        Returns:
            float32 [rows], P(positive), in the order of `rows`.
        """
        with self.scoring(rows) as scores:
            pass
        return scores

    @contextlib.contextmanager
    def scoring(self, rows: Sequence[Tokens]) -> Iterator[Scores]:
        """Scores rows while the body of the `with` does something else; they are complete after it.

        Where the body raises, the workers stop after the rows in hand.

        Args:
            rows: As `score` takes them.
        """
        scores = np.zeros(len(rows), np.float32)
        # Like lengths follow each other, because another length costs an interpreter a quarter of a
        # millisecond; the longest come first, so that the workers end together.
        turns = iter(sorted(range(len(rows)), key=lambda row: len(rows[row]), reverse=True))
        failures: list[Exception] = []

        def work(interpreter: _Interpreter) -> None:
            for row in turns:  # one step of Python: no two workers get the same row
                scores[row] = interpreter.score(pack([rows[row]], tokenizer=self._tokenizer))

        def help_out(interpreter: _Interpreter) -> None:
            try:
                work(interpreter)
            except Exception as failure:  # raised below, by the thread that waits
                failures.append(failure)

        first, *others = self._hired(len(rows))
        threads: list[threading.Thread] = []
        try:
            for other in others:
                thread = threading.Thread(target=help_out, args=[other])
                with contextlib.suppress(RuntimeError):  # no memory for another thread: this one does it all
                    thread.start()
                    threads.append(thread)
            yield scores
            work(first)  # this thread is a worker too: as many threads as cores, whatever the body does
        finally:
            collections.deque(turns, maxlen=0)  # the others stop after the row in hand
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]

    def _hired(self, rows: int) -> list[_Interpreter]:
        """An interpreter for each worker that finds a row to do, one at least."""
        while len(self._interpreters) < min(self._workers, rows):
            self._interpreters.append(self._open())
        return self._interpreters[: max(1, rows)]

    def _open(self) -> _Interpreter:
        try:
            return _Interpreter(self._file, threads=self._threads)
        except (ValueError, RuntimeError, IndexError) as error:
            raise ArtefactError(
                f"LiteRT cannot read {visible(str(self._file))}.",
                received=visible(str(error))[:200],
                hint="give the process 400 MB of memory, or use another version (--model N)",
            ) from error


def _affordable(file: Path, settings: ScoreSettings) -> int:
    """One worker a core, or as many as the memory that this process was granted holds."""
    granted, size = resources.memory(), file.stat().st_size
    if granted is None:
        return resources.cores()
    room = granted - settings.first_worker_bytes - size
    return max(1, min(resources.cores(), 1 + room // (settings.worker_bytes + size)))


class _Interpreter:
    """A LiteRT interpreter; it serves one thread at a time.

    Raises:
        ValueError, RuntimeError, IndexError: if LiteRT cannot read the file.
        BertsentError: later, if it cannot score a row.
    """

    def __init__(self, file: Path, *, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with quiet_stderr():
            self._interpreter: Any = Interpreter(str(file), num_threads=threads)  # maps the file
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
            self._places = 0
            self._resize(_SHORT)  # here, where its greeting is dropped

    def _resize(self, places: int) -> None:
        self._interpreter.resize_tensor_input(self._input, [1, places])
        self._interpreter.allocate_tensors()
        self._places = places

    def score(self, ids: Tokens) -> float:
        """P(positive) of one row of ids, int32 [1, places]."""
        try:
            if ids.shape[1] != self._places:
                self._resize(ids.shape[1])
            self._interpreter.set_tensor(self._input, ids)
            self._interpreter.invoke()
        except RuntimeError as error:  # the file was run when it was opened, so it is not that
            raise BertsentError(
                "LiteRT could not score a text; most likely it got no memory.",
                received=visible(str(error))[:200],
                hint="give the process 400 MB, or use --workers 1",
            ) from error
        return float(self._interpreter.get_tensor(self._output)[0])
