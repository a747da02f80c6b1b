"""Exports a version to a folder for other runtimes. It is compared with our scorer before it appears.

Every export holds the model, `export.json` (its input, its output, how a text becomes ids) and a README.
Exports for LiteRT and ONNX take token ids, so they also hold the vocabulary and `score.py`, which does not
need bertsent. The SavedModel takes texts; `bertsent.tf.saved_model` makes it.
"""
