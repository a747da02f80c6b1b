"""`bertsent models`: one file a command (`show` and `why` share one), gathered in `group`."""
