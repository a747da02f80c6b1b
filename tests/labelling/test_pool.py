"""Pools: what is left out, which question comes next, and what the background adds."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from support.fake_scorer import Known

from bertsent.base.digests import sha256_text
from bertsent.base.errors import ArtefactError, DataError
from bertsent.base.records.core import Prediction, Review
from bertsent.base.settings.labelling import LabelSettings
from bertsent.labelling.background import prepare
from bertsent.labelling.decisions import Decision, Labelled, decide
from bertsent.labelling.pool import Pool, Question, read_pool, second_look
from bertsent.labelling.shared_scorer import SharedScorer
from bertsent.scoring.scorer import Scorer

WORDS = ["film", "great", "awful", "plot", "actors", "scene", "boring", "lovely", "music", "ending", "slow"]


class Reading(Known):
    """Scores a text by the number it begins with."""

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        return self.predict_reviews(map(Review, texts))


def rows(count: int, *, words: int = 12) -> list[Review]:
    """Texts that begin with their scores, 0.000 to 0.999, and are no copies of each other."""
    drawn = random.Random(5)
    return [
        Review(f"0.{n * 1000 // count:03d} " + " ".join(drawn.choices(WORDS, k=words)), path=f"p:{n}")
        for n in range(count)
    ]


def pool_of(reviews: Iterable[Review], answered: Iterable[str] = (), **settings: Any) -> Pool:
    return Pool(reviews, answered=set(answered), settings=LabelSettings(**settings))


def prepared(
    pool: Pool, *, labelled: Iterable[Labelled] = (), data: Path | None = None, **settings: Any
) -> None:
    chosen = LabelSettings(**settings)
    model = SharedScorer(lambda: cast(Scorer, Reading()), chosen)
    prepare(pool, model, labelled=[*labelled], data=data, settings=chosen, stop=threading.Event())


def drain(pool: Pool) -> list[Question]:
    return [*iter(pool.next, None)]


def label(text: str) -> Labelled:
    return Labelled(text, 1, sha256_text(text), "typed", None, None, "", "0" * 32)


def score(question: Question) -> float:
    return float(question.text.split()[0])


# what is asked


def test_read_pool_takes_folders_and_tables_alike(workspace: Path) -> None:
    (workspace / "folder").mkdir()
    texts = ["one film", "another film"]
    for number, text in enumerate(texts):
        (workspace / "folder" / f"{number}.txt").write_text(text, encoding="utf-8")
    (workspace / "a.csv").write_text("text,label\none film,pos\nanother film,\n", encoding="utf-8")
    (workspace / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    (workspace / "a.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8"
    )
    for name in ("folder", "a.csv", "a.txt", "a.jsonl"):
        pool = read_pool(workspace / name, answered=(), settings=LabelSettings())
        assert {question.text for question in drain(pool)} == set(texts)


def test_read_pool_names_a_row_that_cannot_be_used(workspace: Path) -> None:
    (workspace / "a.jsonl").write_text('{"text": "one"}\n{"text": ["two"]}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:2"):
        read_pool(workspace / "a.jsonl", answered=(), settings=LabelSettings())


def test_pool_asks_each_text_once_and_none_that_is_answered() -> None:
    given = ["one", "two", "one", " one ", "", "three<br />"]
    pool = pool_of(map(Review, given), answered=[sha256_text("two")])
    assert {question.text for question in drain(pool)} == {"one", "three"}
    assert pool.left_out == {"repeated": 2, "empty": 1, "answered": 1}
    assert pool.rows == 6


@pytest.mark.parametrize("order", ["random", "uncertain", "diverse", "mixed", "foreign"])
def test_next_asks_everything_once_in_every_order(order: str) -> None:
    for ready in (False, True):
        pool = pool_of(rows(40), order=order)
        if ready:
            prepared(pool, order=order)
        asked = drain(pool)
        assert {question.text for question in asked} == {row.text for row in rows(40)}
        assert len(asked) == 40
        assert len(pool) == 0


def test_next_follows_the_seed_and_the_texts_alone() -> None:
    first = [question.digest for question in drain(pool_of(rows(30), order="random"))]
    assert [question.digest for question in drain(pool_of(reversed(rows(30)), order="random"))] == first
    assert [question.digest for question in drain(pool_of(rows(30), order="random", seed=7))] != first


def test_random_questions_do_not_depend_on_what_else_was_asked() -> None:
    """So they are a fair sample: rows for them are put aside before anything is picked."""
    pool, plain = pool_of(rows(200)), pool_of(rows(200), order="random")
    prepared(pool)
    by_chance = [question.digest for question in drain(pool)[:150] if question.picked_by == "random"]
    assert by_chance == [question.digest for question in drain(plain)[: len(by_chance)]]
    assert len(by_chance) == 30


def test_mixed_has_a_fifth_of_random_questions_from_the_first_on() -> None:
    pool = pool_of(rows(200))
    prepared(pool)
    picked = [question.picked_by for question in drain(pool)[:100]]
    for length in range(1, 101):
        assert picked[:length].count("random") >= length / 5
    assert picked.count("uncertain") == 60
    assert picked.count("diverse") == 20


def test_uncertain_asks_for_the_scores_nearest_to_a_half_first() -> None:
    pool = pool_of(rows(100), order="uncertain")
    prepared(pool, order="uncertain")
    asked = drain(pool)
    kept = {question.digest for question in asked[-20:]}  # about a fifth, put aside for random questions
    free = [abs(score(question) - 0.5) for question in asked if question.digest not in kept]
    assert free[:60] == sorted(free[:60])
    assert {question.picked_by for question in asked} == {"uncertain"}


def test_uncertain_is_random_until_there_are_scores() -> None:
    pool = pool_of(rows(50), order="uncertain")
    first = pool.next()
    prepared(pool, order="uncertain")
    second = pool.next()
    assert first is not None
    assert second is not None
    assert (first.picked_by, second.picked_by) == ("random", "uncertain")


def test_diverse_asks_for_each_kind_of_text_before_it_repeats_one() -> None:
    kinds = {
        "film": "film plot actor scene",
        "shoes": "shoes heel lace size",
        "app": "app crash login update",
    }
    drawn = random.Random(2)
    given = [
        Review(f"0.5 {kind} " + " ".join(drawn.choices(words.split(), k=12)) + f" {kind}{n}")
        for kind, words in kinds.items()
        for n in range({"film": 60}.get(kind, 6))
    ]
    pool = pool_of(given, order="diverse")
    prepared(pool, order="diverse", labelled=[label("0.5 film plot actor scene plot role actor")])
    first = [question.text.split()[1] for question in drain(pool)[:2]]
    assert sorted(first) == ["app", "shoes"]


# the background


def test_prepare_leaves_out_copies_of_the_pool_and_of_answers() -> None:
    given = rows(10, words=20)
    near = [Review(given[0].text + " indeed"), Review(given[1].text.upper() + "!")]
    pool = pool_of([*given, *near])
    prepared(pool, labelled=[label(given[5].text + " truly")])
    assert pool.left_out == {"near_repeated": 2, "near_answered": 1}
    assert len(drain(pool)) == 9


def test_prepare_leaves_out_a_copy_of_what_was_asked_meanwhile() -> None:
    for seed in range(8):  # whichever of the two is asked first
        (one,) = rows(1, words=20)
        pool = pool_of([one, Review(one.text + " indeed")], seed=seed)
        assert pool.next() is not None
        prepared(pool)
        assert len(pool) == 0
        assert pool.left_out == {"near_repeated": 1}


@pytest.mark.parametrize("nested", [True, False])
def test_prepare_leaves_out_what_the_data_set_holds(workspace: Path, nested: bool) -> None:
    given = rows(10, words=20)
    for number, place in enumerate(["train/pos", "test/neg"] if nested else ["pos", "neg"]):
        folder = workspace / "data" / place
        folder.mkdir(parents=True)
        (folder / "0.txt").write_text(given[number].text + " indeed", encoding="utf-8")
    pool = pool_of(given)
    prepared(pool, data=workspace / "data")
    assert pool.left_out == {"in_data": 2}
    assert len(pool) == 8


def test_prepare_leaves_out_what_tables_of_a_data_set_hold_whatever_their_labels(workspace: Path) -> None:
    given = rows(10, words=20)
    for number, (name, label) in enumerate([("train.csv", 3), ("test.csv", ""), ("dev.csv", "odd")]):
        path = workspace / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text,label\n{given[number].text} indeed,{label}\n", encoding="utf-8")
    pool = pool_of(given)
    prepared(pool, data=workspace / "data")
    assert pool.problems == []
    assert pool.left_out == {"in_data": 3}


def test_prepare_says_how_many_were_asked_that_the_data_set_holds(workspace: Path) -> None:
    given = rows(10, words=20)
    pool = pool_of(given)
    question = pool.next()
    assert question is not None
    other = next(row for row in given if row.text != question.text)
    (workspace / "data" / "pos").mkdir(parents=True)
    for number, text in enumerate([question.text, other.text, other.text + " indeed"]):
        (workspace / "data" / "pos" / f"{number}.txt").write_text(text, encoding="utf-8")
    prepared(pool, data=workspace / "data")
    assert pool.left_out == {"in_data": 1}
    assert pool.problems == ["Reviews asked although the data set has them, or nearly: 1 (found too late)."]


def test_prepare_says_why_there_are_no_scores_and_does_the_rest(workspace: Path) -> None:
    def broken() -> Scorer:
        raise ArtefactError("The version is damaged.")

    pool, settings = (
        pool_of([*rows(5, words=20), Review(rows(5, words=20)[0].text + " indeed")]),
        LabelSettings(),
    )
    prepare(
        pool,
        SharedScorer(broken, settings),
        labelled=[],
        data=workspace / "none",
        settings=settings,
        stop=threading.Event(),
    )
    assert pool.left_out == {"near_repeated": 1}
    assert [problem.split(":")[0] for problem in pool.problems] == [
        "No scores",
        "The data set was not compared",
    ]
    assert {question.picked_by for question in drain(pool)} == {"random", "diverse"}


class Slow(Reading):
    """Counts the times it is asked."""

    asked = 0

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        self.asked += 1
        time.sleep(0.004)
        return super().predict(texts)


def test_model_answers_the_person_before_the_thread_beside() -> None:
    scorer, stop = Slow(), threading.Event()
    model = SharedScorer(lambda: cast(Scorer, scorer), LabelSettings(slice=1))
    given = [row.text for row in rows(3000)]
    beside = threading.Thread(target=lambda: [*model.predict(given, stop)])
    beside.start()
    while not scorer.asked:
        time.sleep(0.001)
    before = scorer.asked
    for text in given[:40]:
        assert len([*model.predict([text])]) == 1
    waited = scorer.asked - before
    stop.set()
    beside.join()
    assert waited < 68, "its own, and what was under way; else the other thread takes turns, or all of them"


def test_prepare_scores_a_bounded_sample() -> None:
    pool = pool_of(rows(300), order="uncertain", sample=40)
    prepared(pool, order="uncertain", sample=40)
    picked = [question.picked_by for question in drain(pool)]
    assert picked == ["uncertain"] * 40 + ["random"] * 260


# a pool that is read on


def part(count: int, *, first: int) -> Pool:
    return Pool(rows(count), answered=set(), settings=LabelSettings(), first=first)


def test_next_asks_of_the_rows_there_are_and_says_so() -> None:
    pool = part(300, first=100)
    early = [pool.next() for _ in range(3)]
    assert all(each and each.picked_by == "first" and int(each.path[2:]) < 100 for each in early)
    assert not pool.whole
    pool.read_on(threading.Event(), rows=64)
    assert pool.whole
    assert pool.rows == 300
    late = drain(pool)
    assert {each.picked_by for each in late} == {"random"}
    assert len({each.digest for each in [*early, *late] if each}) == 300


def test_pool_read_on_asks_as_one_read_at_once() -> None:
    pool, plain = part(300, first=100), pool_of(rows(300))
    early = pool.next()
    pool.read_on(threading.Event(), rows=100)
    assert early is not None
    plain.leave_out(early.digest, "answered")
    assert drain(pool) == drain(plain)
    assert list(pool.texts()) == list(plain.texts())


def test_pool_tells_copies_of_its_first_rows_from_new_ones() -> None:
    pool = Pool(rows(20) + rows(20), answered=set(), settings=LabelSettings(), first=20)
    pool.read_on(threading.Event(), rows=7)
    assert pool.left_out == {"repeated": 20}
    assert len(pool) == 20


def test_next_waits_for_rows_that_are_to_come() -> None:
    pool = part(3, first=1)
    assert pool.next() is not None
    thread = threading.Timer(0.05, pool.read_on, [threading.Event()], {"rows": 1})
    thread.start()
    assert pool.next() is not None
    thread.join()


def test_pool_that_cannot_be_read_on_is_what_was_read() -> None:
    def broken() -> Iterator[Review]:
        yield from rows(20)
        raise DataError("a row")

    pool = Pool(broken(), answered=set(), settings=LabelSettings(), first=5)
    pool.read_on(threading.Event(), rows=5)
    assert pool.error is not None
    assert (pool.whole, pool.rows) == (False, 20)
    assert {question.picked_by for question in drain(pool)} == {"first"}


def test_pool_that_was_stopped_is_not_whole() -> None:
    pool, stop = part(20, first=5), threading.Event()
    stop.set()
    pool.read_on(stop, rows=5)
    assert (pool.whole, pool.rows) == (False, 5)
    assert len(drain(pool)) == 5


def test_prepare_stops_when_it_is_told() -> None:
    settings, stop = LabelSettings(), threading.Event()
    stop.set()
    pool = pool_of(rows(50))
    prepare(
        pool,
        SharedScorer(lambda: pytest.fail("opened"), settings),
        labelled=[],
        data=None,
        settings=settings,
        stop=stop,
    )
    assert {question.picked_by for question in drain(pool)} == {"random"}


def test_pool_of_no_rows_asks_nothing() -> None:
    pool = pool_of([])
    prepared(pool)
    assert drain(pool) == []


# second looks


def log(count: int, **more: Any) -> list[Decision]:
    return [decide(f"text {n}", "positive", picked_by="random", **more) for n in range(count)]


def test_second_look_comes_about_every_nth_time() -> None:
    gaps = []
    for _ in range(20):
        decisions = log(10)
        while (question := second_look(decisions, settings=LabelSettings(again=10))) is None:
            decisions += log(len(decisions) + 1)[-1:]
        gaps.append(len(decisions))
        assert question.again
        assert question.picked_by == "random"
        assert question.text in {each.text for each in decisions[:-5]}
    assert {*gaps} <= set(range(8, 21))


def test_second_look_takes_each_text_once_and_stops_at_zero() -> None:
    decisions = log(6)
    settings = LabelSettings(again=1)
    seen = []
    while question := second_look(decisions, settings=settings):
        seen.append(question.digest)
        decisions.append(decide(question.text, "negative", picked_by="random", again=True))
        decisions.append(decide(f"more {len(decisions)}", "skip", picked_by="random"))
    assert len(seen) == len(set(seen)) == 6
    assert second_look(decisions, settings=LabelSettings(again=0)) is None


def test_second_look_leaves_typed_and_fed_labels_alone() -> None:
    decisions = [decide(f"text {n}", "positive") for n in range(50)]
    assert second_look(decisions, settings=LabelSettings(again=3)) is None


# the most foreign first


def by_number(scorer: object, texts: Mapping[str, str], scores: Mapping[str, float]) -> list[str]:
    """Ranks texts by the number they begin with, the largest first."""
    assert scores.keys() == texts.keys()
    return sorted(texts, key=lambda digest: -float(texts[digest].split()[0]))


def ranked(pool: Pool, rank: Any = by_number, **settings: Any) -> None:
    chosen = LabelSettings(order="foreign", **settings)
    model = SharedScorer(lambda: cast(Scorer, Reading()), chosen)
    prepare(pool, model, labelled=[], data=None, settings=chosen, stop=threading.Event(), rank=rank)


def test_foreign_asks_for_the_most_foreign_first_and_goes_on_as_mixed() -> None:
    pool, mixed = pool_of(rows(100), order="foreign", foreign=10), pool_of(rows(100))
    ranked(pool, foreign=10)
    asked = drain(pool)
    assert [question.picked_by for question in asked[:10]] == ["foreign"] * 10
    scores = [score(question) for question in asked[:10]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.75, "a fifth of the largest is reserved for random questions"
    assert {question.picked_by for question in asked[10:]} == {"random", "uncertain", "diverse"}
    by_chance = [question.digest for question in asked if question.picked_by == "random"]
    plain = [question.digest for question in drain(pool_of(rows(100), order="random"))]
    assert by_chance[:15] == plain[:15], "random questions stay a fair sample"
    assert len(asked) == len(mixed)


def test_foreign_skips_what_was_asked_or_left_out_meanwhile() -> None:
    pool = pool_of(rows(40), order="foreign", foreign=3)
    first = pool.next()
    assert first is not None
    ranked(pool, lambda scorer, texts, scores: [first.digest, *by_number(scorer, texts, scores)], foreign=3)
    assert first.digest not in {question.digest for question in drain(pool)}


def test_foreign_without_a_ranking_is_random_and_says_why() -> None:
    def fails(scorer: object, texts: object, scores: object) -> list[str]:
        raise DataError("Too few.")

    pool = pool_of(rows(10), order="foreign")
    ranked(pool, fails)
    assert pool.problems == ["Which texts are foreign is not known: Too few."]
    assert "foreign" not in {question.picked_by for question in drain(pool)}
