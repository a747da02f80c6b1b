"""Runs bertsent in a pseudo-terminal: sends keys to it and reads its screen."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.cells import cell_len

from support.command import COMMAND

_PATIENCE = 60.0  # seconds; the machine may be busy
_QUIET = 0.05  # seconds without a byte: the frame is whole
_CODE = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\x1b[=>]")


class Screen:
    """So much of a terminal as bertsent needs: the cursor moves, erases and the other screen."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[list[str]] = [[]]
        self.at = [0, 0]

    def feed(self, text: str) -> None:
        place = 0
        while place < len(text):
            code = _CODE.match(text, place)
            if code:
                self._obey(code[0])
                place = code.end()
            else:
                self._put(text[place])
                place += 1

    def _put(self, character: str) -> None:
        if character == "\n":
            self.at[0] += 1
        elif character == "\r":
            self.at[1] = 0
        elif character == "\b":
            self.at[1] = max(self.at[1] - 1, 0)
        else:
            row = self._row()
            row += [" "] * (self.at[1] - len(row))
            before = "".join(row[: self.at[1]])
            taken = cell_len(before + character) - cell_len(before)
            if not cell_len(character) and before:  # changes the character before it, perhaps to a wider one
                at = max(place for place in range(self.at[1]) if row[place])
                row[at] += character
                row[self.at[1] : self.at[1] + taken] = [""] * taken
            else:
                row[self.at[1] : self.at[1] + taken] = [character, *[""] * (taken - 1)]
            self.at[1] += taken

    def _row(self) -> list[str]:
        while len(self.rows) <= self.at[0]:
            self.rows.append([])
        return self.rows[self.at[0]]

    def _obey(self, code: str) -> None:
        kind, body = code[-1], code[2:-1]
        if kind == "H":
            self.at = [0, 0]
        elif kind == "K":
            del self._row()[self.at[1] :]
        elif kind == "J":
            del self._row()[self.at[1] :]
            del self.rows[self.at[0] + 1 :]
        elif kind == "A":
            self.at[0] -= 1
        elif kind == "G":
            self.at[1] = int(body) - 1
        elif code == "\x1b[?1049l":
            self.rows, self.at = [[]], [0, 0]

    def __str__(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.rows)


class Person:
    """Sits at a terminal of `columns` by `lines` on which `bertsent ARGUMENTS` runs."""

    def __init__(
        self,
        *arguments: object,
        columns: int = 80,
        lines: int = 24,
        term: str = "xterm-256color",
        **more: Any,
    ) -> None:
        self._near, far = os.openpty()
        self.resize(columns, lines, tell=False)
        self.before = termios.tcgetattr(self._near)
        self.screen = Screen(columns, lines)
        self.raw = b""
        self._rest = b""
        environment = os.environ | {"TERM": term} | more.pop("env", {})
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            **{"stdin": far, "stdout": far, "stderr": far} | more,
            env=environment,
            preexec_fn=_own_terminal,
        )
        os.close(far)

    def __enter__(self) -> Person:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._near)

    def press(self, keys: str, *wanted: str, not_: str = "") -> str:
        """Presses keys one after the other, then waits as `see` does for what they bring."""
        os.write(self._near, keys.encode())
        return self.see(*wanted, not_=not_) if wanted or not_ else str(self.screen)

    def see(self, *wanted: str, not_: str = "") -> str:
        """Waits until the screen shows all that is wanted (and no more `not_`); returns the screen."""
        until = time.monotonic() + _PATIENCE
        while select.select([self._near], [], [], 0)[0] and self._read():
            pass
        while not self._shows(wanted, not_):
            if time.monotonic() > until or not self._read():
                raise AssertionError(f"no {wanted} without {not_!r} on the screen:\n{self.screen}")
        while select.select([self._near], [], [], _QUIET)[0] and self._read():
            pass  # the rest of the frame
        return str(self.screen)

    def clear(self) -> None:
        """Forgets what stands on the screen, so that `see` waits for something new."""
        self.screen.rows, self.screen.at = [[]], [0, 0]

    def end(self) -> int:
        """Waits until the command has ended; returns its exit status."""
        until = time.monotonic() + _PATIENCE
        while self._read():
            if time.monotonic() > until:
                raise AssertionError(f"goes on:\n{self.screen}")
        return self.process.wait(timeout=_PATIENCE)

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        """Gives the terminal another size."""
        fcntl.ioctl(self._near, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    @property
    def mode(self) -> list[Any]:
        """The terminal's attributes now."""
        return termios.tcgetattr(self._near)

    def _shows(self, wanted: tuple[str, ...], not_: str) -> bool:
        shown = " ".join(str(self.screen).split())
        return all(each in shown for each in wanted) and not (not_ and not_ in shown)

    def _read(self) -> bool:
        if not select.select([self._near], [], [], 1.0)[0]:
            return self.process.poll() is None
        try:
            read = os.read(self._near, 65536)
        except OSError:  # Linux says EIO when the child has closed its side
            return False
        self.raw += read
        self._rest += read
        text = self._rest.decode("utf-8", "ignore") if not _torn(self._rest) else ""
        if text:
            self._rest = b""
            self.screen.feed(text)
        return bool(read)


def _torn(raw: bytes) -> bool:
    """Whether an escape sequence or a character is cut at the end."""
    if re.search(rb"\x1b(\[[?0-9;]*)?$", raw):
        return True
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(raw)
    return False


def _own_terminal() -> None:
    """Makes the terminal the child's own, so that Ctrl-C reaches it as a signal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def table(folder: Path, texts: list[str]) -> Path:
    """A pool of text lines."""
    path = folder / "pool.txt"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path
