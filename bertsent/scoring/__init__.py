"""Scores texts (tokenizer, LiteRT) and measures how good the scores are."""
