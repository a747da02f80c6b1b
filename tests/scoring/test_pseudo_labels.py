"""Reviews without labels: which are used, their pseudo-labels, and what is kept for the next run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support import tiny_bert
from support.listener import Listener

from bertsent.base.digests import sha256_text
from bertsent.base.errors import ArtefactError, DataError, UsageError
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.data.scored import open_scored
from bertsent.data.splits import load_splits
from bertsent.scoring.calibration import logit
from bertsent.scoring.pseudo_labels import PseudoLabels, combine, pseudo_label, take_scores
from bertsent.scoring.scorer import Scorer
from bertsent.versions import store
from bertsent.versions.manifest import CLASSIFIER, Version

Folders = tuple[Path, Path]
Teach = Callable[..., PseudoLabels]

NEW = (
    "A wonderful, moving film with great acting and a lovely story.",
    "Awful. Boring, badly acted, and a complete waste of two hours!",
    "The plot is thin, yet the music and the pictures are beautiful.",
    "I wanted to like it; I could not.",
)


@pytest.fixture(scope="module")
def splits(sample: Path, tiny_encoder: Folders) -> Splits:
    """The split that the trained version knows."""
    return load_splits(sample, tiny_bert.settings(tiny_encoder))


@pytest.fixture
def heard() -> Listener:
    return Listener()


@pytest.fixture
def teaching(model: Path, splits: Splits, workspace: Path, heard: Listener) -> Teach:
    """Takes pseudo-labels of the trained version, with this test's own cache."""
    version = store.find("1", folder=model)

    def run(
        path: Path, *, teacher: Version = version, splits: Splits = splits, limit: int = 200
    ) -> PseudoLabels:
        heard.begun.clear()
        cache = workspace / "taught"
        return pseudo_label(path, version=teacher, splits=splits, limit=limit, cache=cache, progress=heard)

    return run


@pytest.fixture
def folder(workspace: Path) -> Callable[..., Path]:
    """Writes texts as a folder of reviews without labels."""

    def write(*texts: str, name: str = "unsup") -> Path:
        (workspace / name).mkdir()
        for number, text in enumerate(texts):
            (workspace / name / f"{number}_0.txt").write_text(text, encoding="utf-8")
        return workspace / name

    return write


def by_text(taught: PseudoLabels) -> dict[str, float]:
    pairs = zip(taught.reviews, taught.targets.tolist(), strict=True)
    return {review.text: target for review, target in pairs}


def kept(workspace: Path) -> Path:
    """The one file of the cache."""
    (file,) = (workspace / "taught").iterdir()
    return file


# which reviews


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_pseudo_label_leaves_out_labelled_texts(
    teaching: Teach, folder: Callable[..., Path], splits: Splits, name: str
) -> None:
    known = [review.text for review in getattr(splits, name)[:3]]
    spelt = (known[0], f"  {known[1]}\n", known[2].replace(" ", "<br /><br />", 1))
    assert set(by_text(teaching(folder(NEW[0], *spelt, NEW[1])))) == set(NEW[:2])


def test_pseudo_label_takes_a_text_once(teaching: Teach, folder: Callable[..., Path]) -> None:
    again = NEW[0].replace(" ", "  ")
    taught = teaching(folder(NEW[0], NEW[0], again, f"\ufeff{NEW[0]}\r\n", NEW[1]))
    assert sorted(review.text for review in taught.reviews) == sorted(NEW[:2])


def test_pseudo_label_leaves_out_what_holds_nothing_to_read(
    teaching: Teach, folder: Callable[..., Path]
) -> None:
    assert set(by_text(teaching(folder("", " \n", "<br /><br />", "<p></p>", NEW[0])))) == {NEW[0]}


