"""Reads a terminal key by key, in plain ANSI, and restores it however the command ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import unicodedata
from collections.abc import Iterator
from types import FrameType
from typing import Any

from bertsent.base.display import visible
from bertsent.base.errors import UsageError

_SEQUENCES = {  # what follows ESC [ or ESC O
    **{"A": "up", "B": "down", "C": "right", "D": "left", "5~": "pageup", "6~": "pagedown", "3~": "delete"},
    **{"H": "home", "1~": "home", "7~": "home", "F": "end", "4~": "end", "8~": "end", "200~": "paste"},
}
_SINGLE = {
    **{"\r": "enter", "\n": "enter", "\x7f": "backspace", "\b": "backspace", " ": "space", "\t": "tab"},
    **{"\x04": "eof", "\x0c": "redraw", "\x1b": "escape"},
}
NAMES = {*_SEQUENCES.values(), *_SINGLE.values()} - {"paste", "eof", "redraw", "escape"}
_PASTE_END = b"\x1b[201~"
_LATER = 0.05  # seconds within which the rest of an escape sequence arrives, even over SSH
_WHOLE_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # to the other screen, cursor hidden; and back
_PASTES = "\x1b[?2004h", "\x1b[?2004l"  # marks pastes, so that their letters are not taken for keys


class Terminal:
    """Reads keys from stdin and writes text to a file descriptor, both of a terminal.

    Args:
        output: Where to write. Not descriptor 2 itself: that is redirected while native code loads.
        whole_screen: Draw on the terminal's other screen, so that the shell's comes back at the end.
    """

    def __init__(self, output: int, *, whole_screen: bool) -> None:
        self._input = sys.stdin.fileno()
        self._output = output
        self._bytes = b""
        self._before: list[Any] = []
        plain = os.environ.get("TERM", "dumb") == "dumb"
        self.ansi = not plain
        self.colours = not plain and not os.environ.get("NO_COLOR")
        enter, leave = _WHOLE_SCREEN if whole_screen else ("", "")
        self._enter, self._leave = ("", "") if plain else (_PASTES[0] + enter, leave + _PASTES[1])
        self.pasted = ""

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._input)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._handlers = {
            number: signal.signal(number, handler)
            for number, handler in ((signal.SIGWINCH, self._on_resize), (signal.SIGTSTP, self._on_suspend))
        }
        self._set_mode()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._restore_mode()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _set_mode(self) -> None:
        mode = [*self._before]
        mode[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C and Ctrl-Z stay signals
        mode[6] = [*mode[6]]
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        mode[6][termios.VQUIT] = b"\0"  # Ctrl-\ would end the process and not restore the terminal
        termios.tcsetattr(self._input, termios.TCSADRAIN, mode)
        self.write(self._enter)

    def _restore_mode(self) -> None:
        with contextlib.suppress(OSError):  # the terminal may be closed
            self.write(self._leave)
        with contextlib.suppress(termios.error):
            # Keys that came too late must not reach the shell.
            termios.tcsetattr(self._input, termios.TCSAFLUSH, self._before)

    def _on_resize(self, number: int, frame: FrameType | None) -> None:
        self._wake()

    def _on_suspend(self, number: int, frame: FrameType | None) -> None:
        self._restore_mode()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # continues below after the shell's fg
        signal.signal(signal.SIGTSTP, self._on_suspend)
        self._set_mode()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"r")

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, lines = os.get_terminal_size(self._output)
        except OSError:
            columns, lines = 0, 0
        return columns or 80, lines or 24

    def write(self, text: str) -> None:
        """Writes text at once; what comes from outside must have passed `visible`."""
        rest = text.encode("utf-8", "replace")
        while rest:
            rest = rest[os.write(self._output, rest) :]

    def key(self, timeout: float | None = None) -> str:
        """The next key: the character itself or one of `NAMES`.

        Or "paste" (its text is in `pasted`), "redraw" after a resize, "eof" at the end of the input, and
        "" for an unknown sequence or if no key comes within `timeout` seconds.
        """
        if not self._bytes:
            ready, _, _ = select.select([self._input, self._wake_read], [], [], timeout)
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
                return "redraw"
            if not ready:
                return ""
            if not self._read():
                return "eof"
        if self._bytes[:1] == b"\x1b":
            return self._sequence()
        return self._character()

    def pending(self, seconds: float = _LATER) -> bool:
        """Whether more input is there or comes within `seconds`, which is faster than anyone types."""
        return bool(self._bytes) or bool(select.select([self._input], [], [], seconds)[0])

    def _read(self) -> bool:
        read = os.read(self._input, 4096)
        self._bytes += read
        return bool(read)

    def _character(self) -> str:
        first = self._bytes[0]
        length = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        while len(self._bytes) < length and self._read_soon():
            pass
        raw, self._bytes = self._bytes[:length], self._bytes[length:]
        character = raw.decode("utf-8", "ignore")
        if character in _SINGLE:
            return _SINGLE[character]
        # Drop only control characters: a no-break space or a joiner is part of the text.
        return "" if unicodedata.category(character or "\0") == "Cc" else character

    def _read_soon(self) -> bool:
        """Reads what comes within `_LATER`; False if nothing does."""
        return bool(select.select([self._input], [], [], _LATER)[0]) and self._read()

    def _sequence(self) -> str:
        if len(self._bytes) == 1 and not self._read_soon():
            self._bytes = b""
            return "escape"
        if self._bytes[1:2] not in {b"[", b"O"}:
            self._bytes = self._bytes[2:]  # Alt and a key
            return ""
        end = 2
        while True:
            if end == len(self._bytes) and not self._read_soon():
                break
            if 0x40 <= self._bytes[end] <= 0x7E:
                break
            end += 1
        body, self._bytes = self._bytes[2 : end + 1].decode("ascii", "replace"), self._bytes[end + 1 :]
        name = _SEQUENCES.get(body, "")
        if name == "paste":
            self._read_paste()
        return name

    def _read_paste(self) -> None:
        while _PASTE_END not in self._bytes and self._read():
            pass
        raw, _, self._bytes = self._bytes.partition(_PASTE_END)
        self.pasted = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


@contextlib.contextmanager
def open_terminal(*, to_stderr: bool, whole_screen: bool) -> Iterator[Terminal]:
    """Opens the terminal for the block. Each key counts at once, without Enter.

    Args:
        to_stderr: Draw on stderr, because stdout is for data.
        whole_screen: As `Terminal`.

    Raises:
        UsageError: if there is no terminal on stdin, or none to draw on.
    """
    stream = sys.stderr if to_stderr or not sys.stdout.isatty() else sys.stdout
    if not (sys.stdin.isatty() and stream.isatty()):
        raise UsageError(
            "Labelling by keys needs a terminal.",
            hint="bertsent label < FILE records lines label<TAB>text",
        )
    stream.flush()
    output = os.dup(stream.fileno())
    try:
        with Terminal(output, whole_screen=whole_screen) as terminal:
            yield terminal
    finally:
        os.close(output)


def parse_keys(text: str, defaults: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Key -> action, from `action=key/key,action=key` and the defaults of the actions not named.

    Raises:
        UsageError: if an action or a key is unknown, or a key has two actions.
    """
    actions = dict(defaults)
    for part in filter(None, text.replace(" ", "").split(",")):
        name, _, keys = part.partition("=")
        listed = tuple(key if key in NAMES else key.lower() for key in keys.split("/"))
        if name not in defaults or not all(key in NAMES or _is_character(key) for key in listed):
            raise UsageError(
                f"--keys takes ACTION=KEY/KEY,... with the actions {', '.join(defaults)} and as keys "
                f"characters or {', '.join(sorted(NAMES))}.",
                received=visible(part)[:60],
                hint="--keys positive=j/right,negative=f/left",
            )
        actions[name] = listed
    bound: dict[str, str] = {}
    for name, listed in actions.items():
        for key in listed:
            if bound.setdefault(key, name) != name:
                raise UsageError(
                    f"--keys gives {visible(key)} to two actions.", received=f"{bound[key]} and {name}"
                )
    return bound


def _is_character(key: str) -> bool:
    return len(key) == 1 and key.isprintable() and not key.isspace()
