"""Does bertsent reach its goals for scoring speed against other programs on the same texts?

    python tests/bench/scoring_speed.py PEERS_DIR TEXTS.jsonl --peers SCRIPTS [--json FILE] [--rounds 2]

PEERS_DIR holds the environments `tf` and `peers` and the encoder all-MiniLM-L6-v2 as a TF Hub model (`hub`),
as PyTorch weights (`minilm`) and as ONNX, fp32 and int8; SCRIPTS holds the peers' own scripts,
`hub_tutorial.py` and `peers.py`. bertsent is tests/bench/ours_score.py with a published version made from the
same encoder, cut to the same 128 tokens. TEXTS.jsonl has one `{"text": ..., "label": ...}` per line.

Each program runs in its own process, one after the other, once per round. Machines are noisy, so the best
round of each counts and every round is shown. The time of the tutorial and bertsent is from text to score,
that of PyTorch and ONNX Runtime from token ids, because peers.py tokenizes before its clock starts. Memory is
the highest resident size of the process. `cold` is the whole time of a process that scores "great film", as
the shell sees it, best of `--cold`; for bertsent this is `bertsent predict`.

The share of the machine's int8 peak is bertsent's useful operations a second (see ours_score.py), divided by
the rate of a plain int8 product of two 2048 x 2048 matrices on all cores in the same run: the better of
`torch._int_mm` (oneDNN's, which is fast with AVX512-VNNI only) and `torch.ops.quantized.linear` (FBGEMM's).

Prints one table, the share, the largest difference between two ways to score (ours_score.py --exact), and
whether each goal is met; exits with 1 if one is not.
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
SEQ = 128
TUTORIAL, OURS = "tf-hub tutorial", "bertsent"
PEERS = ("torch-bf16", "torch-int8", "ort-int8")
BATCHES = (8, 32)
OVER_TUTORIAL, OVER_BEST_PEER = 3.8, 1.25  # goals
TOLERANCE = 1e-4  # goal: of a score, whatever order, chunk or workers
PACKAGES = {  # whose versions are stated
    "tf": ("tensorflow", "tensorflow-text", "tf-models-official"),
    "peers": ("torch", "transformers", "onnxruntime"),
    "own": ("ai-edge-litert", "numpy"),
}
PEAK = """
import json, time, torch
n = 2048

def fastest(product):
    product()
    best, ended = float("inf"), time.perf_counter() + 5
    while time.perf_counter() < ended:
        begun = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - begun)
    return 2 * n**3 / best / 1e9

a, b = (torch.randint(-127, 128, (n, n), dtype=torch.int8) for _ in range(2))
b = b.t().contiguous().t()
weights = torch.quantize_per_tensor(torch.randn(n, n), 0.02, 0, torch.qint8)
packed = torch.ops.quantized.linear_prepack(weights, None)
values = torch.quantize_per_tensor(torch.randn(n, n), 0.02, 64, torch.quint8)
ways = {
    "torch._int_mm": lambda: torch._int_mm(a, b),
    "torch.ops.quantized.linear": lambda: torch.ops.quantized.linear(values, packed, 1.0, 0),
}
print(json.dumps({"gop_per_second": {name: fastest(product) for name, product in ways.items()}}))
"""
COLD = """
import json, os, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(json.dumps({"seconds": time.perf_counter() - begun}))
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to score."""

    engine: str
    batch: int
    score: tuple[str, ...]
    cold: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.engine} x {self.batch}" if self.engine in PEERS else self.engine


def main() -> int:
    arguments = _arguments()
    contestants = line_up(arguments)
    rounds = [play(number, each) for number in range(1, arguments.rounds + 1) for each in contestants]
    peaks = run((f"{arguments.peers_dir}/peers/bin/python", "-W", "ignore", "-c", PEAK))["gop_per_second"]
    peak = max(peaks.values())
    summary = [summarise(each, rounds, cold_starts=arguments.cold) for each in contestants]
    exact = run((*ours(arguments), "--exact", str(arguments.exact)))
    report = {
        "summary": summary,
        "int8_peak_gop_per_second": peak,
        "int8_peaks": peaks,
        "exact": exact,
        **compare(summary),
    }
    report["share_of_int8_peak"] = summary[-1]["gop_per_second"] / peak
    report["goals"] = judge(report)
    print("\n".join(table(report)))
    if arguments.json:
        known = {"date": now(), "machine": machine(), "versions": versions(arguments.peers_dir, PACKAGES)}
        write_text(arguments.json, json.dumps(known | report | {"rounds": rounds}, indent=2) + "\n")
    return 0 if all(goal["met"] for goal in report["goals"]) else 1


def line_up(arguments: argparse.Namespace) -> list[Contestant]:
    """Who runs, in this order; we come last."""
    tutorial = (f"{arguments.peers_dir}/tf/bin/python", f"{arguments.peers}/hub_tutorial.py")
    others = (f"{arguments.peers_dir}/peers/bin/python", f"{arguments.peers}/peers.py")
    where = (str(arguments.peers_dir), str(arguments.texts))
    model = ("--model", arguments.model) if arguments.model else ()
    predict = (sys.executable, "-c", "from bertsent.cli import main; main()", "predict", "great film", *model)
    return [
        Contestant(TUTORIAL, 32, (*tutorial, "score", *where), (*tutorial, "cold", *where)),
        *(
            Contestant(
                engine,
                batch,
                (*others, "score", *where, "--engine", engine, "--batch", str(batch), "--seq", str(SEQ)),
                (*others, "cold", *where, "--engine", engine, "--batch", str(batch), "--seq", str(SEQ)),
            )
            for engine in PEERS
            for batch in BATCHES
        ),
        Contestant(OURS, 1, ours(arguments), predict),
    ]


def ours(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Our command that scores."""
    model = ("--model", arguments.model) if arguments.model else ()
    return (sys.executable, f"{HERE}/ours_score.py", str(arguments.texts), "--seq", str(SEQ), *model)


