"""Have the reviews changed since a version was trained? Pure: no files, no clock, no global random state."""
