"""stdin as a pipe."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Says "waiting", then gets a signal that does not interrupt the system call it waits in, as when the signal
# came just before that call.
WAITING = """
import _thread, signal, sys, threading, time
from bertsent.cli._stdin import stdin_pipe

signal.signal({number}, signal.default_int_handler)
pipe = stdin_pipe()
print(pipe.readline().decode(), flush=True)
threading.Thread(target=lambda: (time.sleep(0.2), _thread.interrupt_main({number})), daemon=True).start()
try:
    pipe.readline()
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_just_before_the_wait_for_a_line_ends_it(number: int) -> None:
    words = [sys.executable, "-c", WAITING.format(number=number)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"one\n"
        assert process.wait(timeout=30) == 7
