"""One scorer for several threads, and in another process: each text gets its own score."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bertsent.base.resources import quiet_stderr
from bertsent.base.settings.scoring import ScoreSettings
from bertsent.scoring.litert import LiteRTClassifier
from bertsent.scoring.scorer import Scorer
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER

THREADS = 4
CALLS = 60  # of each thread
TEXTS = [
    f"{'a dull film ' * (number % 7)}number {number} was {word}" for number in range(12) for word in "ab"
]


def scores(scorer: Scorer, texts: list[str]) -> list[float]:
    return [prediction.score for prediction in scorer.predict(texts)]


@pytest.mark.parametrize("settings", [{}, {"workers": 3}, {"chunk": 1}], ids=str)
def test_threads_share_a_scorer(trained: Path, settings: dict[str, int]) -> None:
    shared = Scorer(store.find(None, folder=trained), ScoreSettings(**settings))
    expected = {text: scores(shared, [text])[0] for text in TEXTS}
    together = threading.Barrier(THREADS)

    def work(thread: int) -> list[str]:
        together.wait()
        wrong = []
        for call in range(CALLS):
            texts = [TEXTS[(thread * CALLS + call + step) % len(TEXTS)] for step in range(1 + call % 4)]
            wrong += [
                text
                for text, score in zip(texts, scores(shared, texts), strict=True)
                if score != expected[text]
            ]
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert [*pool.map(work, range(THREADS))] == [[]] * THREADS


def test_scorer_may_be_used_while_it_waits_for_texts(trained: Path) -> None:
    shared = Scorer(store.find(None, folder=trained), ScoreSettings(workers=1, chunk=2))
    expected = scores(shared, TEXTS)

    def texts_and_scores() -> list[float]:
        within: list[float] = []

        def read() -> object:
            for text in TEXTS:
                within.extend(scores(shared, [text]))
                yield text

        assert [prediction.score for prediction in shared.predict(read())] == expected
        return within

    assert texts_and_scores() == expected


def test_a_call_that_ends_leaves_no_more_interpreters_than_workers(trained: Path) -> None:
    version = store.find(None, folder=trained)
    classifier = LiteRTClassifier(
        version.file(CLASSIFIER), tokenizer=Scorer(version).tokenizer, settings=ScoreSettings(workers=2)
    )
    rows = [np.arange(5, 5 + length, dtype=np.int32) for length in range(1, 20)]
    expected = classifier.score(rows).tolist()
    with ThreadPoolExecutor(6) as pool:
        assert all(found.tolist() == expected for found in pool.map(classifier.score, [rows] * 30))
    assert classifier.idle == 2


def test_scorer_is_pickled_and_opened_anew(trained: Path) -> None:
    scorer = Scorer(store.find(None, folder=trained), ScoreSettings(threshold=0.7, workers=1))
    copy = pickle.loads(pickle.dumps(scorer))
    assert [*copy.predict(TEXTS)] == [*scorer.predict(TEXTS)]
    assert copy.threshold == 0.7


def test_pickled_scorer_is_opened_in_a_worker_process(trained: Path) -> None:
    scorer = Scorer(store.find(None, folder=trained))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(scores, scorer, TEXTS[:3]).result(timeout=60) == scores(scorer, TEXTS[:3])


def test_scorer_of_a_version_found_with_its_digest_ahead_is_pickled(trained: Path) -> None:
    version = store.find(None, folder=trained)
    version.begin()
    assert scores(pickle.loads(pickle.dumps(Scorer(version))), TEXTS[:1])


def test_stderr_comes_back_after_threads_have_silenced_it(capfd: pytest.CaptureFixture[str]) -> None:
    before = os.fstat(2)

    def silence(_: int) -> None:
        with quiet_stderr():
            os.write(2, b"not to be seen\n")
            time.sleep(0.001)

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(silence, range(400))]
    assert os.path.samestat(os.fstat(2), before)
    os.write(2, b"seen\n")
    assert "seen" in capfd.readouterr().err.splitlines()
