"""`python -m bertsent`: the `bertsent` script, for whoever has to name the Python it runs with."""

from bertsent.cli import main

main()
