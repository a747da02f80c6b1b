"""Text in, score out: tokens, LiteRT, and how good the scores are."""
