"""A version -> a folder that other runtimes score with, compared with our scorer before it appears.

Every export holds the model, `export.json` (what goes in, what comes out, how a text becomes ids) and a
README; LiteRT and ONNX, which take token ids, also the vocabulary and `score.py`, which needs no bertsent.
The SavedModel takes texts and is made in `bertsent.tf.saved_model`.
"""
