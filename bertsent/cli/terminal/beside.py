"""A terminal, and a thread that prepares while the person reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bertsent.cli.terminal.keys import Terminal, open_terminal


@contextmanager
def terminal_beside(
    thread_runs: Callable[[threading.Event], None], *, to_stderr: bool, whole_screen: bool
) -> Iterator[Terminal]:
    """Opens the terminal for the block, and runs `thread_runs` in a thread that stops at the end.

    Args:
        thread_runs: Given the event that tells it to stop.
        to_stderr, whole_screen: As `keys.open_terminal`.
    """
    stop = threading.Event()
    thread = threading.Thread(target=thread_runs, args=(stop,), daemon=True)
    try:
        with open_terminal(to_stderr=to_stderr, whole_screen=whole_screen) as terminal:
            thread.start()
            yield terminal
    finally:  # the terminal is restored by now
        stop.set()
        if thread.ident is not None:
            thread.join()
