"""Where should a retrain begin: with the champion's weights or with the encoder?

    python tests/bench/retrain_start.py aclImdb labelled.jsonl --old 3000
    python tests/bench/retrain_start.py aclImdb labelled.jsonl --champion model/1 --start champion

Takes a data set (train and test with pos and neg) and labelled reviews of other things (CSV or JSONL with
text and label). Trains a champion on `--old` reviews of the data set by `--recipe`, unless `--champion` names
a version. Then retrains it as `bertsent retrain` does, but without the gate, with the first 100, 500 and
2,000 labels (`--sizes`): from the champion with some old reviews, and from the encoder with all of them.

Prints a line per run: labels, start, minutes, accuracy on the old test rows (`--test` of them) and on the
labelled rows that never train (one in five), each with the champion's beside it. All runs take about an hour
on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.recipes import DEFAULT, find_recipe
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.data.splits import load_splits
from bertsent.labelling import selection
from bertsent.labelling.decisions import Labelled
from bertsent.retraining.run import settings_for
from bertsent.scoring.scorer import Scorer
from bertsent.tf import training
from bertsent.versions.manifest import Version, read_version


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the data set")
    parser.add_argument("new", type=Path, help="labelled reviews of other things")
    parser.add_argument("--old", type=int, default=3000, help="training reviews of the data set to use")
    parser.add_argument("--test", type=int, default=2000, help="its test reviews to use")
    parser.add_argument("--sizes", default="100,500,2000", help="labels of each run")
    parser.add_argument("--start", choices=("champion", "encoder"), action="append", help="both by default")
    parser.add_argument("--champion", type=Path, help="the folder of a version; trained by default")
    parser.add_argument("--recipe", default=DEFAULT, help="of the champion and of runs from the encoder")
    parser.add_argument("--pace", default=None, help="recipe of runs from the champion")
    parser.add_argument("--rate", type=float, help="their init_lr")
    parser.add_argument("--epochs", type=int, help="their epochs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in _lines(arguments, Workspace(Path(folder))):
            print(line, flush=True)
    return 0


def _lines(arguments: argparse.Namespace, workspace: Workspace) -> Iterator[str]:
    splits = _some(load_splits(arguments.data, find_recipe(arguments.recipe).settings), arguments)
    rows = _labelled(arguments.new)
    champion = read_version(arguments.champion) if arguments.champion else None
    if champion is None:
        begun = time.monotonic()
        settings = find_recipe(arguments.recipe).settings
        nothing = selection.Mix(splits=splits, old=splits.train)
        trained = training.train(settings, data=arguments.data, workspace=workspace, mix=nothing)
        champion = read_version(trained.path)
        yield f"champion on {len(splits.train)} rows: {_minutes(begun)}"
    everything = selection.select(rows, splits)
    reserved = [Review(row.text, row.label) for row in everything.reserved]
    before = [_accuracy(champion, part) for part in (splits.test, reserved)]
    yield f"{len(splits.test)} test rows, {len(reserved)} reserved of {len(rows)} labelled"
    yield "labels  start     minutes  old test  champion     new  champion"
    for size in (int(each) for each in arguments.sizes.split(",")):
        for start in arguments.start or ("champion", "encoder"):
            begun = time.monotonic()
            challenger = _retrain(champion, start, everything.training[:size], splits, arguments, workspace)
            spent = _minutes(begun)
            old, new = (_accuracy(challenger, part) for part in (splits.test, reserved))
            yield (
                f"{min(size, len(everything.training)):>6}  {start:<8}  {spent:>7}  {old:>8.4f}  "
                f"{before[0]:>8.4f}  {new:>6.3f}  {before[1]:>8.3f}"
            )


def _some(splits: Splits, arguments: argparse.Namespace) -> Splits:
    """A random part of the data set; its rows are sorted by digest."""
    return replace(
        splits,
        train=splits.train[: arguments.old],
        validation=splits.validation[: max(200, arguments.old // 10)],
        test=splits.test[: arguments.test],
    )


def _labelled(path: Path) -> list[Labelled]:
    """The rows as `label` would leave them, in an order that says nothing."""
    texts = {clean(review.text): review.label for review in read_reviews(path) if review.label is not None}
    rows = [
        Labelled(text, label, sha256_text(text), "random", None, None, "", "")
        for text, label in texts.items()
    ]
    return sorted(rows, key=lambda row: row.digest)


def _retrain(
    champion: Version,
    start: str,
    rows: Sequence[Labelled],
    splits: Splits,
    arguments: argparse.Namespace,
    workspace: Workspace,
) -> Version:
    warm = start == "champion"
    settings = settings_for(
        champion,
        warm_start=warm,
        labels=len(rows),
        recipe=arguments.pace if warm else arguments.recipe,
    )
    if warm:
        settings = replace(
            settings,
            init_lr=arguments.rate or settings.init_lr,
            epochs=arguments.epochs or settings.epochs,
        )
    mix = selection.mix(selection.Selection(tuple(rows), (), {}), splits, all_old=not warm)
    trained = training.train(
        settings,
        data=arguments.data,
        workspace=workspace,
        mix=mix,
        warm_start=champion if warm else None,
        resume=False,
    )
    return read_version(trained.path)


def _accuracy(version: Version, reviews: Sequence[Review]) -> float:
    found = Scorer(version).predict([review.text for review in reviews])
    right = [
        (one.score >= DEFAULT_THRESHOLD) == (review.label == 1)
        for one, review in zip(found, reviews, strict=True)
    ]
    return float(np.mean(right))


def _minutes(begun: float) -> str:
    return f"{(time.monotonic() - begun) / 60:.1f}"


if __name__ == "__main__":
    sys.exit(main())
