"""Review files in and out: folders, tables, splits, downloads."""
