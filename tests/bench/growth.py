"""Does `bertsent batch` get slower, or need more memory, when the input grows?

    python tests/bench/growth.py --tiny --json growth.json
    python tests/bench/growth.py --model 1 --sizes 2000 20000 --words 0 --data data/aclImdb/test

Makes inputs of each size in each format (a table, or a folder of .txt files) and scores each in its own
process with the output in a file. Prints reviews a second (from the command's summary), the peak of resident
memory in MB (VmHWM of /proc, mapped files included) and the ratio of the rate to that of the smallest size.
Small inputs are scored more than once, and the median of the rates counts. Exits with 1 if the rates of a
format differ by more than 10 % or a run needs more than --limit MB.

Every text is one of the bundled reviews, or of --data, with one word exchanged and a number added, so that no
two are equal; it is the same on every machine. --words keeps only so many first words, because a scorer needs
hours for a million whole reviews. A Parquet file has a single row group, which is the hardest to read in
parts. A million files take 4 GB of disk and a minute and a half to make; with a scorer as fast as --tiny's,
they show how the file system caches them. --tiny scores with a random BERT of two layers (trained here in
half a minute; needs bertsent[train]), which shows the cost of reading and writing.
--addresses sets a limit as `ulimit -v` does. Needs Linux.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bertsent
from bertsent.base.files import now, write_text
from bertsent.data.reviews import read_reviews

SIZES = (10_000, 100_000, 1_000_000)
FORMATS = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet", "folder": "jsonl"}  # input -> output
LIMIT = 400.0  # MB
SPREAD = 0.1  # of the rates of a format
WORDS = 12
SCORED = 200_000  # reviews that a size comes to when its runs are added up ...
MOST_RUNS = 5  # ... if so many runs are enough
BLOCK = 50_000  # rows handed to Parquet at a time
COMMAND = (sys.executable, "-c", "from bertsent.cli import main; main()")

Pairs = Iterable[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Growth:
    """One size of one format."""

    format: str
    reviews: int
    rate: float  # reviews a second
    peak: float  # MB
    ratio: float  # of the rate to that of the first size


def main() -> int:
    arguments = _arguments()
    texts = load_texts(arguments.data)
    rows: list[Growth] = []
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="growth-") as name:
        home = Path(name)
        if arguments.tiny:
            make_tiny(home)
        for row in measure(
            arguments.sizes,
            arguments.formats,
            texts=texts,
            words=arguments.words,
            folder=home,
            options=["--model", arguments.model] if arguments.model else [],
            environment={"BERTSENT_HOME": str(home)} if arguments.tiny else {},
            addresses=arguments.addresses,
        ):
            print(line(row) if rows else f"{HEADER}\n{line(row)}", flush=True)
            rows.append(row)
    faults = judge(rows, limit=arguments.limit)
    if arguments.json:
        write_text(arguments.json, json.dumps(report(rows, arguments, faults), indent=2) + "\n")
    print("\n".join(faults) or "Flat.")
    return 1 if faults else 0


def measure(
    sizes: Sequence[int] = SIZES,
    formats: Iterable[str] = tuple(FORMATS),
    *,
    texts: Sequence[str],
    folder: Path,
    words: int = WORDS,
    options: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    addresses: int | None = None,
) -> Iterator[Growth]:
    """Yields a row for each format and size, smallest size first; inputs are removed once scored.

    Args:
        sizes: Reviews of an input.
        formats: Keys of `FORMATS`.
        texts: What the reviews are made of.
        folder: Where inputs and outputs are made.
        words: Of a text that are kept; 0 for all.
        options: More of the command line, such as `--model 1`.
        environment: Beside this process's own.
        addresses: MB of address space that a run may have.

    Raises:
        RuntimeError: if a run fails or leaves out a review.
    """
    for form in formats:
        first = 0.0
        for size in sorted(sizes):
            source, output = folder / f"reviews.{form}", folder / f"out.{FORMATS[form]}"
            WRITERS[form](source, perturbed(texts, size, words))
            os.sync()  # or the disk would still be at it while the first run reads
            command = [*COMMAND, "batch", str(source), "-o", str(output), "--force", "--json", "-q", *options]
            rates, peaks = [], []
            for _ in range(max(1, min(MOST_RUNS, SCORED // size))):
                summary, peak = _run(command, {**os.environ, **(environment or {})}, addresses)
                if summary["reviews"] != size:
                    raise RuntimeError(f"{size} {form} reviews went in, {summary['reviews']} came out")
                rates.append(summary["reviews_per_second"])
                peaks.append(peak)
            shutil.rmtree(source) if source.is_dir() else source.unlink()
            rate = statistics.median(rates)
            first = first or rate
            yield Growth(form, size, rate, max(peaks), rate / first)


def judge(rows: Iterable[Growth], *, limit: float = LIMIT) -> list[str]:
    """What is not flat, in words: rates too far apart, more memory than `limit` MB."""
    faults = [f"{row.format} {row.reviews}: {row.peak:.0f} MB" for row in rows if row.peak > limit]
    by_format: dict[str, list[float]] = {}
    for row in rows:
        by_format.setdefault(row.format, []).append(row.rate)
    for form, rates in by_format.items():
        spread = 1 - min(rates) / max(rates)
        if spread > SPREAD:
            faults.append(f"{form}: rates differ by {spread:.0%}")
    return faults


def load_texts(data: Path | None) -> list[str]:
    """The texts of a folder or table; without one those of the bundled sample."""
    source = data or Path(bertsent.__file__).parent / "data" / "sample" / "reviews.jsonl"
    return [review.text for review in read_reviews(source) if review.text]


def perturbed(texts: Sequence[str], count: int, words: int) -> Iterator[tuple[str, int]]:
    """`count` texts with labels: in each a word of another text, and its number at the end."""
    split = [text.split()[: words or None] for text in texts]
    for number in range(count):
        kept = list(split[number % len(split)])
        other = split[(number * 7919 + 13) % len(split)]
        kept[number // len(split) % len(kept)] = other[number % len(other)]
        yield " ".join([*kept, str(number)]), number % 2


def make_tiny(home: Path) -> None:
    """Trains the tests' tiny BERT on the sample: version 1 of the workspace `home`."""
    sys.path.append(str(Path(__file__).parents[1]))
    from support import tiny_bert

    from bertsent.base.settings.workspace import Workspace
    from bertsent.data.download.dataset import write_sample
    from bertsent.tf import training

    data = write_sample(data=home / "data").path
    settings = tiny_bert.settings(tiny_bert.export(home / "encoder"))
    training.train(settings, data=data, workspace=Workspace(home))


