"""What every other package uses: errors, files, text, settings and records."""
