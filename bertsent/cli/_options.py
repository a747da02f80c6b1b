"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertsent.base.settings import scoring

NumFiles = Annotated[
    int | None,
    typer.Option(
        "--num-files", metavar="N", help="Draw N files from each of pos and neg at random. [default: all]"
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write a page (.html): the result, its plots, and the reviews to read.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Settings that overrule the recipe's (and, to retrain, the current version's).",
    ),
]
Margin = Annotated[
    float, typer.Option("--margin", help="How much accuracy may be lost on the test reviews, 0 to 1.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="VERSION|FOLDER",
        help="A version number under model/, or a version's folder. [default: the current version]",
    ),
]
Engine = Annotated[
    scoring.Engine,
    typer.Option(
        "--engine",
        help="tensorflow: cut texts by the encoder's own preprocessor, for a version without WordPiece.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        help="A score at or above it is positive, all others negative. [default: 0.5, and unsure where fewer "
        "than 80 % of such predictions are right]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Score on N cores; the scores are the same. [default: all that this process may use, fewer in "
        "little memory]",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything that is drawn at random.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output file that exists.")]
Encoder = Annotated[
    str,
    typer.Option("--encoder", metavar="NAME|HANDLE|FOLDER", help="The encoder; preview --list names them."),
]
Preprocessor = Annotated[
    str,
    typer.Option(
        "--preprocessor", metavar="HANDLE|FOLDER", help="The encoder's partner. [default: the preset's]"
    ),
]
SeqLength = Annotated[int, typer.Option("--seq-length", help="Word pieces the classifier sees, 8 to 512.")]
Window = Annotated[
    scoring.Window,
    typer.Option("--window", help="Which part of a longer review is read: its head, or head and tail."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Data set in the aclImdb layout. [default: data/aclImdb, else the only data set in data/]",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels", metavar="FOLDER", help="The folder of `bertsent label` with its log. [default: labels/]"
    ),
]
