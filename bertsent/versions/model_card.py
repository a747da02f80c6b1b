"""The model card of a version: model/<n>/README.md, written by the program from the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from bertsent.base.records.training import Epoch
from bertsent.base.settings.evaluation import CalibrationSettings
from bertsent.versions.manifest import (
    CLASSIFIER,
    CONFIG,
    HISTORY,
    PLOT,
    REFERENCE,
    VOCABULARY,
    WEIGHTS,
    Manifest,
)

_FIGURES = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "ece")
_TEMPLATE = """\
# bertsent sentiment classifier

Says whether an English review is positive or negative. \
Made by `bertsent {{ "retrain" if "gate" in lineage else "train" }}` on {{ manifest.created }};
every number below stands in `manifest.json` too. Which version it is says the name of its folder.

| | |
|---|---|
| encoder | `{{ manifest.encoder.name }}` ({{ manifest.encoder.handle }}) |
| input | {{ manifest.seq_length }} word pieces, window {{ manifest.window }} |
| trained with | {{ s.optimizer }}, initial rate {{ s.init_lr }}, batch {{ s.batch_size }}, \
{{ s.epochs }} epoch{{ "" if s.epochs == 1 else "s" }}, seed {{ s.seed }} |
| published epoch | {{ best_epoch }}, the {{ "last" if step else "lowest validation loss" }} |
{% if step -%}
| weights | that epoch's, averaged with those \
{{ "of version %d" % lineage.champion.version if "champion" in lineage else "it began with" }}: \
share {{ step }} |
{% endif -%}
{% if "gate" in lineage -%}
| began with | the {{ lineage.start }} (version {{ lineage.champion.version }} was current) |
{% else -%}
| repeat with | `bertsent train --config {{ config }}`\
{{ ", --unlabelled and --teacher" if "unlabelled" in manifest.data else "" }}\
{{ ", --warm-start" if "warm_start" in manifest.encoder else "" }} |
{% endif -%}
| made with | {% for name, version in manifest.libraries.items() %}{{ name }} {{ version }}\
{{ "" if loop.last else ", " }}{% endfor %} |

## How good it is

Measured with the int8 LiteRT file that scores, at threshold 0.5; below each figure its 95 % interval.

| split | reviews | accuracy | precision | recall | F1 | ROC AUC | log loss | ECE |
|---|---|---|---|---|---|---|---|---|
{% for name, m in manifest.metrics.items() -%}
| {{ name }} | {{ m.n }} \
{% for key in figures %}| {{ m[key] | figure }}{{ m["intervals"][key] | interval }} {% endfor %}|
{% endfor %}
ECE is the expected calibration error: how far the score of the answer lies from the share of right ones.
Scores were calibrated on {{ manifest.calibration.rows }} validation rows (temperature \
{{ manifest.calibration.temperature | figure }}, bias {{ manifest.calibration.bias | figure }});
between {{ manifest.calibration.unsure[0] | figure }} and {{ manifest.calibration.unsure[1] | figure }} \
fewer than {{ sure }} % of the answers are right, and `predict` says unsure.
`bertsent evaluate PATH` gives the same figures for other reviews.

The trained classifier itself reaches {{ manifest.metrics.test.classifier_accuracy | figure }} on \
{{ manifest.metrics.test.compared }} of the {{ "test" if manifest.metrics.test.n else "validation" }}
rows; the LiteRT file gives the same label on \
{{ (100 * manifest.metrics.test.litert_agreement) | round(2) }} % of them.

| epoch | loss | accuracy | validation loss | validation accuracy | minutes |
|---|---|---|---|---|---|
{% for e in epochs -%}
| {{ e.epoch }} | {{ e.loss | figure }} | {{ e.accuracy | figure }} | {{ e.validation_loss | figure }} \
| {{ e.validation_accuracy | figure }} | {{ (e.seconds / 60) | round(1) }} |
{% endfor %}
![loss and accuracy by epoch]({{ plot }})

{% if lineage -%}
## Why it is here

{% if "republished_from" in lineage -%}
It has the files of version {{ lineage.republished_from }}, and took the place of {{ lineage.undone }}.
{% endif -%}
{% if "gate" in lineage -%}
Trained {{ "because of drift" if lineage.because.kind == "drift" else "as somebody asked" }}, on \
{{ lineage.labels.n }} labels; {{ lineage.reserved.n }} more were reserved. It was compared with version \
{{ lineage.champion.version }}
on the same rows: {{ lineage.gate.reason }}.
{% endif %}
{% endif -%}
## What it was trained on

| split | reviews | positive | sha256 over text digests and labels |
|---|---|---|---|
{% for name, d in manifest.data.items() -%}
| {{ name }} | {{ d.n }} | {{ d.positive }} | `{{ d.digest }}` |
{% endfor %}
{% if "labels" in manifest.data -%}
Of the train reviews {{ manifest.data.labels.beside }} trained beside the labels; the version it began with,
if any, knew them all.
{% endif -%}
{% if "unlabelled" in manifest.data -%}
The labels of the unlabelled reviews are scores of another version and a bag of bigrams.
{% endif -%}
Each text stands in one split only. No text of the data is part of this folder: `{{ reference }}` holds
word-piece counts, labels, lengths and digests for drift.

## Limits

A review longer than the window is cut: what lies between its parts is not seen. Scores are calibrated
for reviews like those it was trained on, and for no others. A text that is no review gets a score too.

## Files

`{{ classifier }}` scores (token ids to probability), `{{ vocabulary }}` cuts texts into word pieces,
`{{ weights }}` (fp16, where present) is what training and export go on from, `{{ history }}` has the
epochs, `{{ config }}` the settings.
"""


def render(manifest: Manifest, *, epochs: Sequence[Epoch], best_epoch: int) -> str:
    """The card as Markdown."""
    import jinja2

    environment = jinja2.Environment(  # Markdown of our own numbers: nothing here comes from outside
        autoescape=False, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["interval"] = lambda ends: (
        "" if ends is None or None in ends else f"<br>({ends[0]:.4f} to {ends[1]:.4f})"
    )
    environment.filters["figure"] = lambda value: "-" if value is None else f"{value:.4f}"
    # Only a retrain's warm start keeps its last epoch and goes back a step (`tf.training`).
    warm = "warm_start" in manifest.encoder
    return environment.from_string(_TEMPLATE).render(
        manifest=manifest,
        step=manifest.data.get("labels", {}).get("step") if warm else None,
        lineage=manifest.lineage,
        s=manifest.settings,
        epochs=epochs,
        best_epoch=best_epoch,
        classifier=CLASSIFIER,
        vocabulary=VOCABULARY,
        weights=WEIGHTS,
        history=HISTORY,
        reference=REFERENCE,
        plot=PLOT,
        config=CONFIG,
        figures=_FIGURES,
        sure=round(100 * CalibrationSettings().sure),
    )
