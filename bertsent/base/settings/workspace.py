"""The folder that one project lives in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bertsent.base.display import visible
from bertsent.base.errors import UsageError

HOME = "BERTSENT_HOME"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder one project lives in: `model/ data/ labels/ reports/ .bertsent/`."""

    root: Path

    @classmethod
    def current(cls) -> Workspace:
        """The folder named by `BERTSENT_HOME`, else the current one.

        Raises:
            UsageError: if what the variable names is not a folder, such as a disk that is not mounted:
                another folder would give the answers of another model. Or if the current folder was removed.
        """
        named = os.environ.get(HOME)
        if named:
            # 0.4.0 made a folder named ~ for an unexpanded one, so nobody has meant such a folder.
            if named.split("/", 1)[0] == "~" or not os.path.isdir(named):  # noqa: PTH112 - it never raises
                raise _no_folder(named)
            return cls(Path(named))
        try:
            return cls(Path.cwd())
        except FileNotFoundError as error:
            raise UsageError("The current folder was removed.", hint=f"cd, or set {HOME}") from error

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def labels(self) -> Path:
        """The log of human answers, and the folders `pos` and `neg` made from it."""
        return self.root / "labels"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def state(self) -> Path:
        """Locks, training checkpoints and the candidate; safe to delete between runs if none waits."""
        return self.root / ".bertsent"

    @property
    def challengers(self) -> Path:
        """The challenger that a retrain trains or judges, in a folder of its own; gone when it has ended."""
        return self.state / "challenger"

    @property
    def candidate(self) -> Path:
        """The candidate: a challenger that waits for a person's word, or that the gate rejected."""
        return self.state / "candidate"


def _no_folder(named: str) -> UsageError:
    """The error that says what is at the path that `BERTSENT_HOME` names, and what to do about it."""
    import shlex

    if named.startswith("~"):
        whole = os.path.expanduser(named)  # noqa: PTH111 - it never raises
        return UsageError(
            f"{HOME} names no folder: its ~ was not expanded.",
            received=visible(named)[:200],
            hint="cron, systemd and docker -e expand no ~: write the whole path"
            + (f", {HOME}={visible(shlex.quote(whole))}" if whole != named else ""),
        )
    if os.path.islink(named):  # noqa: PTH114
        fact, hint = "is a link that leads to no folder", f"ls -l {shlex.quote(named)}; is the disk mounted?"
    elif os.path.lexists(named):
        fact, hint = "is not a folder", f"set {HOME} to a folder"
    else:
        fact = "is not there"
        hint = f"is the disk mounted? For a new workspace: mkdir -p {shlex.quote(named)}"
    return UsageError(
        f"{HOME} must name a folder: this {fact}.", received=visible(named)[:200], hint=visible(hint)
    )