def test_pseudo_label_gives_no_label_away(teaching: Teach, workspace: Path) -> None:
    table = workspace / "table.jsonl"
    rows = [{"text": text, "label": number % 2} for number, text in enumerate(NEW)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    taught = teaching(table)
    assert len(taught.reviews) == len(NEW)
    assert {review.label for review in taught.reviews} == {None}


def test_pseudo_label_takes_at_most_the_limit_whatever_the_files_are_called(
    teaching: Teach, folder: Callable[..., Path]
) -> None:
    first = teaching(folder(*NEW), limit=2)
    second = teaching(folder(*NEW[::-1], NEW[0], name="other"), limit=2)
    assert len(first.reviews) == 2
    assert by_text(first) == by_text(second)
    assert first.digest == second.digest


def test_pseudo_label_digest_follows_the_texts(teaching: Teach, folder: Callable[..., Path]) -> None:
    both, one = teaching(folder(*NEW[:2])), teaching(folder(NEW[0], name="one"))
    other = teaching(folder(NEW[0], NEW[2], name="other"))
    assert len({both.digest, one.digest, other.digest}) == 3


def test_pseudo_label_refuses_a_path_of_which_nothing_is_left(
    teaching: Teach, folder: Callable[..., Path], splits: Splits
) -> None:
    for number, texts in enumerate([[splits.train[0].text, splits.test[0].text], ["", "<br />"]]):
        with pytest.raises(DataError, match="holds no new review") as caught:
            teaching(folder(*texts, name=f"nothing-{number}"))
        assert caught.value.exit_code == 7
        assert "unsup" in caught.value.hint


def test_pseudo_label_refuses_a_path_that_cannot_be_read(
    teaching: Teach, folder: Callable[..., Path], workspace: Path
) -> None:
    path = folder(*NEW)
    (path / "9_0.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"9_0\.txt"):
        teaching(path)
    with pytest.raises(DataError, match="missing"):
        teaching(workspace / "missing")


# their pseudo-labels


def test_pseudo_label_gives_every_text_a_probability_of_its_own(
    teaching: Teach, folder: Callable[..., Path]
) -> None:
    taught = teaching(folder(*NEW))
    assert taught.targets.dtype == np.float32
    assert taught.targets.shape == (len(NEW),)
    assert ((taught.targets > 0) & (taught.targets < 1)).all()
    assert len(set(taught.targets.tolist())) == len(NEW)


def test_pseudo_label_gives_a_text_the_same_in_any_company(
    teaching: Teach, folder: Callable[..., Path]
) -> None:
    together = by_text(teaching(folder(*NEW)))
    for number, text in enumerate(NEW):
        assert by_text(teaching(folder(text, name=str(number)))) == {text: pytest.approx(together[text])}


def test_pseudo_label_names_the_teacher(teaching: Teach, folder: Callable[..., Path], model: Path) -> None:
    said = teaching(folder(*NEW)).source
    files = store.find("1", folder=model).manifest.files
    assert said["version"] == 1
    assert said["digest"] == files[CLASSIFIER]["sha256"]
    assert list(said["weights"]) == ["version", "bigrams", "bias"]
    assert json.loads(json.dumps(said)) == said


# a version and a bag of bigrams that err on different reviews


@dataclass(frozen=True)
class Simulated:
    """A version whose scores spread, and data on which it and the words of a text say half each."""

    teacher: Version
    splits: Splits  # its test rows are not in it
    test: tuple[Review, ...]


def sentences(count: int) -> list[tuple[str, int]]:
    """Texts of letters with one kind of sentiment words, and that kind: -1 or 1."""
    random = np.random.default_rng(5)
    kinds = {1: ("wonderful", "great", "lovely"), -1: ("awful", "boring", "poor")}
    drawn = []
    for number in range(count):
        kind = 1 if random.random() < 0.5 else -1
        letters = random.choice(list("abcdefghij"), random.integers(4, 16))
        words = [*letters, *random.choice(kinds[kind], 3), str(number)]
        drawn.append((" ".join(random.permutation(words)), kind))
    return drawn


@pytest.fixture(scope="module")
def simulated(spread: Path) -> Simulated:
    version = store.find("1", folder=spread)
    data = {name: {"digest": name} for name in ("train", "validation")}
    drawn = sentences(700)
    logits = logit([one.score for one in Scorer(version).predict(text for text, _ in drawn)])
    theirs = (logits - logits.mean()) / logits.std()
    rows = tuple(
        Review(text, int(0.6 * kind + its > 0))
        for (text, kind), its in zip(drawn, theirs.tolist(), strict=True)
    )
    splits = Splits(
        train=rows[:400],
        validation=rows[400:550],
        test=(),
        digests={name: name for name in ("train", "validation", "test")},
    )
    teacher = replace(version, manifest=replace(version.manifest, data=data))
    return Simulated(teacher=teacher, splits=splits, test=rows[550:])


@pytest.fixture
def taught(simulated: Simulated, folder: Callable[..., Path], teaching: Teach) -> Teach:
    """Takes pseudo-labels of the simulated version for some texts."""
    return lambda *texts: teaching(folder(*texts), teacher=simulated.teacher, splits=simulated.splits)


def accuracy(scores: Iterable[float], rows: Sequence[Review]) -> float:
    pairs = zip(scores, rows, strict=True)
    return float(np.mean([(score >= 0.5) == review.label for score, review in pairs]))


def test_both_together_know_more_than_either(simulated: Simulated, taught: Teach) -> None:
    together = by_text(taught(*(review.text for review in simulated.test)))
    right = accuracy([together[review.text] for review in simulated.test], simulated.test)
    version = [one.score for one in Scorer(simulated.teacher).predict_reviews(simulated.test)]
    words = [float(any(word in r.text for word in ("wonder", "great", "lovely"))) for r in simulated.test]
    either = max(accuracy(version, simulated.test), accuracy(words, simulated.test))
    assert either < 0.8
    assert right > either + 0.05


def test_targets_follow_the_version_by_its_weight(simulated: Simulated, taught: Teach) -> None:
    """Texts of words that no labelled review has are all the same to the bag of bigrams."""
    told = taught("qzxv", "xqzj qzxv kqjz", "zzqj " * 40, "vwxyz zyxwv")
    scored = Scorer(simulated.teacher).predict(by_text(told))
    logits = logit([one.score for one in scored])
    weight = told.source["weights"]["version"]
    assert weight > 0.3
    assert np.ptp(logits) > 0.3
    assert np.diff(logit(told.targets)) == pytest.approx(weight * np.diff(logits), abs=1e-4)


def test_targets_follow_the_bigrams_too(simulated: Simulated, taught: Teach) -> None:
    """Texts that differ where the version's window does not reach are all the same to it."""
    ends = "a b c d e " * 10
    texts = [f"{ends}{9 * word}{ends}".strip() for word in ("wonderful great lovely ", "awful boring poor ")]
    assert len({one.score for one in Scorer(simulated.teacher).predict(texts)}) == 1
    targets = by_text(taught(*texts))
    # 0 without the bag; with it 0.27 to 0.45, as the last digits of the version's scores draw some labels.
    assert logit(targets[texts[0]]) > logit(targets[texts[1]]) + 0.15


# what is kept


def test_pseudo_label_answers_a_second_time_from_the_cache(
    teaching: Teach, folder: Callable[..., Path], model: Path, heard: Listener
) -> None:
    first = teaching(folder(*NEW))
    assert heard.begun == ["Scoring by version 1", "Fitting a bag of bigrams"]
    (model / "1" / CLASSIFIER).unlink()  # not even looked at
    again = teaching(folder(*NEW[::-1], name="the same"))
    assert heard.begun == []
    assert by_text(again) == by_text(first)
    assert (again.digest, again.source) == (first.digest, first.source)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:120] + bytes([whole[120] ^ 1]) + whole[121:],
        lambda whole: whole[:-300] + b"\0" * 300,
        lambda whole: b"no archive at all",
    ],
    ids=["empty", "cut", "half", "flip", "zeros", "foreign"],
)
def test_pseudo_label_scores_anew_where_the_cache_is_damaged(
    teaching: Teach,
    folder: Callable[..., Path],
    workspace: Path,
    heard: Listener,
    damage: Callable[[bytes], bytes],
) -> None:
    first = teaching(path := folder(*NEW))
    whole = kept(workspace).read_bytes()
    kept(workspace).write_bytes(damage(whole))
    again = teaching(path)
    assert heard.begun
    assert by_text(again) == by_text(first)
    assert kept(workspace).read_bytes() == whole


