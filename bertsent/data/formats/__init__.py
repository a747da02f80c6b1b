"""One module for each format of a table: its columns and its rows."""
