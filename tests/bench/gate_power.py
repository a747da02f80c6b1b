"""How often does the gate let a challenger through that is better, equal, worse, or learnt wrong labels?

    python tests/bench/gate_power.py train aclImdb phrases.csv --output pairs.npz
    python tests/bench/gate_power.py table pairs.npz --runs 1000 --seed 1

`train` makes real challengers: it retrains the champion on labels of the second file, with labels that are
right, that a coin gives, and that are all turned around, and writes what both versions score on test rows of
the data set and on rows of the second file that nothing was trained on. It takes about two minutes a
challenger on two cores, and needs bertsent[train].

`table` draws from those rows, with replacement, data sets and reserved labels of several sizes, and asks the
gate about each draw. Some of its candidates are the challengers themselves. The others are made from the
challenger that learnt most right labels, so that they differ from the champion as a retrain does:

- equal: each pair of scores is exchanged or not by a coin, so that neither version is better.
- better: equal on the old rows; on the new ones as the challenger is.
- the others: better, and then 5 points of accuracy on the old rows are lost. Flips: right answers become sure
  wrong ones. Mirrored: right answers become wrong, as sure as they were. Noise, bias: it is added to the
  log-odds. Unsure: answers turn, right or wrong, the more likely the less sure they are. Least sure: of the
  right answers those turn that are nearest to the threshold, and nothing else does.

Each of them comes also surer and less sure of all its answers: its log-odds times 1.5 and 0.7.

Prints how many of 100 draws pass: of an equal or better one at least 90 should, of one that is 5 points worse
at most 5, of one that learnt random or flipped labels none.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review, silent
from bertsent.base.settings.retraining import RetrainSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.data.splits import load_splits
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.retraining.gate import Taught, judge
from bertsent.retraining.paired import PairedScores
from bertsent.retraining.run import settings_for
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version, read_version

VALIDATION = 500  # rows of the data set for the calibration; all would take half of the time
KINDS = ("right", "random", "flipped")
_RETRAIN = RetrainSettings()
WORSE = 0.05  # of accuracy: what must be refused in at least 95 of 100 runs

Scores = NDArray[np.float64]


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("train")
    making.add_argument("data", type=Path, help="the champion's data set")
    making.add_argument("new", type=Path, help="labelled reviews of another kind")
    making.add_argument("--output", type=Path, required=True)
    making.add_argument("--champion", type=Path, default=Path("model/1"), help="the folder of a version")
    making.add_argument("--labels", type=int, nargs="+", default=[40, 160], help="labels to train on")
    making.add_argument("--rows", type=int, default=1500, help="rows of each kind to score")
    table = commands.add_parser("table")
    table.add_argument("pairs", type=Path)
    table.add_argument("--runs", type=int, default=1000)
    table.add_argument("--seed", type=int, default=1)
    table.add_argument("--old", type=int, nargs="+", default=[60, 60, 120, 300, 1000])
    table.add_argument("--reserved", type=int, nargs="+", default=[8, 20, 20, 20, 20])
    arguments = parser.parse_args()
    if arguments.command == "train":
        with tempfile.TemporaryDirectory() as folder:
            _train(arguments, Workspace(Path(folder)))
    else:
        _table(arguments)
    return 0


# Real challengers


def _train(arguments: argparse.Namespace, workspace: Workspace) -> None:
    champion = read_version(arguments.champion)
    rows = _labelled(arguments.new)
    most = max(arguments.labels)
    labels, others = rows[:most], rows[most:][: arguments.rows]
    settings = settings_for(champion, warm_start=True, labels=most)
    splits = load_splits(arguments.data, settings)
    old = splits.test[: arguments.rows]
    new = [Review(row.text, row.label) for row in others]
    arrays = {
        "old_gold": np.array([review.label for review in old]),
        "new_gold": np.array([review.label for review in new]),
        "old_champion": _scores(champion, old),
        "new_champion": _scores(champion, new),
    }
    coin = np.random.default_rng(1)
    for count in arguments.labels:
        for kind in KINDS:
            given = [replace(row, label=_given(row.label, kind, coin)) for row in labels[:count]]
            challenger = _retrain(champion, given, splits, workspace)
            name = f"{kind} {count}"
            arrays |= {f"old {name}": _scores(challenger, old), f"new {name}": _scores(challenger, new)}
            print(
                name, *(f"{side} {_accuracy(arrays, side, name):.4f}" for side in ("old", "new")), flush=True
            )
            np.savez_compressed(arguments.output, **arrays)


def _given(label: int, kind: str, coin: np.random.Generator) -> int:
    """What the person answers."""
    return {"right": label, "random": int(coin.integers(2)), "flipped": 1 - label}[kind]


def _labelled(path: Path) -> list[Labelled]:
    """The rows as `label` would leave them, in an order that says nothing."""
    texts = {clean(review.text): review.label for review in read_reviews(path) if review.label is not None}
    rows = [
        Labelled(text, label, sha256_text(text), "random", None, None, "", "")
        for text, label in texts.items()
    ]
    return sorted(rows, key=lambda row: row.digest)


def _retrain(champion: Version, labels: Sequence[Labelled], splits: object, workspace: Workspace) -> Version:
    from bertsent.tf import training

    settings = settings_for(champion, warm_start=True, labels=len(labels))
    short = replace(splits, test=(), validation=splits.validation[:VALIDATION])
    trained = training.train(
        settings,
        data=workspace.data,  # not read
        workspace=workspace,
        mix=selection.mix(selection.Selection(tuple(labels), (), {}), short, all_old=False),
        warm_start=champion,
    )
    return read_version(trained.path)


def _scores(version: Version, reviews: Sequence[Review]) -> Scores:
    texts = [review.text for review in reviews]
    return Scorer(version).scores(texts, what="Scoring", progress=silent).astype(np.float64)


def _accuracy(arrays: dict[str, NDArray[np.float64]], side: str, name: str) -> float:
    return float(np.mean((arrays[f"{side} {name}"] >= 0.5) == arrays[f"{side}_gold"]))


# The table


@dataclass(frozen=True, slots=True)
class Candidate:
    """The scores of both versions, float [rows] each, and what the person answers."""

    name: str
    old: tuple[Scores, Scores]  # champion, challenger
    new: tuple[Scores, Scores]
    kind: str = "right"


def _table(arguments: argparse.Namespace) -> None:
    with np.load(arguments.pairs) as pairs:
        arrays = dict(pairs)
    sizes = [*zip(arguments.old, arguments.reserved, strict=True)]
    print("| candidate | " + " | ".join(f"{old} + {reserved}" for old, reserved in sizes) + " |")
    print("|---" * (1 + len(sizes)) + "|")
    random = np.random.default_rng(arguments.seed)
    for name, make in _candidates(arrays).items():
        passed = [
            np.mean([_passes(make(random), arrays, *size, random) for _ in range(arguments.runs)])
            for size in sizes
        ]
        print(f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in passed) + " |", flush=True)


def _candidates(arrays: Mapping[str, Scores]) -> dict[str, Callable[[np.random.Generator], Candidate]]:
    """What makes each candidate, by name."""
    names = [name.removeprefix("old ") for name in arrays if name.startswith("old ")]
    best = [name for name in names if name.startswith("right")][-1]
    old = arrays["old_champion"], arrays[f"old {best}"]
    new = arrays["new_champion"], arrays[f"new {best}"]
    gold = arrays["old_gold"]

    def made(how: str, sureness: float) -> Callable[[np.random.Generator], Candidate]:
        def make(random: np.random.Generator) -> Candidate:
            champion, challenger = _exchanged(old, random)
            if how in _LOSSES:
                challenger = _LOSSES[how](challenger, gold, random)
            challenger = expit(sureness * _log_odds(challenger))
            return Candidate(how, (champion, challenger), _exchanged(new, random) if how == "equal" else new)

        return make

    def real(name: str) -> Callable[[np.random.Generator], Candidate]:
        found = Candidate(
            name,
            (old[0], arrays[f"old {name}"]),
            (new[0], arrays[f"new {name}"]),
            kind=name.split()[0],
        )
        return lambda _: found

    return {
        how + said: made(how, sureness)
        for how in ("equal", "better", *_LOSSES)
        for said, sureness in _SURENESS.items()
    } | {name: real(name) for name in names}


def _passes(
    candidate: Candidate, arrays: Mapping[str, Scores], old: int, reserved: int, random: np.random.Generator
) -> bool:
    """Draws rows and asks the gate."""
    test = random.integers(0, len(arrays["old_gold"]), old)
    new = random.integers(0, len(arrays["new_gold"]), reserved * _RETRAIN.reserved)
    answers = np.array([_given(int(label), candidate.kind, random) for label in arrays["new_gold"][new]])
    kept, taught = new[:reserved], new[reserved:]
    return judge(
        PairedScores("", arrays["old_gold"][test], *(scores[test] for scores in candidate.old)),
        PairedScores("", answers[:reserved], *(scores[kept] for scores in candidate.new)),
        Taught(answers[reserved:], candidate.new[0][taught]),
    ).passed


def _exchanged(pair: tuple[Scores, Scores], random: np.random.Generator) -> tuple[Scores, Scores]:
    """Both versions' scores, of each row exchanged or not by a coin."""
    turn = random.random(len(pair[0])) < 0.5
    return np.where(turn, *pair), np.where(turn, pair[1], pair[0])


