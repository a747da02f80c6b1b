"""Shows what an encoder does with one text before any training, and the structure of the classifier."""

from __future__ import annotations

from bertsent.base.records.core import Progress, silent
from bertsent.base.records.training import Preview
from bertsent.base.settings.training import TrainSettings
from bertsent.base.text import CLEANING, tokenizable
from bertsent.scoring.tokenizer import pack, window
from bertsent.tf import tf_keras
from bertsent.tf.classifier import build, parameters, structure
from bertsent.tf.encoder import inputs, load


def preview(text: str, settings: TrainSettings, *, progress: Progress = silent) -> Preview:
    """Runs one text through the preprocessor, the encoder and an untrained head.

    Args:
        text: Any text.
        settings: Encoder, preprocessor, sequence length, window and seed.
        progress: Told what is being loaded.

    Raises:
        UsageError, NetworkError, ArtefactError: as `encoder.load`.
    """
    tf_keras.utils.set_random_seed(settings.seed)
    progress.start(f"Loading {settings.encoder}", None)
    encoder = load(
        settings.encoder,
        preprocessor=settings.preprocessor,
        seq_length=settings.seq_length,
        progress=progress,
    )
    pieces = encoder.tokenizer.encode([tokenizable(text, CLEANING)])[0]
    seen = window(pieces, seq_length=settings.seq_length, kind=settings.window)
    ids = pack([seen], tokenizer=encoder.tokenizer, width=settings.seq_length)
    fed = inputs(ids)
    outputs = encoder.hub(fed, training=False)
    sequence = outputs.get("sequence_output")
    classifier = build(encoder, dropout=settings.dropout, seed=settings.seed)
    logit = classifier(ids, training=False)
    progress.finish()
    return Preview(
        encoder=encoder.source.name,
        handle=encoder.source.handle,
        text=text,
        word_pieces=tuple(encoder.tokenizer.pieces(ids[0])),
        input_word_ids=tuple(fed["input_word_ids"][0].numpy().tolist()),
        input_mask=tuple(fed["input_mask"][0].numpy().tolist()),
        input_type_ids=tuple(fed["input_type_ids"][0].numpy().tolist()),
        tokens=len(pieces),
        truncated=len(seen) < len(pieces),
        pooled_output=tuple(outputs["pooled_output"][0].numpy().tolist()),
        sequence_shape=() if sequence is None else tuple(sequence.shape),
        untrained_score=float(tf_keras.activations.sigmoid(logit)[0, 0]),
        parameters=parameters(classifier.variables),
        trainable_parameters=parameters(classifier.trainable_variables),
        structure=structure(encoder, classifier, seq_length=settings.seq_length),
    )
