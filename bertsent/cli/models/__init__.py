"""`bertsent models`: one file a command, gathered in `group`.

`show` and `why` share a file, as do `approve` and `reject`.
"""
