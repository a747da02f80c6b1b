"""Does bertsent reach its goals for training speed against the TF Hub tutorial and PyTorch on the same texts?

    python tests/bench/training_speed.py PEERS_DIR TEXTS.jsonl --peers SCRIPTS [--json FILE] [--rounds 2]

PEERS_DIR holds the environments `tf` and `peers` and the encoder all-MiniLM-L6-v2 as a TF Hub model (`hub`)
and as PyTorch weights (`minilm`); SCRIPTS holds the peers' own scripts, `hub_tutorial.py` (128 tokens) and
`peers.py`. The tutorial at 256 tokens is tests/bench/tutorial_train.py, bertsent is tests/bench/ours_train.py
with its bundled encoder, which has the same weights. TEXTS.jsonl has one
`{"text": ..., "label": "positive"|"negative"}` per line.

Each program runs in its own process, one after the other, once per round. Machines are noisy, so the best
round of each counts and every round is shown. A run warms up for two steps (PyTorch: one) and then measures
examples a second in one pass with batches of 32: the tutorial and bertsent with tokenising, PyTorch without,
because peers.py tokenizes before its clock starts. Memory is the highest resident size of the process. Run it
on a machine that does nothing else; the JSON file records the load at the start of each run.

Prints one table and whether each goal is met; exits with 1 if one is not. Needs bertsent[train].
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contest import Figures, machine, run, versions

from bertsent.base.files import now, write_text

HERE = Path(__file__).parent
TUTORIAL, PYTORCH, OURS = "tf-hub tutorial", "torch-bf16", "bertsent"
GOALS = (  # of bertsent: places, against whom, how many times as fast at least
    (128, TUTORIAL, 1.8),  # goal
    (128, PYTORCH, 1.2),  # goal
    (256, TUTORIAL, 2.5),  # goal
)
PACKAGES = {  # whose versions are stated
    "tf": ("tensorflow", "tensorflow-text", "tf-models-official"),
    "peers": ("torch", "transformers"),
    "own": ("tensorflow", "tf-models-official"),
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to train at one length."""

    engine: str
    seq: int
    command: tuple[str, ...]


def main() -> int:
    arguments = _arguments()
    contestants = line_up(arguments.peers_dir, arguments.texts, arguments.peers)
    rounds = [play(number, each) for number in range(1, arguments.rounds + 1) for each in contestants]
    summary = [summarise(contestant, rounds) for contestant in contestants]
    goals = [judge(summary, *goal) for goal in GOALS]
    print("\n".join([*table(summary), "", *map(sentence, goals)]))
    if arguments.json:
        report = {
            "date": now(),
            "machine": machine(),
            "versions": versions(arguments.peers_dir, PACKAGES),
            "goals": goals,
            "summary": summary,
            "rounds": rounds,
        }
        write_text(arguments.json, json.dumps(report, indent=2) + "\n")
    return 0 if all(goal["met"] for goal in goals) else 1


def line_up(peers_dir: Path, texts: Path, scripts: Path) -> list[Contestant]:
    """Who runs, in this order."""
    tutorial, peers = f"{peers_dir}/tf/bin/python", f"{peers_dir}/peers/bin/python"
    own = f"{HERE}/ours_train.py"
    where = (str(peers_dir), str(texts))
    pytorch = (peers, f"{scripts}/peers.py", "train", *where, "--engine", PYTORCH, "--seq", "128")
    return [
        Contestant(TUTORIAL, 128, (tutorial, f"{scripts}/hub_tutorial.py", "train", *where)),
        Contestant(PYTORCH, 128, pytorch),
        Contestant(OURS, 128, (sys.executable, own, str(texts), "--seq", "128")),
        Contestant(TUTORIAL, 256, (tutorial, f"{HERE}/tutorial_train.py", *where, "--seq", "256")),
        Contestant(OURS, 256, (sys.executable, own, str(texts), "--seq", "256")),
    ]


def play(number: int, contestant: Contestant) -> Figures:
    """One run of a round, told on stderr when it has ended."""
    load = os.getloadavg()[0]
    figures = run(contestant.command)
    told = f"{contestant.engine} at {contestant.seq}: {figures['examples_per_second']:.1f} examples/s"
    print(f"round {number}: {told}", file=sys.stderr)
    return {
        "round": number,
        "load": load,
        **figures,
        "engine": contestant.engine,
        "seq": contestant.seq,
    }


def summarise(contestant: Contestant, rounds: Sequence[Figures]) -> Figures:
    """The best round of one of them, all its rounds, and the most memory any of them took."""
    key = contestant.engine, contestant.seq
    own = [figures for figures in rounds if (figures["engine"], figures["seq"]) == key]
    best = max(own, key=lambda figures: figures["examples_per_second"])
    return {
        "engine": contestant.engine,
        "seq": contestant.seq,
        "examples_per_second": best["examples_per_second"],
        "all_rounds": [figures["examples_per_second"] for figures in own],
        "peak_mb": max(figures["peak_mb"] for figures in own),
        "share_of_time_on_input": best.get("share_of_time_on_input"),
    }


def judge(summary: Sequence[Figures], seq: int, engine: str, wanted: float) -> Figures:
    """Whether bertsent is `wanted` times as fast as `engine` at `seq` places."""
    reached = rate(summary, seq, OURS) / rate(summary, seq, engine)
    return {"seq": seq, "against": engine, "wanted": wanted, "reached": reached, "met": reached >= wanted}


def rate(summary: Sequence[Figures], seq: int, engine: str) -> float:
    """Examples a second of one engine at one length."""
    found = next(figures for figures in summary if (figures["seq"], figures["engine"]) == (seq, engine))
    return float(found["examples_per_second"])


def table(summary: Sequence[Figures]) -> list[str]:
    """The lines of the table; input is the share of the time spent on it, known of bertsent only."""
    heads = f"{'engine':<16} {'seq':>4} {'examples/s':>10} {'x tutorial':>10} {'peak MB':>8} {'input':>6}"
    lines = [f"{heads}  rounds"]
    for figures in summary:
        seq, share = figures["seq"], figures["share_of_time_on_input"]
        times = figures["examples_per_second"] / rate(summary, seq, TUTORIAL)
        lines.append(
            f"{figures['engine']:<16} {seq:>4} {figures['examples_per_second']:>10.1f} {times:>10.2f} "
            f"{figures['peak_mb']:>8} {'' if share is None else f'{share:.1%}':>6}  "
            f"{' '.join(map(str, figures['all_rounds']))}"
        )
    return lines


def sentence(goal: Figures) -> str:
    """One goal, and whether it is met."""
    return (
        f"at {goal['seq']} places {goal['reached']:.2f} times {goal['against']}, goal {goal['wanted']}: "
        f"{'met' if goal['met'] else 'MISSED'}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("peers_dir", type=Path, help="folder with the peers' environments and encoders")
    parser.add_argument("texts", type=Path, help="JSON lines with text and label")
    parser.add_argument("--peers", type=Path, required=True, help="folder of hub_tutorial.py and peers.py")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each; the best counts (2)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
