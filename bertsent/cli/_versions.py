"""How commands find a version; they say what in `model/` looks like a version and is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertsent.base.display import visible
from bertsent.base.settings.workspace import Workspace
from bertsent.cli._render import note

if TYPE_CHECKING:
    from bertsent.versions.manifest import Version


def find_version(model: str | None, *, option: str = "--model", tell: bool = True) -> Version:
    """The version that an option names, or the current one of the workspace.

    Args:
        model, option: As `store.find` takes them.
        tell: Say on stderr what in `model/` looks like a version and is none.

    Raises:
        UsageError, ArtefactError: as `store.find`.
    """
    from bertsent.versions import store

    version = store.find(model, folder=Workspace.current().model, option=option)
    if tell:
        note_strays()
    return version


def note_strays(*, alone: bool = False) -> None:
    """Says on stderr what in `model/` looks like a version and is none.

    Args:
        alone: Also where there is no version beside it, which `store.find` refuses with the same words.

    Raises:
        ArtefactError: if `model/` cannot be read.
    """
    from bertsent.versions.manifest import version_numbers
    from bertsent.versions.strays import find_strays, told

    folder = Workspace.current().model
    strays = find_strays(folder)
    if strays and (alone or version_numbers(folder)):
        note(f"Passed over in {visible(str(folder))}: {told(strays)}. Copy it again, or remove it.")
