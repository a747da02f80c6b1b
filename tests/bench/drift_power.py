"""How often does `drift` give a false alarm on real reviews, and which drift does it miss?

    python tests/bench/drift_power.py --data aclImdb --foreign apps.txt --foreign shop.jsonl --model model/1

Takes reviews of the data set's test half, whose films the training half does not have, and reviews of other
things (text lines, CSV or JSONL). Gives them to `judge` as the labels of a run of `drift`. Prints a table of
goals and measurements, and exits with 1 if a goal is missed. Foreign reviews without a label get the model's.
With `--sentences` single sentences of film reviews, which training did not see, are judged too: alone, mixed
with reviews, and mixed with foreign ones.

Where nothing may drift, old and new rows come from one pool, and the reference is made of the rest of it. All
else is compared with the version's own reference.npz. `--runs 0.2` does a fifth of the runs and demands the
same shares of them, so a limit may be missed by chance more easily. Scoring the pool takes a minute or two on
two cores; `--cache` keeps the scores. A full run takes about 51 minutes of one core.

What was tried for the text measure (200 new rows; 6 draws each, means of 2 AUC - 1; IMDB seen through 384
pieces; "40 of each" is a random part of every new review, so a difference in length alone; "one by one" are
200 test reviews in the order of their files, which is that of films):

    pieces that count, weights            40 of each  25 % apps  25 % shop  all apps  all shop  one by one
    TF-IDF, in 2 % of the reference             0.94       0.22       0.26      1.00      1.00        0.15
    share of all pieces of the row              0.18*      0.16       0.16         -         -        0.20
    equal lengths, in 0.5 %                    -0.01       0.24       0.24      0.99      0.96        0.30
    equal lengths, in 2 % of both                  -       0.24       0.23      0.98      0.95        0.19
    the same, never below 32 pieces                -       0.24       0.21      0.98      0.99        0.19
    the same, present or not                    0.02       0.22       0.21      0.98      0.99        0.14
    the same, in 3 % of both                       -       0.20       0.19      0.96      0.98        0.08

    * the first 40 words of each, which differ from the rest in wording: 0.2 to 0.3 in all rows below

Since then `drift` uses the last row but one, with the pieces in 1.25 % of both and with ten reference rows
per new row.

With `--texts-only` the rows have no labels, and the measures of `drift --texts` judge them: reviews of one
pool, new films, foreign reviews among them, sentences among pages.

drift_features.py tries a frozen encoder's vectors instead of pieces, or with them; docs/benchmarks.md has its
table.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.display import visible
from bertsent.base.records.core import Review
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.text import clean, is_empty
from bertsent.data.reviews import read_reviews
from bertsent.drift import reference
from bertsent.drift.judge import judge
from bertsent.drift.records import DriftReport, Measure, NewRow
from bertsent.drift.reference import Reference
from bertsent.scoring.scorer import Scorer
from bertsent.scoring.tokenizer import window
from bertsent.versions.manifest import CLASSIFIER, REFERENCE, read_version

SETTINGS = DriftSettings()
WEEKS, STREAMS, WEEKLY = 52, 100, 100  # looks, simulated lives of a model, new rows a look
SHARES = (0.1, 0.25, 0.5, 1.0)

COSMETICS: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text.replace(". ", ".\r\n"),
    "<br />": lambda text: text.replace(". ", ".<br /><br />"),
    "BOM": lambda text: "\ufeff" + text,
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "curly quotes": lambda text: text.replace("'", "\u2019").replace(' "', " \u201c").replace('"', "\u201d"),
    "upper case": str.upper,
}


@dataclass(frozen=True)
class Result:
    """A line of the table."""

    name: str
    asked: str
    measured: str
    good: bool


class Bench:
    """The reviews, scored once, and the draws from them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        version = read_version(arguments.model)
        self.scorer = Scorer(version)
        self.manifest = version.manifest
        tokenizer = self.scorer.tokenizer
        self.vocabulary = tokenizer.pieces(range(tokenizer.vocabulary_size))
        self.known = reference.read(arguments.reference or version.file(REFERENCE))
        self.share = arguments.runs
        self.cache: Path | None = arguments.cache
        self.counted: dict[str, tuple[Any, Any]] = {}
        test = {review.text: review for review in read_reviews(arguments.data / "test")}
        drawn = np.random.default_rng(1).permutation(len(test))[: arguments.pool]
        texts = list(test)
        self.reviews = [test[texts[place]] for place in drawn.tolist()]
        self.pool = self.rows(self.reviews)
        self.foreign = {path.stem: self.rows(_labelled(path)) for path in arguments.foreign}
        self.sentences = self.rows(_labelled(arguments.sentences)) if arguments.sentences else []

    def rows(self, reviews: Sequence[Review]) -> list[NewRow]:
        """Reviews as `drift` has them: cleaned, cut, scored."""
        texts = [clean(review.text) for review in reviews]
        encoded = self.scorer.tokenizer.encode(texts)
        return [
            NewRow(
                digest=sha256_text(text),
                pieces=(cut := self.cut(ids)),
                label=int(score >= DEFAULT_THRESHOLD) if review.label is None else review.label,
                score=score,
                tokens=len(ids),
                truncated=len(cut) < len(ids),
                picked_by="random",
            )
            for review, text, ids, score in zip(reviews, texts, encoded, self.scores(texts), strict=True)
        ]

    def tokens(self, texts: Sequence[str]) -> list[Any]:
        """The pieces of raw texts, cleaned and cut."""
        return [self.cut(ids) for ids in self.scorer.tokenizer.encode([clean(text) for text in texts])]

    def cut(self, ids: Any) -> Any:
        return window(ids, seq_length=self.manifest.seq_length, kind=self.manifest.window)

    def scores(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, from the cache where it has them."""
        key = sha256_lines([*map(sha256_text, texts), self.manifest.files[CLASSIFIER]["sha256"]])
        kept = self.cache / f"{key[:16]}.npy" if self.cache else None
        if kept and kept.exists():
            return list(np.load(kept).tolist())
        found = [one.score for one in self.scorer.predict(texts)]
        if kept:
            np.save(kept, np.array(found))
        return found

    def times(self, runs: int) -> range:
        return range(max(1, round(runs * self.share)))

    def draw(self, count: int, run: int, *, positive: float | None = None) -> list[int]:
        """Places in the pool, without repetition."""
        order: list[int] = np.random.default_rng([run, count]).permutation(len(self.pool)).tolist()
        if positive is None:
            return order[:count]
        wanted = round(positive * count)
        label = [[place for place in order if self.pool[place].label == each] for each in (0, 1)]
        return label[1][:wanted] + label[0][: count - wanted]

    def resplit(self, count: int, run: int, **how: Any) -> tuple[Reference, list[NewRow]]:
        """New rows, and the rest of the pool as the reference they come from."""
        new = self.draw(count, run, **how)
        rest = sorted(set(range(len(self.pool))) - set(new))
        return self.as_reference([self.pool[place] for place in rest]), [self.pool[place] for place in new]

    def some_sentences(self, count: int, run: int) -> tuple[list[NewRow], list[NewRow]]:
        """Sentences, without repetition, and all others."""
        order = np.random.default_rng([run, 7]).permutation(len(self.sentences)).tolist()
        return [self.sentences[place] for place in order[:count]], [
            self.sentences[place] for place in sorted(order[count:])
        ]

    def counts(self, row: NewRow) -> tuple[Any, Any]:
        """The pieces of a row and how often each stands there; kept, as it is asked for very often."""
        if row.digest not in self.counted:
            self.counted[row.digest] = np.unique(row.pieces, return_counts=True)
        return self.counted[row.digest]

    def as_reference(self, rows: Sequence[NewRow]) -> Reference:
        from scipy.sparse import csr_array

        counted = [self.counts(row) for row in rows]
        ends = np.cumsum([0, *(len(pieces) for pieces, _ in counted)])
        pieces, counts = (np.concatenate([pair[side] for pair in counted]) for side in (0, 1))
        label = np.array([row.label for row in rows], np.int8)
        return Reference(
            counts=csr_array((counts, pieces, ends), shape=(len(rows), len(self.vocabulary))),
            label=label,
            length=np.array([len(row.pieces) for row in rows], np.int32),
            heldout_score=np.array([row.score for row in rows], np.float32),
            heldout_label=label,
            heldout_length=np.array([len(row.pieces) for row in rows], np.int32),
            seen=np.empty(0, np.uint64),
            newest=np.zeros(len(rows), np.bool_),
            heldout_newest=np.zeros(len(rows), np.bool_),
        )

    def mixed(self, name: str, share: float, count: int, run: int, *, skip: int = 0) -> list[NewRow]:
        """Reviews of the pool, after the first `skip` of the draw, and foreign ones."""
        foreign = self.foreign[name]
        some = np.random.default_rng([run, 5]).permutation(len(foreign))[: round(share * count)].tolist()
        own = np.random.default_rng([run, 6]).permutation(len(self.pool))[skip:][: count - len(some)].tolist()
        return [self.pool[place] for place in own] + [foreign[place] for place in some]

    def drifted(self, known: Reference, rows: Sequence[NewRow], *, look: int) -> bool:
        """Whether the verdict is DRIFT. The measures do not depend on the number of shuffles, and where all
        lie below the threshold neither does the verdict: then few shuffles do."""
        few = replace(SETTINGS, shuffles=SETTINGS.counted)
        report = judge(known, rows, settings=few, vocabulary=self.vocabulary, look=look)
        above = report.headline > SETTINGS.threshold
        return above and self.judge(known, rows, look=look).verdict == "drift"

    def judge(self, known: Reference, rows: Sequence[NewRow], **options: Any) -> DriftReport:
        return judge(known, rows, settings=SETTINGS, vocabulary=self.vocabulary, **options)

    def judge_texts(self, known: Reference, rows: Sequence[NewRow], **options: Any) -> DriftReport:
        """Judges rows without their labels, as `drift --texts` does."""
        predicted = [replace(row, label=int(row.score >= DEFAULT_THRESHOLD)) for row in rows]
        return self.judge(known, predicted, without_labels=True, **options)


def _labelled(path: Path) -> list[Review]:
    if path.suffix == ".txt":
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Review(text) for text in dict.fromkeys(map(clean, lines)) if not is_empty(text)]
    return list({clean(review.text): review for review in read_reviews(path) if review.text}.values())


def measure(report: DriftReport, name: str) -> Measure:
    """One of a report's measures."""
    return next(each for each in report.measures if each.name == name)


def at_most(limit: float, found: Sequence[bool]) -> tuple[str, bool]:
    """How many of the runs, and whether their share is at most `limit`."""
    return f"{sum(found)} of {len(found)}", sum(found) <= limit * len(found)


def at_least(limit: float, found: Sequence[bool]) -> tuple[str, bool]:
    """How many of the runs, and whether their share is at least `limit`."""
    return f"{sum(found)} of {len(found)}", sum(found) >= limit * len(found)


def nothing_drifted(bench: Bench) -> Iterator[Result]:
    """T1 and T2: re-splits of one pool."""
    from scipy.stats import kstest

    reports = [bench.judge(*bench.resplit(200, run)) for run in bench.times(200)]
    p_values = [measure(report, "text").p_value for report in reports]
    low = sum(p < 0.05 for p in p_values)
    runs = len(reports) / 200
    yield Result(
        "T1 null, 200: text p < 0.05",
        "3 to 18 of 200",
        f"{low} of {len(reports)}",
        3 * runs <= low <= 18 * max(runs, 0.3),
    )
    yield Result(
        "T1 null, 200: DRIFT", "2 %", *at_most(0.02, [report.verdict == "drift" for report in reports])
    )
    uniform = float(kstest(p_values, "uniform").pvalue)
    yield Result("T1 null, 200: text p uniform (KS)", "> 0.001", f"{uniform:.3f}", uniform > 0.001)
    for count in (30, 50, 100):
        reports = [bench.judge(*bench.resplit(count, 1000 + run)) for run in bench.times(200)]
        found = [report.verdict == "drift" for report in reports]
        yield Result(f"T2 null, {count}: DRIFT", "1 %", *at_most(0.01, found))
        if count == 30:
            judged = [not math.isnan(measure(report, "text").value) for report in reports]
            yield Result("T2 null, 30: text judged", "never", *at_most(0, judged))


def years(bench: Bench) -> Iterator[Result]:
    """T3: a look a week for a year, each at new rows."""
    alarms = []
    for stream in bench.times(STREAMS):
        looks = (
            bench.drifted(*bench.resplit(WEEKLY, 10_000 + stream * WEEKS + week), look=week + 1)
            for week in range(WEEKS)
        )
        alarms.append(any(looks))
    yield Result(f"T3 {WEEKS} weekly looks at {WEEKLY}: any DRIFT", "11 of 100", *at_most(0.11, alarms))


def new_films(bench: Bench) -> Iterator[Result]:
    """Reviews of films that training had none of."""
    reports = [
        bench.judge(bench.known, [bench.pool[place] for place in bench.draw(200, 2000 + run)])
        for run in bench.times(100)
    ]
    values = [measure(report, "text").value for report in reports]
    yield Result(
        "new films, 200: DRIFT", "5 of 100", *at_most(0.05, [report.verdict == "drift" for report in reports])
    )
    yield Result(
        "new films, 200: mean text", "(shown)", f"{np.mean(values):.3f}, largest {max(values):.3f}", True
    )


def foreign(bench: Bench) -> Iterator[Result]:
    """T4 and T5: reviews of other things among the new ones."""
    for name in bench.foreign:
        means = []
        for share, least in zip(SHARES, (20, 34, 40, 40), strict=True):
            reports = [
                bench.judge(bench.known, bench.mixed(name, share, 200, run)) for run in bench.times(40)
            ]
            text = [measure(report, "text") for report in reports]
            if share == SHARES[0]:
                found, what = [one.p_value < 0.05 for one in text], "text p < 0.05"
            else:
                found, what = [report.verdict == "drift" for report in reports], "DRIFT"
            yield Result(
                f"T4 {name} {share:.0%}, 200: {what}", f"{least} of 40", *at_least(least / 40, found)
            )
            means.append(float(np.nanmean([one.value for one in text])))
            fits = share - 0.05 <= means[-1] <= share + 0.05
            yield Result(
                f"T4 {name} {share:.0%}, 200: mean text", f"within 0.05 of {share}", f"{means[-1]:.3f}", fits
            )
        yield Result(
            f"T4 {name}: mean text grows",
            "yes",
            "yes" if means == sorted(means) else "no",
            means == sorted(means),
        )
        for share, rate in ((0.25, 0.6), (0.5, 0.95)):
            reports = [
                bench.judge(bench.known, bench.mixed(name, share, 100, run)) for run in bench.times(40)
            ]
            found = [report.verdict == "drift" for report in reports]
            yield Result(f"T5 {name} {share:.0%}, 100: DRIFT", f"{rate:.0%}", *at_least(rate, found))


def labels(bench: Bench) -> Iterator[Result]:
    """T6 and T7: other label shares, wrong labels."""
    reports = [bench.judge(*bench.resplit(200, 3000 + run, positive=0.8)) for run in bench.times(40)]
    values = [measure(report, "label_share").value for report in reports]
    near = all(abs(value - 0.3) <= 0.08 for value in values)
    yield Result(
        "T6 80 % positive, 200: label share", "0.30 +- 0.08", f"{min(values):.2f} to {max(values):.2f}", near
    )
    yield Result(
        "T6: label share fires", "all", *at_least(1, ["label_share" in report.fired for report in reports])
    )
    yield Result("T6: text fires", "alpha", *at_most(0.05, ["text" in report.fired for report in reports]))
    reports = []
    for run in bench.times(100):
        known, rows = bench.resplit(100, 4000 + run)
        wrong = set(np.random.default_rng(run).permutation(100)[:20].tolist())
        rows = [
            replace(row, label=1 - row.label) if place in wrong else row for place, row in enumerate(rows)
        ]
        reports.append(bench.judge(known, rows))
    yield Result(
        "T7 20 % flipped, 100: error fires",
        "95 %",
        *at_least(0.95, ["error" in report.fired for report in reports]),
    )
    yield Result("T7: text fires", "never", *at_most(0.01, ["text" in report.fired for report in reports]))


def harmless(bench: Bench) -> Iterator[Result]:
    """T8, T10 to T12: what must not matter."""
    draws = [bench.draw(200, 5000 + run) for run in bench.times(20)]
    plain = [_text_of(bench, [bench.pool[place] for place in places]) for places in draws]
    for name, change in COSMETICS.items():
        apart = []
        for places, (value, fires) in zip(draws, plain, strict=True):
            changed = bench.tokens([change(bench.reviews[place].text) for place in places])
            rows = [
                replace(bench.pool[place], pieces=pieces)
                for place, pieces in zip(places, changed, strict=True)
            ]
            found = _text_of(bench, rows)
            apart.append(abs(found[0] - value) > 0.03 or found[1] > fires)
        yield Result(f"T8 {name}: text other than unchanged", "5 %", *at_most(0.05, apart))
    counts = bench.known.counts
    rows = [
        replace(bench.pool[row], pieces=np.repeat(counts[[row]].indices, counts[[row]].data))
        for row in range(200)
    ]
    left = bench.judge(bench.known, rows).new_rows
    yield Result("T10 rows of the reference: judged", "0", str(left), left == 0)
    rows = next(bench.mixed(name, 0.25, 200, 1) for name in bench.foreign)
    first, second = (bench.judge(bench.known, each).headline for each in (rows, rows[::-1]))
    yield Result(
        "T11 another order of rows: difference",
        "1e-9",
        f"{abs(first - second):.0e}",
        abs(first - second) <= 1e-9,
    )
    forth, back = [], []
    for run in bench.times(20):
        order = np.random.default_rng([6000 + run, 6]).permutation(len(bench.pool))[:800]
        some = [bench.pool[place] for place in order.tolist()]
        other = bench.mixed(next(iter(bench.foreign)), 0.5, 400, 6000 + run, skip=800)
        # With other shares of each label on the two sides, the classes would weigh otherwise there and back.
        other = [replace(row, label=place % 2) if place >= 200 else row for place, row in enumerate(other)]
        forth.append(bench.judge(bench.as_reference(some), other))
        back.append(bench.judge(bench.as_reference(other), some))
    means = [float(np.mean([measure(report, "text").value for report in side])) for side in (forth, back)]
    yield Result(
        "T12 old and new change places: mean text",
        "within 0.05",
        f"{means[0]:.3f}, {means[1]:.3f}",
        abs(means[0] - means[1]) <= 0.05,
    )


def _text_of(bench: Bench, rows: Sequence[NewRow]) -> tuple[float, bool]:
    """The text measure, and whether it fires."""
    report = bench.judge(bench.known, rows)
    return measure(report, "text").value, "text" in report.fired


def shorter(bench: Bench) -> Iterator[Result]:
    """T9: the first 40 words of each review."""
    reports = []
    for run in bench.times(20):
        places = bench.draw(200, 7000 + run)
        cut = bench.tokens([" ".join(bench.reviews[place].text.split()[:40]) for place in places])
        rows = [replace(bench.pool[place], pieces=pieces) for place, pieces in zip(places, cut, strict=True)]
        reports.append(bench.judge(bench.known, rows))
    seen = [report.diagnostics.length.p_value < 0.001 for report in reports]
    yield Result("T9 first 40 words: length shows it", "all", *at_least(1, seen))
    values = [measure(report, "text").value for report in reports]
    fired = sum("text" in report.fired for report in reports)
    yield Result(
        "T9 first 40 words: text", "(shown)", f"{np.mean(values):.2f}, fires {fired} of {len(reports)}", True
    )
    values, fired = [], 0
    for run in bench.times(20):
        random = np.random.default_rng(run)
        rows = [bench.pool[place] for place in bench.draw(200, 8000 + run)]
        rows = [replace(row, pieces=random.permutation(row.pieces)[:50]) for row in rows]
        report = bench.judge(bench.known, rows)
        values.append(measure(report, "text").value)
        fired += "text" in report.fired
    yield Result(
        "T9 any 50 pieces: text fires",
        "5 %",
        f"{fired} of {len(values)}, mean {np.mean(values):.3f}",
        fired <= 0.05 * len(values),
    )


def sentences(bench: Bench) -> Iterator[Result]:
    """Single sentences of film reviews: alone, with reviews, with foreign ones."""
    if not bench.sentences:
        return
    parted = [bench.some_sentences(200, 9000 + run) for run in bench.times(100)]
    null = [bench.judge(bench.as_reference(rest), new) for new, rest in parted]
    low = sum(measure(report, "text").p_value < 0.05 for report in null)
    name = "sentences of one pool, 200"
    yield Result(f"{name}: text p < 0.05", "9 of 100", f"{low} of {len(null)}", low <= 0.09 * len(null))
    yield Result(f"{name}: DRIFT", "2 %", *at_most(0.02, [each.verdict == "drift" for each in null]))
    for name, count in (("sentences, 200", 200), ("100 sentences, 100 reviews", 100)):
        reports = []
        for run in bench.times(100):
            films = [bench.pool[place] for place in bench.draw(200 - count, 9000 + run)]
            reports.append(bench.judge(bench.known, bench.some_sentences(count, 9000 + run)[0] + films))
        drifted = [report.verdict == "drift" for report in reports]
        yield Result(f"{name}: DRIFT", "5 of 100", *at_most(0.05, drifted))
        yield Result(f"{name}: mean text", "(shown)", _values(reports, "text"), True)
        yield Result(f"{name}: mean error", "(shown)", _values(reports, "error"), True)
    for name, rows in bench.foreign.items():
        reports = []
        for run in bench.times(40):
            places = np.random.default_rng([run, 8]).permutation(len(rows))[:50].tolist()
            own = bench.some_sentences(150, 9000 + run)[0]
            reports.append(bench.judge(bench.known, own + [rows[place] for place in places]))
        drifted = [report.verdict == "drift" for report in reports]
        yield Result(f"sentences, 25 % {name}, 200: DRIFT", "34 of 40", *at_least(34 / 40, drifted))
        yield Result(f"sentences, 25 % {name}: mean text", "(shown)", _values(reports, "text"), True)


def _values(reports: Sequence[DriftReport], name: str) -> str:
    """The mean and the largest value of a measure."""
    values = [measure(report, name).value for report in reports]
    return f"{np.mean(values):.3f}, largest {max(values):.3f}"


def texts_only(bench: Bench) -> Iterator[Result]:
    """The same kinds of reviews without labels."""
    for count, limit in ((50, 0.01), (100, 0.01), (200, 0.02), (1000, 0.02)):
        if 2 * count > len(bench.pool):
            continue
        runs = bench.times(200 if count <= 200 else 40)
        reports = [bench.judge_texts(*bench.resplit(count, 11_000 + run)) for run in runs]
        yield _drifted(f"without labels, null, {count}", f"{limit:.0%}", at_most, limit, reports)
        for name in ("text", "scores", "estimated_error"):
            low = sum(measure(report, name).p_value < 0.05 for report in reports)
            most = 0.09 * len(reports)  # the 99 % limit of 200 honest tests
            yield Result(
                f"without labels, null, {count}: {name} p < 0.05",
                "9 %",
                f"{low} of {len(reports)}",
                low <= most,
            )
    for count in (200, 1000):
        if count > len(bench.pool):
            continue
        runs = bench.times(100 if count == 200 else 20)
        new = ([bench.pool[place] for place in bench.draw(count, 12_000 + run)] for run in runs)
        reports = [bench.judge_texts(bench.known, rows) for rows in new]
        yield _drifted(f"without labels, new films, {count}", "5 %", at_most, 0.05, reports)
        yield from _mean_values(f"without labels, new films, {count}", reports)
    for kind in bench.foreign:
        for share, least in zip(SHARES[1:], (34, 40, 40), strict=True):
            reports = [
                bench.judge_texts(bench.known, bench.mixed(kind, share, 200, run)) for run in bench.times(40)
            ]
            name = f"without labels, {share:.0%} {kind}, 200"
            yield _drifted(name, f"{least} of 40", at_least, least / 40, reports)
            yield from _mean_values(name, reports)
    if not bench.sentences:
        return
    for name, count in (("200 sentences", 200), ("100 sentences, 100 reviews", 100)):
        reports = []
        for run in bench.times(100):
            films = [bench.pool[place] for place in bench.draw(200 - count, 13_000 + run)]
            own = bench.some_sentences(count, 13_000 + run)[0]
            reports.append(bench.judge_texts(bench.known, own + films))
        yield _drifted(f"without labels, {name}", "5 %", at_most, 0.05, reports)
        yield from _mean_values(f"without labels, {name}", reports)


def _drifted(
    name: str,
    asked: str,
    held: Callable[[float, Sequence[bool]], tuple[str, bool]],
    limit: float,
    reports: Sequence[DriftReport],
) -> Result:
    """How often the verdict was DRIFT."""
    return Result(f"{name}: DRIFT", asked, *held(limit, [report.verdict == "drift" for report in reports]))


def _mean_values(name: str, reports: Sequence[DriftReport]) -> Iterator[Result]:
    """The mean and the largest value of each measure that was judged."""
    for one in ("text", "scores", "estimated_error"):
        values = [measure(report, one).value for report in reports]
        judged = [value for value in values if not math.isnan(value)]
        said = f"{np.mean(judged):.3f}, largest {max(judged):.3f}" if judged else "not judged"
        yield Result(f"{name}: mean {one}", "(shown)", said, True)


PARTS: dict[str, Callable[[Bench], Iterable[Result]]] = {
    "null": nothing_drifted,
    "films": new_films,
    "foreign": foreign,
    "labels": labels,
    "harmless": harmless,
    "shorter": shorter,
    "sentences": sentences,
    "years": years,
}
WITHOUT_LABELS: dict[str, Callable[[Bench], Iterable[Result]]] = {"texts only": texts_only}


def main() -> int:
    """Runs the parts asked for and prints their results as they come."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of aclImdb")
    parser.add_argument(
        "--foreign", type=Path, action="append", required=True, help="reviews of other things"
    )
    parser.add_argument("--model", type=Path, required=True, help="the folder of a version")
    parser.add_argument("--sentences", type=Path, help="a table of single sentences of film reviews")
    parser.add_argument("--reference", type=Path, help="a reference.npz instead of the version's")
    parser.add_argument("--pool", type=int, default=3000, help="test reviews that are drawn from")
    parser.add_argument("--runs", type=float, default=1.0, help="share of the runs to do")
    parser.add_argument("--cache", type=Path, help="a folder for scores")
    parser.add_argument("--only", choices=PARTS, action="append", help="parts to do; all by default")
    parser.add_argument("--texts-only", action="store_true", help="judge without labels")
    arguments = parser.parse_args()
    parts = WITHOUT_LABELS if arguments.texts_only else PARTS
    bench = Bench(arguments)
    held = True
    print(f"{'':50} {'asked':22} {'measured':24}", flush=True)
    for name in (not arguments.texts_only and arguments.only) or parts:
        begun = time.process_time()
        for result in parts[name](bench):
            held &= result.good
            line = (
                f"{result.name:50} {result.asked:22} {result.measured:24} {'' if result.good else 'MISSED'}"
            )
            print(visible(line.rstrip()), flush=True)
        print(f"({name}: {time.process_time() - begun:.0f} s of CPU)", file=sys.stderr, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
