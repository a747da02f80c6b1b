"""`bertsent preview`: see what an encoder does with a text, before training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsent.base.display import visible
from bertsent.base.presets import PRESETS
from bertsent.base.records.training import Preview, Tree
from bertsent.base.settings.training import TrainSettings
from bertsent.cli import _options as options
from bertsent.cli._render import note, print_json, progress
from bertsent.reports import plots

DEFAULTS = TrainSettings()
_EXAMPLE = "This is such an amazing movie!"  # the text of TensorFlow's tutorial
_VALUES = 6  # of the pooled output that are printed


def preview(
    text: Annotated[str, typer.Argument(help="The text to look at.")] = _EXAMPLE,
    encoder: options.Encoder = DEFAULTS.encoder,
    preprocessor: options.Preprocessor = DEFAULTS.preprocessor,
    seq_length: options.SeqLength = DEFAULTS.seq_length,
    window: options.Window = DEFAULTS.window,
    seed: options.Seed = DEFAULTS.seed,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the model's structure as .svg, .png or .pdf."),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the named encoders, and exit.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what an encoder makes of a text, before any training.

    Prints word pieces, ids, mask, type ids, pooled output, an untrained score, and the model's structure.
    Needs TensorFlow: pip install 'bertsent[train]'.
    """
    if names:
        _print_presets(json=json)
        return
    settings = replace(
        DEFAULTS,
        encoder=encoder,
        preprocessor=preprocessor,
        seq_length=seq_length,
        window=window,
        seed=seed,
    )
    if plot is not None:
        plots.check_format(plot)
    from bertsent.tf import preview as core

    with progress(quiet=quiet) as bar:
        result = core.preview(text, settings, progress=bar)
    if plot is not None:
        plots.structure(result.structure, plot)
        note(f"Structure drawn in {plot}")
    if json:
        print_json(result)
    else:
        _print(result)


def _print_presets(*, json: bool) -> None:
    for preset in PRESETS.values():
        if json:
            print_json(preset)
        else:
            size = f"{preset.layers:>2} layers, {preset.hidden_size:>3} wide, {preset.heads:>2} heads"
            typer.echo(f"{preset.name:<40} {size}  {preset.handle}")


def _print(result: Preview) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    typer.echo(f"encoder          {visible(result.encoder)} ({visible(result.handle)})")
    cut = "; more than the window holds" if result.truncated else ""
    typer.echo(f"word pieces      {result.tokens}{cut}")
    table = Table(
        "position", "piece", "input_word_ids", "input_mask", "input_type_ids", box=None, pad_edge=False
    )
    columns = (result.word_pieces, result.input_word_ids, result.input_mask, result.input_type_ids)
    used = sum(result.input_mask)
    for position in range(used):
        table.add_row(str(position), *(visible(str(column[position])) for column in columns))
    console.print(table)
    if used < len(result.input_mask):
        typer.echo(f"... and {len(result.input_mask) - used} positions of padding ([PAD], mask 0)")
    first = " ".join(f"{value:+.4f}" for value in result.pooled_output[:_VALUES])
    typer.echo(f"pooled output    float32 [1, {len(result.pooled_output)}]: {first} ...")
    sequence = f"float32 {list(result.sequence_shape)}" if result.sequence_shape else "none"
    typer.echo(f"sequence output  {sequence}")
    typer.echo(f"untrained score  {result.untrained_score:.4f} (meaningless: the head has random weights)")
    typer.echo(f"parameters       {result.parameters:,}, {result.trainable_parameters:,} of them trained")
    typer.echo("structure        (with the number of parameters)")
    console.print(_tree(result.structure))


def _tree(tree: Tree, *, depth: int = 3) -> Any:
    """The structure as a Rich tree; the layers of the encoder are the deepest level."""
    from rich.text import Text
    from rich.tree import Tree as RichTree

    count = f"  ({tree.parameters:,})" if tree.parameters else ""
    branch = RichTree(Text(visible(" ".join(part for part in (tree.name, tree.detail) if part)) + count))
    for part in tree.parts if depth else ():
        branch.children.append(_tree(part, depth=depth - 1))
    return branch
