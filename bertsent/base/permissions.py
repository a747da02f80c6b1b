"""Who may read and write the files that bertsent makes, and what helps where it may not write."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from bertsent.base.display import visible

ANYBODY = 0o666  # the mode of a new file, less what the umask takes away


def umask() -> int:
    """The umask of this process. It can only be read by a change, here to one that lets nobody else in."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def keep(path: Path, handle: int) -> None:
    """Gives an open file the mode of the regular file at `path` that it will replace, if there is one."""
    try:
        replaced = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(replaced):
        os.fchmod(handle, stat.S_IMODE(replaced) & ANYBODY)


def hint(path: Path) -> str:
    """What helps where `path` may not be written: its owner is named if that is somebody else."""
    from bertsent.base.settings.download import CACHE, may_be_in_cache
    from bertsent.base.settings.workspace import HOME

    place = path
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    another = f"choose a folder you own, for example through {CACHE if may_be_in_cache(path) else HOME}"
    try:
        owner = place.lstat().st_uid
    except OSError:
        return another
    if owner == os.geteuid() or not os.access(place.parent, os.W_OK):
        return another  # no file that a run of somebody else left in one's own folder
    name = "root" if owner == 0 else f"user {owner}"
    whose = visible(shlex.quote(str(place)))
    return f"it belongs to {name}: sudo chown -R {os.geteuid()} {whose}"