def other_teacher(model: Path) -> Version:
    """The same version again, with a classifier of other bytes that scores alike."""
    version = store.find("1", folder=model)
    with store.staging(model, needed=0) as path:
        for name in version.manifest.files:
            (path / name).write_bytes(version.file(name).read_bytes())
        with (path / CLASSIFIER).open("ab") as file:
            file.write(b"\0" * 16)
        return store.publish(path, version.manifest, folder=model)


def test_pseudo_label_keeps_answers_of_one_teacher_from_another(
    teaching: Teach, folder: Callable[..., Path], model: Path, heard: Listener
) -> None:
    first = teaching(path := folder(*NEW))
    second = teaching(path, teacher=other_teacher(model))
    assert "Scoring by version 2" in heard.begun
    assert (first.source["version"], second.source["version"]) == (1, 2)
    assert first.source["digest"] != second.source["digest"]


def test_pseudo_label_keeps_answers_of_some_texts_from_others(
    teaching: Teach, folder: Callable[..., Path], heard: Listener
) -> None:
    teaching(folder(*NEW))
    for number, texts in enumerate([NEW[:3], [*NEW, "One more."], [*NEW[:3], "Another one."]]):
        assert set(by_text(teaching(folder(*texts, name=str(number))))) == set(texts)
        assert heard.begun


