"""`bertsent export`: a version for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from bertsent.base.display import size, visible
from bertsent.base.settings.export import Format
from bertsent.base.version_names import capital
from bertsent.cli import _options as options
from bertsent.cli._render import duration, print_json, progress
from bertsent.cli._versions import find_version

if TYPE_CHECKING:
    from bertsent.export.records import Exported


def export(
    form: Annotated[
        Format, typer.Argument(metavar="|".join(get_args(Format)), help="What the export is for.")
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="The folder to write; saved-model writes OUT/N (N: the version number)."
        ),
    ],
    model: options.Model = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="PATH",
            help="Reviews to compare scores on, a folder or table. [default: bundled ones]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a version for TF Serving, LiteRT or ONNX Runtime.

    saved-model takes texts. The others take token ids, and come with the vocabulary and a script that runs
    without bertsent. Before an export appears, its scores in its own runtime are compared with bertsent's.
    """
    version = find_version(model)
    with progress(quiet=quiet) as bar:
        if form == "saved-model":
            from bertsent.tf import saved_model

            exported = saved_model.export(version, out, check=check, force=force, progress=bar)
        else:
            from bertsent.export import litert_onnx

            exported = litert_onnx.export(version, form, out, check=check, force=force, progress=bar)
    if json:
        print_json(exported)
    else:
        _print(exported)


def _print(exported: Exported) -> None:
    typer.echo(
        f"{capital(exported.version)} for {exported.format} is in {visible(str(exported.path))} "
        f"({size(exported.bytes)}, {duration(exported.seconds)})"
    )
    for distance in exported.distances:
        typer.echo(
            f"  {distance.against + ':':<29} {distance.texts} texts, mean difference {distance.mean:.2g}, "
            f"largest {distance.largest:.2g}, different labels {distance.texts - distance.same_label} "
            f"(allowed: {distance.allowed})"
        )
