"""Writes predictions beside the rows they were made for, in one module for each format."""
