"""Every default of bertsent, declared once, with its reason beside it.

The command line shows these values in `--help` and passes changed ones back as a new record; no other
module repeats them. All records are frozen; a value that cannot be used raises `UsageError` when the
record is made.
"""
