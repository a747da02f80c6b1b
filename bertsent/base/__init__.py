"""What every room stands on: errors, files, text, settings and records."""