# versions that may give none


@pytest.mark.parametrize("changed", [{"seed": 43}, {"validation_share": 0.3}], ids=str)
def test_pseudo_label_refuses_a_teacher_of_another_split(
    teaching: Teach,
    folder: Callable[..., Path],
    sample: Path,
    tiny_encoder: Folders,
    changed: dict[str, float],
) -> None:
    other = load_splits(sample, tiny_bert.settings(tiny_encoder, **changed))
    with pytest.raises(UsageError, match="trained on another split") as caught:
        teaching(folder(*NEW), splits=other)
    assert caught.value.exit_code == 2
    assert all(option in caught.value.hint for option in ("--data", "--seed", "--validation-share"))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_pseudo_label_refuses_a_teacher_of_which_one_half_differs(
    teaching: Teach, folder: Callable[..., Path], splits: Splits, name: str
) -> None:
    other = replace(splits, digests={**splits.digests, name: "0" * 64})
    with pytest.raises(UsageError, match="trained on another split"):
        teaching(folder(*NEW), splits=other)


def test_teacher_of_other_data_is_taken_if_it_has_seen_no_row_that_is_measured(
    model: Path, splits: Splits, workspace: Path, folder: Callable[..., Path], heard: Listener
) -> None:
    other = replace(splits, digests=dict.fromkeys(splits.digests, "0" * 64))
    version = store.find("1", folder=model)

    def run(seen: int) -> PseudoLabels:
        return pseudo_label(
            workspace / "unsup",
            version=version,
            splits=other,
            limit=9,
            cache=workspace,
            held_out_seen=seen,
            progress=heard,
        )

    folder(*NEW)
    assert len(run(0).reviews) == len(NEW)
    with pytest.raises(UsageError, match="was trained on 3 rows that this run is measured on"):
        run(3)


def test_several_sources_are_one(
    teaching: Teach, scores: Callable[..., PseudoLabels], folder: Callable[..., Path], splits: Splits
) -> None:
    of_version = teaching(folder(*NEW[:2]))
    of_file = scores((NEW[2], 0.25), (splits.train[0].text, 0.75))
    both = combine([of_file, of_version])
    assert by_text(both) == by_text(of_file) | by_text(of_version)
    assert both.of_training == of_file.of_training
    parts = both.source["several"]
    assert [part["n"] for part in parts] == [1, 2]
    assert [sorted(part) for part in parts] == [
        ["column", "digest", "n", "of_training"],
        ["digest", "n", "version", "weights"],
    ]
    assert combine([of_file]) is of_file


