"""Pages to read in a browser, and their plots."""
