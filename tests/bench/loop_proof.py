"""Runs the loop on real reviews: drift makes a new version, poisoned labels none, and a kill changes nothing.

    python tests/bench/loop_proof.py --data aclImdb --foreign clothes.jsonl --kills 20

Makes workspaces in a temporary folder, each with a data set of `--train` and `--test` reviews of the archive
and 300 labels: half of them reviews that the data set does not hold, half foreign (CSV or JSONL with text and
label). The version that comes with bertsent is the champion. Then runs `bertsent drift` there, as cron would:

- good: drift, a challenger, a new version, exit 0. Later labels of the same kind, half foreign, are then no
  drift.
- poisoned: every label is wrong. Drift, a challenger, rejected, exit 3; the champion stays. (Without --yes,
  which is given here, no challenger would be trained: the labels look swapped.)
- random: a coin gives the labels. The result is that of poisoned.
- killed: like good, but kill -9 ends the run after a random time, `--kills` times. The next run finishes it:
  one look, one outcome, one new version.

Prints a line per scenario, and exits with 1 if one has another result. Takes a quarter of an hour on two
cores and needs bertsent[train].
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bertsent.base.digests import sha256_text
from bertsent.base.records.core import Review
from bertsent.base.settings.workspace import Workspace
from bertsent.base.text import clean
from bertsent.data.reviews import read_reviews
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.versions.manifest import version_numbers

HALF = 150  # labels of each kind
COMMAND = [sys.executable, "-c", "from bertsent.cli import main; main()", "drift", "--json", "--yes"]
Said = tuple[str, bool]


class Bench:
    """The reviews, in an order that says nothing."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.train = _mixed(read_reviews(arguments.data / "train"))[: arguments.train]
        test = _mixed(read_reviews(arguments.data / "test"))
        self.test, self.rest = test[: arguments.test], test[arguments.test :]
        self.foreign = _mixed(
            review for review in read_reviews(arguments.foreign) if review.label is not None
        )

    def workspace(
        self, folder: Path, *, part: int = 0, wrong: Callable[[int], int] = lambda label: label
    ) -> Path:
        """A workspace with the data set and a part of the labels."""
        for half, reviews in (("train", self.train), ("test", self.test)):
            for number, review in enumerate(reviews):
                file = (
                    folder
                    / "data"
                    / "reviews"
                    / half
                    / ("neg", "pos")[int(review.label or 0)]
                    / f"{number}.txt"
                )
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(review.text, encoding="utf-8")
        self.label(folder, part=part, wrong=wrong)
        return folder

    def label(self, folder: Path, *, part: int, wrong: Callable[[int], int] = lambda label: label) -> None:
        """Labels half of the foreign and as many other reviews, as somebody who picks at random."""
        log = LabelLog(Workspace(folder).labels)
        place = slice(part * HALF, (part + 1) * HALF)
        for review in _mixed([*self.rest[place], *self.foreign[place]]):
            answer = "positive" if wrong(int(review.label or 0)) else "negative"
            log.append(decide(review.text, answer, picked_by="random"))  # type: ignore[arg-type]


def _mixed(reviews: Iterator[Review] | Sequence[Review]) -> list[Review]:
    """The distinct reviews, sorted by their digests."""
    found = {clean(review.text): review for review in reviews}
    return [found[text] for text in sorted(found, key=sha256_text)]


def drift(folder: Path, *, seconds: float | None = None) -> tuple[int, dict[str, object]]:
    """Runs the command, or kills it and all its children after some seconds: exit code and answer."""
    environment = os.environ | {"BERTSENT_HOME": str(folder)}
    with subprocess.Popen(
        COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
    return process.returncode, json.loads(said) if said else {}


def outcome(folder: Path) -> str:
    """What the workspace holds in the end, in words."""
    history = [json.loads(line) for line in (folder / "labels" / "drift.jsonl").read_text().splitlines()]
    looks = sum(event["event"] == "look" for event in history)
    ended = [event["outcome"] for event in history if event["event"] == "outcome"]
    ledger = (folder / "reports" / "ledger.jsonl").read_text().splitlines()
    left = sorted(path.name for path in (folder / "model").glob(".*")) if (folder / "model").exists() else []
    return (
        f"{looks} look, {' '.join(ended)}, ledger {len(ledger)}, versions {version_numbers(folder / 'model')}"
        + (f", left behind {left}" if left else "")
    )


def good(bench: Bench, folder: Path) -> Said:
    """Half of the labels are foreign."""
    bench.workspace(folder)
    code, answer = drift(folder)
    held = outcome(folder)
    bench.label(folder, part=1)
    again, then = drift(folder)
    return (
        f"exit {code}, {held}; {answer.get('why')}; the next 300: {then.get('verdict')}, exit {again}",
        code == 0 and held == "1 look, published, ledger 1, versions [2]" and then.get("verdict") != "drift",
    )


def poisoned(bench: Bench, folder: Path) -> Said:
    """Every label is wrong."""
    return _bad(folder, bench.workspace(folder, wrong=lambda label: 1 - label))


def coin(bench: Bench, folder: Path) -> Said:
    """No label means anything."""
    tossed = random.Random(1)
    return _bad(folder, bench.workspace(folder, wrong=lambda label: tossed.randrange(2)))


def _bad(folder: Path, workspace: Path) -> Said:
    code, answer = drift(workspace)
    held = outcome(folder)
    return (
        f"exit {code}, {held}; {answer.get('why')}",
        code == 3 and held == "1 look, rejected, ledger 1, versions []",
    )


def killed(bench: Bench, folder: Path) -> Said:
    """kill -9 at random times; each run gets a little further."""
    bench.workspace(folder)
    random_time = random.Random(bench.arguments.seed)
    kills = 0
    for _ in range(bench.arguments.kills):
        code, _ = drift(folder, seconds=random_time.uniform(1, bench.arguments.longest))
        kills += code == -signal.SIGKILL
    code, _ = drift(folder)
    held = outcome(folder)
    last, _ = drift(folder)
    return (
        f"{kills} kills, then exit {code}, {held}; once more: exit {last}",
        code == 0 and held == outcome(folder) == "1 look, published, ledger 1, versions [2]",
    )


SCENARIOS: dict[str, Callable[[Bench, Path], Said]] = {
    "good": good,
    "poisoned": poisoned,
    "random": coin,
    "killed": killed,
}


def main() -> int:
    """Runs the scenarios asked for and says what came of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of aclImdb")
    parser.add_argument("--foreign", type=Path, required=True, help="labelled reviews of other things")
    parser.add_argument("--train", type=int, default=3000, help="training reviews of the data set")
    parser.add_argument("--test", type=int, default=2000, help="its test reviews")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--longest", type=float, default=60, help="seconds before a kill, at most")
    parser.add_argument("--seed", type=int, default=1, help="of the times")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="all by default")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    held = True
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.only or SCENARIOS:
            begun = time.monotonic()
            said, as_asked = SCENARIOS[name](bench, Path(place) / name)
            held &= as_asked
            spent = (time.monotonic() - begun) / 60
            print(f"{name:9} {'' if as_asked else 'MISSED '}{said} ({spent:.1f} min)", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