def test_pseudo_label_refuses_a_teacher_that_is_damaged(
    teaching: Teach, folder: Callable[..., Path], model: Path
) -> None:
    (model / "1" / CLASSIFIER).write_bytes(b"damaged")
    with pytest.raises(ArtefactError, match=CLASSIFIER):
        teaching(folder(*NEW))


# scores that a file brings


@pytest.fixture
def scores(workspace: Path, splits: Splits, heard: Listener) -> Callable[..., PseudoLabels]:
    """Takes the scores of rows (text, score), written as JSON lines."""

    def run(*rows: tuple[str, object], limit: int = 200, column: str = "score") -> PseudoLabels:
        lines = [json.dumps({"text": text, column: score}) + "\n" for text, score in rows]
        (workspace / "scored.jsonl").write_text("".join(lines), encoding="utf-8")
        scored = open_scored(workspace / "scored.jsonl", "" if column == "score" else column)
        assert scored is not None
        return take_scores(scored, splits=splits, limit=limit, progress=heard)

    return run


def test_scores_of_a_file_are_the_targets(scores: Callable[..., PseudoLabels], heard: Listener) -> None:
    taken = scores((NEW[0], 0.9), (NEW[1], "0.05"), (NEW[2], 1), (NEW[3], None), ("", 0.4), (NEW[0], 0.1))
    assert by_text(taken) == pytest.approx({NEW[0]: 0.9, NEW[1]: 0.05, NEW[2]: 1.0})
    assert taken.targets.dtype == np.float32
    assert taken.source["column"] == "score"
    assert heard.heard("Pseudo-labels: column score of 3 reviews without labels and of 0 training rows")
    for line in ("1 that repeat a text", "1 that have no text", "1 that have no score"):
        assert heard.heard(f"Left out of them: {line}")


def test_score_of_a_training_row_stays_with_it_and_held_out_rows_are_left_out(
    scores: Callable[..., PseudoLabels], splits: Splits, heard: Listener
) -> None:
    train, validation, test = (rows[0].text for _, rows in splits.items())
    taken = scores((f" {train}\n", 0.7), (validation, 0.8), (test, 0.9), (NEW[0], 0.6))
    assert dict(taken.of_training) == {sha256_text(train): 0.7}
    assert set(by_text(taken)) == {NEW[0]}
    assert heard.heard("Left out of them: 2 that are validation or test rows")


def test_scores_are_limited_whatever_the_order_of_the_file(scores: Callable[..., PseudoLabels]) -> None:
    rows = [(text, 0.5) for text in NEW]
    assert by_text(scores(*rows, limit=2)) == by_text(scores(*rows[::-1], limit=2))


def test_manifest_digest_follows_the_scores(scores: Callable[..., PseudoLabels]) -> None:
    one, other = scores((NEW[0], 0.5)), scores((NEW[0], 0.6))
    assert one.digest == other.digest
    assert one.source["digest"] != other.source["digest"]


@pytest.mark.parametrize("score", [1.5, -0.1, "positive", True, "0,5", [0.5], float("inf")])
def test_score_that_is_no_probability_is_refused_with_its_row(
    scores: Callable[..., PseudoLabels], score: object
) -> None:
    with pytest.raises(DataError, match=r"scored\.jsonl:2: a score is the probability"):
        scores((NEW[0], 0.5), (NEW[1], score))


def test_scores_of_held_out_rows_alone_are_refused(
    scores: Callable[..., PseudoLabels], splits: Splits
) -> None:
    with pytest.raises(DataError, match="No review with a score is left"):
        scores((splits.test[0].text, 0.5), (NEW[0], None))


def test_column_of_scores_is_named_or_called_score(
    scores: Callable[..., PseudoLabels], workspace: Path
) -> None:
    assert by_text(scores((NEW[0], 0.25), column="P_LLM")) == {NEW[0]: 0.25}
    assert open_scored(workspace / "scored.jsonl") is None
    assert open_scored(workspace / "scored.jsonl", "score2") is None
