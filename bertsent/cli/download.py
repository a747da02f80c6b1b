"""`bertsent download`: fetch a data set, the sample, or an encoder ahead of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bertsent.base.display import size, visible
from bertsent.base.errors import UsageError
from bertsent.base.records.training import Download
from bertsent.base.settings.download import ADDRESSES, DataSet, DownloadSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.cli import _options as options
from bertsent.cli._render import print_json, progress

_DEFAULTS = DownloadSettings()
_SHOWN = 8  # folders that the result names


def download(
    dataset: Annotated[
        DataSet | None,
        typer.Option(
            "--dataset",
            help="imdb: the Large Movie Review Dataset. sst2: Stanford's sentences of film reviews, as GLUE "
            "has them. [default: imdb]",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL|FILE",
            help="Archive (tar or zip) to fetch instead: an http, https or file URL, or a local file. It "
            "holds pos and neg folders, or tables. With --dataset: another copy of that archive. [default: "
            "the data set's own address]",
        ),
    ] = None,
    sha256: Annotated[
        str,
        typer.Option(
            "--sha256",
            metavar="HEX",
            help="The archive's SHA-256. [default: the published one, if any]",
        ),
    ] = "",
    sample: Annotated[
        bool, typer.Option("--sample", help="Write the bundled reviews to data/sample; needs no network.")
    ] = False,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", metavar="NAME", help="Fetch this encoder and its preprocessor into the user cache."
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again, and replace an existing data set.")
    ] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Fetch the Large Movie Review Dataset (or another) into data/.

    The same command resumes a download that broke off, and leaves a complete one alone.
    """
    _refuse_contradiction(
        dataset=bool(dataset), url=bool(url), sha256=bool(sha256), sample=sample, encoder=bool(encoder)
    )
    if encoder and force:
        raise UsageError("--force is for data sets: encoders in the cache are verified, never replaced.")
    with progress(quiet=quiet) as bar:
        if encoder:
            from bertsent.tf.hub import fetch

            result = fetch(encoder, progress=bar)
        else:
            from bertsent.data.download import dataset as core

            data = Workspace.current().data
            if sample:
                result = core.write_sample(data=data, force=force, progress=bar)
            else:
                address = url or (ADDRESSES[dataset] if dataset else _DEFAULTS.url)
                settings = replace(_DEFAULTS, url=address, dataset=dataset)
                result = core.download(settings, data=data, sha256=sha256, force=force, progress=bar)
    if json:
        print_json(result)
    else:
        typer.echo(_line(result))


def _refuse_contradiction(**given: bool) -> None:
    """Refuses --sample or --encoder beside any other source: neither of them fetches an archive."""
    names = [f"--{name}" for name, wanted in given.items() if wanted]
    if len(names) > 1 and (given["sample"] or given["encoder"]):
        raise UsageError(
            "--sample, --encoder and an archive (--dataset, --url, --sha256) exclude each other.",
            received=" ".join(names),
        )


def _line(result: Download) -> str:
    from bertsent.data.download.contents import class_of, others

    path = visible(_short(result.path))
    already = "" if result.fetched else "already complete, "
    if not result.counts:
        return f"{path}: {already}{result.files:,} files, {size(result.bytes)}"
    if result.tables:
        number = len(result.tables)
        named = f" and {number - _SHOWN} more" if number > _SHOWN else ""
        line = f"{path}: {already}{number} {'table' if number == 1 else 'tables'}, {size(result.bytes)} "
        line += f"({visible(', '.join(result.tables[:_SHOWN]))}{named})"
    else:
        reviews = {name: count for name, count in result.counts.items() if class_of(name) is not None}
        line = f"{path}: {already}{sum(reviews.values()):,} reviews ({_by_split(reviews)})"
    unused = {"top folder" if name == "." else name: count for name, count in others(result).items()}
    return line + _listed("not used", unused) + _listed("not in the data set", result.left_out)


def _listed(what: str, entries: Mapping[str, int]) -> str:
    """`; what: name (3 files), ...`; nothing for no entries."""
    names = [f"{name} ({count:,} {'file' if count == 1 else 'files'})" for name, count in entries.items()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; {what}: {visible(', '.join(names[:_SHOWN]))}{more}" if names else ""


def _by_split(reviews: Mapping[str, int]) -> str:
    """`train 12,500 pos 12,500 neg, test ...`; a data set without splits has just its classes."""
    splits: dict[str, list[str]] = {}
    for folder, count in sorted(reviews.items(), reverse=True):  # train before test, pos before neg
        path = Path(folder)
        splits.setdefault(path.parent.as_posix(), []).append(f"{count:,} {path.name}")
    return ", ".join(
        " ".join([*([] if split == "." else [split]), *classes]) for split, classes in splits.items()
    )


def _short(path: Path) -> str:
    """The path relative to the current folder if it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