def play(number: int, contestant: Contestant) -> Figures:
    """One run of a round, told on stderr when it has ended."""
    load = os.getloadavg()[0]
    figures = run(contestant.score)
    told = f"{contestant.name}: {figures['reviews_per_second']:.1f} reviews/s, {figures['peak_mb']} MB"
    print(f"round {number}: {told}", file=sys.stderr)
    return {**figures, "round": number, "load": load, "name": contestant.name}


def summarise(contestant: Contestant, rounds: Sequence[Figures], *, cold_starts: int) -> Figures:
    """The best round of one of them, all its rounds, its memory and its quickest start."""
    own = [figures for figures in rounds if figures["name"] == contestant.name]
    best = max(own, key=lambda figures: figures["reviews_per_second"])
    python = (sys.executable, "-c", COLD)
    starts = [run((*python, *contestant.cold))["seconds"] for _ in range(cold_starts)]
    return {
        "name": contestant.name,
        "reviews_per_second": best["reviews_per_second"],
        "all_rounds": [figures["reviews_per_second"] for figures in own],
        "gop_per_second": best.get("gop_per_second"),
        "peak_mb": max(figures["peak_mb"] for figures in own),
        "cold_seconds": min(starts),
    }


def compare(summary: Sequence[Figures]) -> Figures:
    """How many times as fast as the tutorial and as the best of the peers we are."""
    rates = {figures["name"]: figures["reviews_per_second"] for figures in summary}
    best = max((name for name in rates if name not in {TUTORIAL, OURS}), key=rates.__getitem__)
    return {
        "best_peer": best,
        "over_tutorial": rates[OURS] / rates[TUTORIAL],
        "over_best_peer": rates[OURS] / rates[best],
    }


def judge(report: Figures) -> list[Figures]:
    """The goals, and whether each is met."""
    apart = max(report["exact"]["apart"].values())
    least = (
        (f"times {TUTORIAL}", report["over_tutorial"], OVER_TUTORIAL),
        (f"times {report['best_peer']}, the best peer", report["over_best_peer"], OVER_BEST_PEER),
    )
    goals = [
        {"what": what, "reached": reached, "wanted": wanted, "met": reached >= wanted}
        for what, reached, wanted in least
    ]
    difference = "largest difference of a score between two ways to score"
    return [*goals, {"what": difference, "reached": apart, "wanted": TOLERANCE, "met": apart <= TOLERANCE}]


def table(report: Figures) -> list[str]:
    """The lines of the table and what follows from it."""
    lines = [f"{'at 128 places':<17} {'reviews/s':>9} {'ours / it':>9} {'peak MB':>8} {'cold s':>7}  rounds"]
    fastest = report["summary"][-1]["reviews_per_second"]
    for figures in report["summary"]:
        rate = figures["reviews_per_second"]
        lines.append(
            f"{figures['name']:<17} {rate:>9.1f} {fastest / rate:>9.2f} {figures['peak_mb']:>8} "
            f"{figures['cold_seconds']:>7.2f}  {' '.join(map(str, figures['all_rounds']))}"
        )
    useful, peak = report["summary"][-1]["gop_per_second"], report["int8_peak_gop_per_second"]
    lines += [
        "",
        f"useful operations {useful:.0f} Gop/s, {useful / peak:.0%} of the int8 peak of {peak:.0f} Gop/s",
        f"the bare LiteRT file, padded: scores up to {report['exact']['padded']:.0e} away",
    ]
    return lines + [
        f"{goal['what']}: {goal['reached']:.3g}, goal {goal['wanted']}: {'met' if goal['met'] else 'MISSED'}"
        for goal in report["goals"]
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("peers_dir", type=Path, help="folder with the peers' environments and encoders")
    parser.add_argument("texts", type=Path, help="JSON lines with text and label")
    parser.add_argument("--peers", type=Path, required=True, help="folder of hub_tutorial.py and peers.py")
    parser.add_argument("--model", help="a version number or a version's folder (the current version)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each; the best counts (2)")
    parser.add_argument("--cold", type=int, default=3, help="cold starts of each; the best counts (3)")
    parser.add_argument("--exact", type=int, default=300, help="texts that are scored in many ways (300)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
