"""The model card of a version: model/<n>/README.md, written by the program from the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from bertsent.records import Epoch
from bertsent.store import CLASSIFIER, HISTORY, PLOT, REFERENCE, VOCABULARY, WEIGHTS, Manifest

_TEMPLATE = """\
# bertsent sentiment classifier

Says whether an English review is positive or negative. Made by `bertsent train` on {{ manifest.created }};
every number below stands in `manifest.json` too. Which version it is says the name of its folder.

| | |
|---|---|
| encoder | `{{ manifest.encoder.name }}` ({{ manifest.encoder.handle }}) |
| input | {{ manifest.seq_length }} word pieces, window {{ manifest.window }} |
| trained with | {{ s.optimizer }}, initial rate {{ s.init_lr }}, batch {{ s.batch_size }}, \
{{ s.epochs }} epoch{{ "" if s.epochs == 1 else "s" }}, seed {{ s.seed }} |
| published epoch | {{ best_epoch }}, the lowest validation loss |
| made with | {% for name, version in manifest.libraries.items() %}{{ name }} {{ version }}\
{{ "" if loop.last else ", " }}{% endfor %} |

## How good it is

Measured with the int8 LiteRT file that scores, at threshold 0.5.

| split | reviews | accuracy | precision | recall | F1 | ROC AUC | log loss |
|---|---|---|---|---|---|---|---|
{% for name, m in manifest.metrics.items() -%}
| {{ name }} | {{ m.n }} | {{ m.accuracy | figure }} | {{ m.precision | figure }} | {{ m.recall | figure }} \
| {{ m.f1 | figure }} | {{ m.roc_auc | figure }} | {{ m.log_loss | figure }} |
{% endfor %}
The trained classifier itself reaches {{ manifest.metrics.test.classifier_accuracy | figure }} on the \
{{ "test" if manifest.metrics.test.n else "validation" }}
rows; the LiteRT file gives the same label on \
{{ (100 * manifest.metrics.test.litert_agreement) | round(2) }} % of them.

| epoch | loss | accuracy | validation loss | validation accuracy | minutes |
|---|---|---|---|---|---|
{% for e in epochs -%}
| {{ e.epoch }} | {{ e.loss | figure }} | {{ e.accuracy | figure }} | {{ e.validation_loss | figure }} \
| {{ e.validation_accuracy | figure }} | {{ (e.seconds / 60) | round(1) }} |
{% endfor %}
![loss and accuracy by epoch]({{ plot }})

## What it was trained on

| split | reviews | positive | sha256 over text digests and labels |
|---|---|---|---|
{% for name, d in manifest.data.items() -%}
| {{ name }} | {{ d.n }} | {{ d.positive }} | `{{ d.digest }}` |
{% endfor %}
Each text stands in one split only. No text of the data is part of this folder: `{{ reference }}` holds
word-piece counts, labels and lengths for drift.

## Limits

A review longer than the window is cut: what lies between its parts is not seen. Scores are not
calibrated. It knows two answers; a text that is no review gets one of them too.

## Files

`{{ classifier }}` scores (token ids to probability), `{{ vocabulary }}` cuts texts into word pieces,
`{{ weights }}` (fp16, where present) is what training and export go on from, `{{ history }}` has the epochs.
"""


def render(manifest: Manifest, *, epochs: Sequence[Epoch], best_epoch: int) -> str:
    """The card as Markdown."""
    import jinja2

    environment = jinja2.Environment(  # Markdown of our own numbers: nothing here comes from outside
        autoescape=False, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["figure"] = lambda value: "-" if value is None else f"{value:.4f}"
    return environment.from_string(_TEMPLATE).render(
        manifest=manifest,
        s=manifest.settings,
        epochs=epochs,
        best_epoch=best_epoch,
        classifier=CLASSIFIER,
        vocabulary=VOCABULARY,
        weights=WEIGHTS,
        history=HISTORY,
        reference=REFERENCE,
        plot=PLOT,
    )
