"""What label shows in a terminal: keys, screens, dialogues."""
