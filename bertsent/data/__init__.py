"""Reading and writing reviews: folders, tables, splits, downloads."""
