"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON and nothing else.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="VERSION|FOLDER",
        help="A version number under model/, or a version's folder. [default: the current version]",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="litert|tensorflow",
        help="tensorflow: cut texts by the encoder's own preprocessor, for a version without WordPiece.",
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        help="A score at or above it is positive, all others negative. [default: 0.5, and unsure where fewer "
        "than 80 % of such answers are right]",
        show_default=False,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Score on N cores; the scores are the same. [default: all that this process may use, fewer in "
        "little memory]",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything that is drawn at random.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace an output file that exists.")]
EncoderOption = Annotated[
    str,
    typer.Option("--encoder", metavar="NAME|HANDLE|FOLDER", help="The encoder; preview --list names them."),
]
PreprocessorOption = Annotated[
    str,
    typer.Option(
        "--preprocessor",
        metavar="HANDLE|FOLDER",
        help="The encoder's partner. [default: the preset's]",
        show_default=False,
    ),
]
SeqLengthOption = Annotated[
    int, typer.Option("--seq-length", help="Word pieces the classifier sees, 8 to 512.")
]
WindowOption = Annotated[
    str,
    typer.Option(
        "--window",
        metavar="head|head+tail",
        help="What is kept of a longer review: its beginning, or beginning and end.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Data set in the aclImdb layout. [default: data/aclImdb, else the only data set in data/]",
        show_default=False,
    ),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FOLDER",
        help="The folder of `bertsent label` with its log. [default: labels/]",
        show_default=False,
    ),
]
