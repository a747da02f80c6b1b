"""The command line: one file a command.

A command declares its options, calls the core and renders the record it returns. It imports the core in
its body, so that `--help` and completion do not load NumPy, LiteRT or TensorFlow. A command's own file is
imported when the command is called, so that no command waits for the others.
"""

from bertsent.cli._app import app, main

__all__ = ["app", "main"]
