"""The errors bertsent raises on purpose, and the exit code each one ends a command with.

    BertsentError          1   the operation failed
    ├── MissingExtraError  1   a package of an optional extra is not installed
    ├── TrainingError      1   training diverged, or its checkpoint cannot be used
    ├── UsageError         2   an option or argument cannot be what it is
    ├── NetworkError       5   a server could not be reached, refused, or broke off
    ├── ArtefactError      6   a file from outside is corrupt, foreign or unsafe
    ├── DataError          7   the reviews cannot be used as they are
    ├── StorageError      74   the disk is full, read-only or failing
    ├── BusyError         75   another run holds the lock
    └── Interrupted  130/143   SIGINT or SIGTERM asked the run to stop

The core raises these and never prints or exits; `bertsent.cli` catches `BertsentError` in one place,
prints `str(error)` as one line on stderr and exits with `error.exit_code`.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; README's table is generated from `EXIT_CODES`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DRIFT = 3
    CANNOT_TELL = 4
    NETWORK = 5
    ARTEFACT = 6
    DATA = 7
    STORAGE = 74
    BUSY = 75
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.DONE: "done (stable, or drift handled and a better model published)",
    ExitCode.FAILED: "the operation failed",
    ExitCode.USAGE: "an option or argument was wrong",
    ExitCode.DRIFT: "a drift is open (only reported, rolled back, waiting), or a challenger was rejected",
    ExitCode.CANNOT_TELL: "cannot tell yet (too few new reviews)",
    ExitCode.NETWORK: "network: no connection, refused, or broken off",
    ExitCode.ARTEFACT: "a corrupt, foreign or unsafe file (archive, encoder, version)",
    ExitCode.DATA: "the reviews cannot be used (missing class, wrong encoding, bad row)",
    ExitCode.STORAGE: "the disk is full, read-only or failing",
    ExitCode.BUSY: "another run holds the lock",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C (SIGINT)",
    ExitCode.TERMINATED: "terminated (SIGTERM)",
}


class BertsentError(Exception):
    """Base of every error bertsent raises on purpose.

    Args:
        message: The fact and what was expected, as a sentence with its full stop.
        received: What was found instead, quoted in the message.
        hint: The remedy, a command the user can run where there is one.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, received: object = None, hint: str = "") -> None:
        self.message = message
        self.received = received
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        parts = [self.message]
        if self.received is not None:
            parts.append(f"Received: {str(self.received).removesuffix('.')}.")
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        return " ".join(parts)


class MissingExtraError(BertsentError):
    """A command needs a package that only an optional extra installs, for example TensorFlow."""


class TrainingError(BertsentError):
    """Training cannot give a usable model: non-finite loss, or a checkpoint of another run."""


class UsageError(BertsentError):
    """An option or argument has a value the command cannot take."""

    exit_code = ExitCode.USAGE


class NetworkError(BertsentError):
    """A server could not be reached, refused, or broke off for good after the retries."""

    exit_code = ExitCode.NETWORK


class ArtefactError(BertsentError):
    """An archive, encoder or version is corrupt, foreign or unsafe."""

    exit_code = ExitCode.ARTEFACT


class DataError(BertsentError):
    """The reviews cannot be used as they are: missing class, wrong encoding, bad row."""

    exit_code = ExitCode.DATA


class StorageError(BertsentError):
    """The disk is full, read-only or failing; what was there before is still there."""

    exit_code = ExitCode.STORAGE


class BusyError(BertsentError):
    """Another run holds the lock of this workspace."""

    exit_code = ExitCode.BUSY


class Interrupted(BertsentError):
    """SIGINT or SIGTERM asked the run to stop; what was complete by then is kept."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, message: str, *, terminated: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        if terminated:
            self.exit_code = ExitCode.TERMINATED
