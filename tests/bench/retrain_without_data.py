"""What does a retrain cost if the champion's data set is not there?

    python tests/bench/retrain_without_data.py aclImdb products.jsonl --labels 320
    python tests/bench/retrain_without_data.py aclImdb products.jsonl --labels 320 --wrong --with stand-in

Takes the data set of a champion (train and test with pos and neg) and labelled reviews of other things (any
file that bertsent reads). Retrains the champion on the first `--labels` of them as `bertsent retrain` does,
once with each kind of old reviews (`--with`): the data set, what stands for it (bags of words from the
champion's reference), or none. `--wrong` turns every label around: such a challenger must not pass.

Prints a block per version: accuracy and log loss on the data set's own test rows, on labelled rows that
nothing was trained on, and on bags that never train; then what the gate decides, once by the test rows and
once by the bags. A run takes some minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.data.splits import load_splits
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.retraining import rehearsal
from bertsent.retraining.gate import Taught, judge
from bertsent.retraining.paired import PairedScores
from bertsent.retraining.run import settings_for
from bertsent.scoring.metrics import measure
from bertsent.scoring.scorer import Scorer
from bertsent.tf import training
from bertsent.versions.manifest import Version, read_version

KINDS = ("data", "stand-in", "none")
VALIDATION = 500  # rows of the data set for the calibration; all would take half of the time

Scores = Mapping[str, NDArray[np.float32]]


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the champion's data set")
    parser.add_argument("new", type=Path, help="labelled reviews of other things")
    parser.add_argument("--labels", type=int, default=320, help="labels to train on")
    parser.add_argument("--least-words", type=int, default=1, help="of a labelled review")
    parser.add_argument("--test", type=int, default=2000, help="test rows of each kind, at most")
    parser.add_argument("--bags", type=int, default=1000, help="bags of words to test on, at most")
    parser.add_argument("--champion", type=Path, default=Path("model/1"), help="the folder of a version")
    parser.add_argument("--with", dest="kinds", choices=KINDS, action="append", help="all by default")
    parser.add_argument("--alpha", type=float, help="share of the new weights; as retrain has it by default")
    parser.add_argument("--wrong", action="store_true", help="train on the opposite of each label")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _run(arguments, Workspace(Path(folder)))
    return 0


def _run(arguments: argparse.Namespace, workspace: Workspace) -> None:
    champion = read_version(arguments.champion)
    rows = _labelled(arguments.new, arguments.least_words)
    labels, others = rows[: arguments.labels], rows[arguments.labels :][: arguments.test]
    settings = settings_for(champion, warm_start=True, labels=len(labels))
    splits = load_splits(arguments.data, settings)
    splits = replace(splits, validation=splits.validation[:VALIDATION])
    bags = rehearsal.stand_in(champion, Scorer(champion), labels)
    held_out = {
        "old test rows": splits.test[: arguments.test],
        "new rows": [Review(row.text, row.label) for row in others],
        "bags": bags.test[: arguments.bags],
    }
    before = _report(f"champion, {len(labels)} labels to come", champion, held_out)
    if arguments.wrong:
        labels = [replace(row, label=1 - row.label) for row in labels]
    for kind in arguments.kinds or KINDS:
        begun = time.monotonic()
        old = splits if kind == "data" else bags
        challenger = _retrain(champion, kind, labels, old, workspace, alpha=arguments.alpha)
        minutes = (time.monotonic() - begun) / 60
        after = _report(f"old reviews: {kind}, {minutes:.1f} minutes", challenger, held_out)
        new = _paired(held_out["new rows"], before["new rows"], after["new rows"])
        for name in ("old test rows", "bags"):
            old = _paired(held_out[name], before[name], after[name])
            verdict = judge(old, new, Taught((), ()), stand_in=name == "bags")
            paired = verdict.test
            print(
                f"  by {name}: {'passes' if verdict.passed else 'rejected'}; "
                f"+{paired.gained} -{paired.lost}, {100 * paired.difference:+.2f} points "
                f"({100 * paired.low:+.2f} to {100 * paired.high:+.2f})",
                flush=True,
            )


def _labelled(path: Path, least_words: int) -> list[Labelled]:
    """The rows as `label` would leave them, in an order that says nothing."""
    texts = {clean(review.text): review.label for review in read_reviews(path) if review.label is not None}
    rows = [
        Labelled(text, label, sha256_text(text), "random", None, None, "", "")
        for text, label in texts.items()
        if len(text.split()) >= least_words
    ]
    return sorted(rows, key=lambda row: row.digest)


def _retrain(
    champion: Version,
    kind: str,
    labels: Sequence[Labelled],
    splits: Splits,
    workspace: Workspace,
    *,
    alpha: float | None,
) -> Version:
    settings = settings_for(champion, warm_start=True, labels=len(labels))
    picked = selection.Selection(tuple(labels), (), {})
    splits = replace(splits, test=splits.test[:VALIDATION] if kind == "data" else ())
    mix = selection.mix(picked, splits, all_old=False, stand_in=kind != "data")
    if alpha is not None:
        mix = replace(mix, interpolation=alpha)
    trained = training.train(
        settings,
        data=workspace.data,  # not read
        workspace=workspace,
        mix=replace(mix, old=()) if kind == "none" else mix,
        warm_start=champion,
    )
    return read_version(trained.path)


def _report(name: str, version: Version, held_out: Mapping[str, Sequence[Review]]) -> Scores:
    """Prints the accuracy and log loss of a version; returns its scores."""
    print(name, flush=True)
    scores = {}
    for rows, reviews in held_out.items():
        texts = [review.text for review in reviews]
        scores[rows] = Scorer(version).scores(texts, what=rows, progress=silent)
        gold = np.array([review.label for review in reviews])
        metrics = measure(scores[rows], gold, threshold=DEFAULT_THRESHOLD)
        print(
            f"  {len(reviews):>5} {rows:<13}  accuracy {metrics.confusion.accuracy:.4f}  "
            f"log loss {metrics.log_loss:.4f}  ECE {metrics.ece:.4f}",
            flush=True,
        )
    return scores


def _paired(
    reviews: Sequence[Review], before: NDArray[np.float32], after: NDArray[np.float32]
) -> PairedScores:
    gold = np.array([review.label for review in reviews])
    return PairedScores(selection.review_digest(reviews), gold, champion=before, challenger=after)


if __name__ == "__main__":
    sys.exit(main())
