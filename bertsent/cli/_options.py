"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertsent.base.settings import scoring

NumFiles = Annotated[
    int | None,
    typer.Option(
        "--num-files", metavar="N", help="Draw N files at random from each of pos and neg. [default: all]"
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write a page (.html) with the result, its plots, and the reviews to read.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Settings that override the recipe's (and, for retrain, the current version's).",
    ),
]
Margin = Annotated[
    float,
    typer.Option(
        "--margin",
        help="Accepted loss on the test reviews, 0 to 1: of the probability given to the right label, about "
        "as much accuracy.",
    ),
]
Ask = Annotated[
    bool,
    typer.Option(
        "--ask",
        help="Do not publish a new version that passes: it waits for your word, bertsent models approve or "
        "reject.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress on stderr.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="VERSION|FOLDER",
        help="A version number under model/, a version's folder, or packaged: the version that came with "
        "bertsent. [default: the current version]",
    ),
]
Engine = Annotated[
    scoring.Engine,
    typer.Option(
        "--engine",
        help="tensorflow: tokenise with the encoder's own preprocessor, for a version without WordPiece.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        help="Scores at or above this are positive, all others negative. [default: that of bertsent.toml, "
        "else 0.5, and unsure where fewer than 80 % of such predictions are correct]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Score on N cores; the scores stay the same. [default: all that this process may use, fewer if "
        "memory is limited]",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of all random choices.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output file.")]
Encoder = Annotated[
    str,
    typer.Option("--encoder", metavar="NAME|HANDLE|FOLDER", help="The encoder; preview --list names them."),
]
Preprocessor = Annotated[
    str,
    typer.Option(
        "--preprocessor", metavar="HANDLE|FOLDER", help="The encoder's preprocessor. [default: the preset's]"
    ),
]
SeqLength = Annotated[int, typer.Option("--seq-length", help="Word pieces the classifier reads, 8 to 512.")]
Window = Annotated[
    scoring.Window,
    typer.Option("--window", help="What to read of a longer review: its beginning, or beginning and end."),
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FOLDER|FILE",
        help="Data set: a table (CSV, JSONL, Parquet ...), a folder with tables, or one with pos/ and neg/; "
        "may be given several times. [default: data/aclImdb, else the only data set in data/]",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels",
        metavar="FOLDER|MAP",
        help="The folder that `bertsent label` writes. Given again: what the labels of --data mean, such as "
        "'positive=4,5 negative=1,2'. [default: labels/]",
    ),
]
