"""bertsent: sentiment classification with a BERT encoder, from the command line."""

__version__ = "0.4.0"