HEADER = f"{'format':<8} {'reviews':>9} {'reviews/s':>10} {'peak MB':>8} {'ratio':>6}"


def line(row: Growth) -> str:
    """A row of the table below `HEADER`."""
    return f"{row.format:<8} {row.reviews:>9} {row.rate:>10.0f} {row.peak:>8.0f} {row.ratio:>6.2f}"


def report(rows: Sequence[Growth], arguments: argparse.Namespace, faults: Sequence[str]) -> dict[str, Any]:
    """What --json writes."""
    return {
        "when": now(),
        "version": bertsent.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "model": "tiny" if arguments.tiny else arguments.model or "current",
        "words": arguments.words,
        "rows": [asdict(row) for row in rows],
        "faults": list(faults),
    }


def _run(command: Sequence[str], environment: dict[str, str], addresses: int | None) -> tuple[Any, float]:
    """The summary that a command prints and the peak of its resident memory in MB."""

    def confine() -> None:
        if addresses:
            resource.setrlimit(resource.RLIMIT_AS, (addresses * 10**6,) * 2)

    with tempfile.TemporaryFile() as errors:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=errors, preexec_fn=confine)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _resident_peak(process.pid))
            time.sleep(0.02)
        answer = process.communicate()[0]
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace")[-2000:])
    return json.loads(answer)["summary"], peak


def _resident_peak(process: int) -> float:
    """MB; 0 once the process has ended. What getrusage has would count this process's memory too: a child
    begins as a copy of its parent."""
    for each in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if each.startswith("VmHWM:"):
            return int(each.split()[1]) * 1024 / 1e6
    return 0.0


def _write_csv(path: Path, rows: Pairs) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(("text", "label"))
        sheet.writerows(rows)


def _write_jsonl(path: Path, rows: Pairs) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def _write_parquet(path: Path, rows: Pairs) -> None:
    import pyarrow.parquet

    schema = pyarrow.schema([("text", pyarrow.string()), ("label", pyarrow.int8())])
    blocks, iterator = [], iter(rows)
    while block := list(itertools.islice(iterator, BLOCK)):
        columns = [list(column) for column in zip(*block, strict=True)]
        blocks.append(pyarrow.record_batch(columns, schema=schema))
    table = pyarrow.Table.from_batches(blocks, schema=schema)
    pyarrow.parquet.write_table(table, path, row_group_size=max(len(table), 1))


def _write_folder(path: Path, rows: Pairs) -> None:
    for name in ("neg", "pos"):
        (path / name).mkdir(parents=True)
    for number, (text, label) in enumerate(rows):
        (path / ("pos" if label else "neg") / f"{number}.txt").write_text(text, encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Pairs], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "folder": _write_folder,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--words", type=int, default=WORDS, help="of a text; 0: all (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="a folder or table of reviews to make the inputs of")
    parser.add_argument("--model", help="as for bertsent batch")
    parser.add_argument("--tiny", action="store_true", help="score with a tiny BERT made here")
    parser.add_argument("--limit", type=float, default=LIMIT, help="MB of memory (default: %(default)s)")
    parser.add_argument("--addresses", type=int, help="MB of address space a run may have, as ulimit -v")
    parser.add_argument("--folder", type=Path, help="where to make the inputs (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
