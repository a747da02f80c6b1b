"""The command line: one file a command.

A command declares its options, calls the core and renders the record it returns. It imports the core in
its body, so that `--help` and completion load none of NumPy, LiteRT or TensorFlow; and its own file is
imported when it is asked for, so that a command does not wait for the others.
"""

from bertsent.cli._app import app, main

__all__ = ["app", "main"]