def _flips(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    chosen = random.choice(_right(scores, gold), round(WORSE * len(gold)), replace=False)
    wrong = scores.copy()
    wrong[chosen] = np.where(
        gold[chosen] == 1, np.minimum(1 - scores[chosen], 0.1), np.maximum(1 - scores[chosen], 0.9)
    )
    return wrong


def _mirrored(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    return _turned(scores, random.choice(_right(scores, gold), round(WORSE * len(gold)), replace=False))


def _least_sure(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    right = _right(scores, gold)
    return _turned(scores, right[np.argsort(np.abs(scores[right] - 0.5))][: round(WORSE * len(gold))])


def _unsure(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    """Draws rows by a weight that falls with sureness, until so much is lost in all."""
    weight = np.exp(-np.abs(_log_odds(scores)) / 1.5)
    order = np.argsort(random.exponential(size=len(scores)) / weight)
    lost = np.cumsum(np.where((scores[order] >= 0.5) == gold[order], 1, -1))
    return _turned(scores, order[: 1 + int(np.argmax(lost >= WORSE * len(gold)))])


def _right(scores: Scores, gold: Scores) -> NDArray[np.int64]:
    return np.flatnonzero((scores >= 0.5) == gold)


def _turned(scores: Scores, rows: NDArray[np.int64]) -> Scores:
    turned = scores.copy()
    turned[rows] = 1 - scores[rows]
    return turned


def _noise(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    return _moved(scores, gold, random.standard_normal(len(scores)))


def _bias(scores: Scores, gold: Scores, random: np.random.Generator) -> Scores:
    return _moved(scores, gold, np.full(len(scores), random.choice((-1.0, 1.0))))


def _moved(scores: Scores, gold: Scores, direction: Scores) -> Scores:
    """Moves the log-odds so far in a direction that `WORSE` of accuracy is lost, found by bisection."""
    odds = _log_odds(scores)
    wanted = np.mean((odds >= 0) == gold) - WORSE
    low, high = 0.0, 50.0
    for _ in range(40):
        middle = (low + high) / 2
        enough = np.mean((odds + middle * direction >= 0) == gold) <= wanted
        low, high = (low, middle) if enough else (middle, high)
    moved: Scores = expit(odds + high * direction)
    return moved


def _log_odds(scores: Scores) -> Scores:
    odds: Scores = logit(np.clip(scores, 1e-6, 1 - 1e-6))
    return odds


_LOSSES: dict[str, Callable[[Scores, Scores, np.random.Generator], Scores]] = {
    "flips": _flips,
    "mirrored": _mirrored,
    "noise": _noise,
    "bias": _bias,
    "unsure": _unsure,
    "least sure": _least_sure,
}
_SURENESS = {"": 1.0, ", surer": 1.5, ", less sure": 0.7}


if __name__ == "__main__":
    sys.exit(main())
