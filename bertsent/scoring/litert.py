"""Scores rows of word pieces with a LiteRT file, on all cores."""

from __future__ import annotations

import contextlib
import os
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

TokenIds = NDArray[np.int32]
Scores = NDArray[np.float32]

_FIRST_LENGTH = 8  # tokens of BERT's shortest window; any length would do


class LiteRTClassifier:
    """A LiteRT file that maps token ids to scores.

    Every row is a batch of its own without padding, so its score cannot depend on other rows, and no time
    goes into padding. Larger batches were never faster: at 128 tokens one row fills the caches (219 rows a
    second on two cores, 193 with batches of 8).

    Each worker is a thread with its own interpreter; LiteRT releases Python's lock while it computes. Threads
    inside one interpreter wait for each other after every operation, so they are slower (210 rows a second).

    Threads may share a classifier. An interpreter belongs to one call at a time; a call that finds none idle
    opens one for itself, so that no call waits for another.

    Args:
        file: The classifier.tflite of a version.
        tokenizer: The version's tokenizer, for the special tokens.
        settings: Workers and chunk.

    Raises:
        ArtefactError: if LiteRT cannot read the file.
    """

    def __init__(self, file: Path, *, tokenizer: AnyTokenizer, settings: ScoreSettings) -> None:
        self._file = file
        self._tokenizer = tokenizer
        if settings.chunk == 1:  # the caller waits for every row, so all cores work on it
            self._workers, self._threads = 1, settings.workers or resources.cores()
        else:
            self._workers, self._threads = settings.workers or _affordable(file, settings), 1
        self._lock = threading.Lock()  # of the two lines below
        self._idle = [self._open()]
        self._opened = 1  # idle and in use

    @property
    def idle(self) -> int:
        """How many interpreters wait for the next call; at most one for each worker."""
        return len(self._idle)

    def score(self, rows: Sequence[TokenIds]) -> Scores:
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
    def scoring(self, rows: Sequence[TokenIds]) -> Iterator[Scores]:
        """Scores rows while the body of the `with` does something else; scores are complete after the block.

        If the body raises, each worker stops after its current row.

        Args:
            rows: As for `score`.
        """
        scores = np.zeros(len(rows), np.float32)
        # Sorted by length, because a change of length costs an interpreter a quarter of a millisecond. The
        # longest come first, so that all workers end at about the same time.
        order = iter(sorted(range(len(rows)), key=lambda row: len(rows[row]), reverse=True))
        stopped = threading.Event()
        failures: list[Exception] = []

        def work(interpreter: _Interpreter) -> None:
            try:
                for row in order:  # `next` is atomic: no two workers get the same row
                    if stopped.is_set():
                        return
                    scores[row] = interpreter.score(pack([rows[row]], tokenizer=self._tokenizer))
            except Exception as failure:  # raised below, by the thread that waits
                failures.append(failure)
                stopped.set()

        with self._hired(len(rows)) as (first, *others):
            threads: list[threading.Thread] = []
            try:
                for other in others:
                    thread = threading.Thread(target=work, args=[other])
                    with contextlib.suppress(RuntimeError):  # no memory for it: the others score its rows
                        thread.start()
                        threads.append(thread)
                yield scores
                work(first)  # this thread is a worker too, so there are as many threads as cores
            finally:
                stopped.set()
                for thread in threads:
                    thread.join()
        if failures:
            raise failures[0]

    @contextlib.contextmanager
    def _hired(self, rows: int) -> Iterator[list[_Interpreter]]:
        """Interpreters for one call: at least one, and else one for each worker that gets a row.

        Calls of several threads share those of the workers. One is opened beyond these only for a call that
        would have none, and dropped after it.
        """
        wanted = max(1, min(self._workers, rows))
        hired: list[_Interpreter] = []
        try:
            while len(hired) < wanted and self._hire(hired):
                pass
            yield hired
        finally:
            with self._lock:
                kept = hired[: self._workers - len(self._idle)]
                self._idle += kept
                self._opened -= len(hired) - len(kept)

    def _hire(self, hired: list[_Interpreter]) -> bool:
        """Adds an idle interpreter or a new one to those of a call; False if others need the rest."""
        with self._lock:
            if self._idle:
                hired.append(self._idle.pop())
                return True
            if hired and self._opened >= self._workers:
                return False
            self._opened += 1
        try:
            hired.append(self._open())
        except BaseException:
            with self._lock:
                self._opened -= 1
            raise
        return True

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
    """One worker per core, or as many as fit into the memory that this process may use."""
    limit, size = resources.memory(), file.stat().st_size
    if limit is None:
        return resources.cores()
    room = limit - settings.first_worker_bytes - size
    return max(1, min(resources.cores(), 1 + room // (settings.worker_bytes + size)))


class _Interpreter:
    """A LiteRT interpreter, for one thread at a time.

    Raises:
        ValueError, RuntimeError, IndexError: if LiteRT cannot read the file.
        BertsentError: later, if it cannot score a row.
    """

    def __init__(self, file: Path, *, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with quiet_stderr():
            self._interpreter: Any = Interpreter(os.fsencode(file), num_threads=threads)  # maps it
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
            self._length = 0
            self._resize(_FIRST_LENGTH)  # here, where `quiet_stderr` drops the runtime's first line

    def _resize(self, length: int) -> None:
        self._interpreter.resize_tensor_input(self._input, [1, length])
        self._interpreter.allocate_tensors()
        self._length = length

    def score(self, ids: TokenIds) -> float:
        """P(positive) of one row of ids, int32 [1, tokens]."""
        try:
            if ids.shape[1] != self._length:
                self._resize(ids.shape[1])
            self._interpreter.set_tensor(self._input, ids)
            self._interpreter.invoke()
        except RuntimeError as error:  # not a fault of the file, which was prepared when it was opened
            raise BertsentError(
                "LiteRT could not score a text, most likely for want of memory.",
                received=visible(str(error))[:200],
                hint="give the process 400 MB of memory, or use --workers 1",
            ) from error
        return float(self._interpreter.get_tensor(self._output)[0])
