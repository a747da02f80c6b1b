"""The model card of a version, model/<n>/README.md, made from its manifest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bertsent.base.records.training import Epoch
from bertsent.base.settings.evaluation import CalibrationSettings, EvaluateSettings
from bertsent.base.version_names import spoken, spoken_champion
from bertsent.versions import manifest as files
from bertsent.versions.manifest import Manifest

_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "ece")
_TEMPLATE = """\
# bertsent sentiment classifier

Says whether an English review is positive or negative. \
Made by `bertsent {{ "retrain" if "gate" in lineage else "train" }}` on {{ manifest.created }};
every number below is in `manifest.json` too. The folder name is the version number.

| | |
|---|---|
| encoder | `{{ manifest.encoder.name }}` ({{ manifest.encoder.handle }}) |
| input | {{ manifest.seq_length }} word pieces, window {{ manifest.window }} |
| trained with | {{ s.optimizer }}, initial rate {{ s.init_lr }}, batch {{ s.batch_size }}, \
{{ s.epochs }} epoch{{ "" if s.epochs == 1 else "s" }}, seed {{ s.seed }} |
| published epoch | {{ best_epoch }}, the {{ "last" if step or folds else "lowest validation loss" }} |
{% if step -%}
| weights | those of that epoch (share {{ step }}), averaged with those \
{{ "of " ~ lineage.champion | champion if "champion" in lineage else "training started from" }} |
{% endif -%}
{% if "gate" in lineage -%}
| started from | the {{ lineage.start }} ({{ lineage.champion | champion }} was current) |
{% else -%}
| repeat with | `bertsent train --config {{ files.CONFIG }}`\
{{ ", --unlabelled" if taught else "" }}\
{{ " and --teacher" if taught | selectattr("version") | list else "" }}\
{{ ", --warm-start" if "warm_start" in manifest.encoder else "" }} |
{% endif -%}
| made with | {% for name, version in manifest.libraries.items() %}{{ name }} {{ version }}\
{{ "" if loop.last else ", " }}{% endfor %} |

## How good it is

Measured with the int8 LiteRT file that scores, at threshold 0.5; below each metric is its 95 % interval.

| split | reviews | accuracy | precision | recall | F1 | ROC AUC | log loss | ECE |
|---|---|---|---|---|---|---|---|---|
{% for name, m in rows -%}
| {{ name }} | {{ m.n }} \
{% for key in metrics %}| {{ m[key] | number }}{{ m["intervals"][key] | interval }} {% endfor %}|
{% endfor %}
{% if "cross_validation" in manifest.metrics -%}
`cross_validation`: the {{ manifest.metrics.cross_validation.n }} train reviews, too few to keep some aside, \
in {{ folds }} folds. Each was scored by a classifier that had not seen it, \
trained like this one on the other folds.
{% if "warm_start" in manifest.metrics -%}
`warm_start`: the same reviews, scored by the version that training started from, which had not seen them.
{% endif %}
{% endif -%}
ECE is the expected calibration error: the mean distance of confidence from accuracy.
{% if manifest.calibration.get("rows", 0) -%}
Scores were calibrated on {{ manifest.calibration.rows }} validation rows{{ kept }} (temperature \
{{ manifest.calibration.temperature | number }}, bias {{ manifest.calibration.bias | number }}\
{% if "short" in manifest.calibration -%}
; of texts up to {{ manifest.calibration.short.tokens }} tokens
{{ manifest.calibration.short.temperature | number }} and {{ manifest.calibration.short.bias | number }}, \
gradually up to {{ manifest.calibration.short.long }}\
{% endif -%}
);
between {{ manifest.calibration.unsure[0] | number }} and {{ manifest.calibration.unsure[1] | number }} \
the accuracy is below {{ sure }} %, and `predict` says unsure.
{% else -%}
Scores are not calibrated: there were too few validation rows.
{% endif -%}
`bertsent evaluate PATH` gives the same metrics for other reviews.

The trained classifier has an accuracy of {{ manifest.metrics.test.classifier_accuracy | number }} on \
{{ manifest.metrics.test.compared }} of the \
{{ "test" if manifest.metrics.test.n else "stand_in" if "stand_in" in manifest.metrics \
else "train" if folds else "validation" }}
rows; the LiteRT file gives the same label on \
{{ (100 * manifest.metrics.test.litert_agreement) | round(2) }} % of them.

| epoch | loss | accuracy | validation loss | validation accuracy | minutes |
|---|---|---|---|---|---|
{% for e in epochs -%}
| {{ e.epoch }} | {{ e.loss | number }} | {{ e.accuracy | number }} | {{ e.validation_loss | number }} \
| {{ e.validation_accuracy | number }} | {{ (e.seconds / 60) | round(1) }} |
{% endfor %}
![loss and accuracy by epoch]({{ files.PLOT }})

{% if lineage -%}
## Why it is here

{% if "republished_from" in lineage -%}
It has the files of {{ lineage.republished_from | spoken }} and replaced {{ lineage.undone | spoken }}.
{% endif -%}
{% if "gate" in lineage -%}
Trained {{ "because of drift" if lineage.because.kind == "drift" else "on request" }}, on \
{{ lineage.labels.n }} labels; {{ lineage.reserved.n }} more were reserved. It was compared with \
{{ lineage.champion | champion }}
on the same rows: {{ lineage.gate.reason }}.
{% if "by_person" in lineage -%}
A person published it{{ " although the gate had rejected it" if lineage.by_person.against_gate }}.
{% endif -%}
{% endif %}
{% endif -%}
## What it was trained on

| split | reviews | positive | sha256 over text digests and labels |
|---|---|---|---|
{% for name, d in manifest.data.items() -%}
| {{ name }} | {{ d.n }} | {{ d.positive }} | `{{ d.digest }}` |
{% endfor %}
{% if "labels" in manifest.data and manifest.data.labels.get("stand_in") -%}
The data set was not there. {{ manifest.data.labels.beside }} rows of `{{ files.REFERENCE }}` of the version \
before, as bags of words, were used together
with the labels, and others as the rows `stand_in` above. The table tells what that version was trained on.
{% elif "labels" in manifest.data -%}
{{ manifest.data.labels.beside }} of the train reviews were used together with the labels; the version that
training started from, if any, was trained on all of them.
{% endif -%}
{% if taught | selectattr("column") | list -%}
Unlabelled reviews came with scores of another model, which were learnt as they are.
{% set softened = taught | selectattr("column") | sum(attribute="of_training") -%}
{% if softened -%}
{{ softened }} of the train reviews came with scores, too; these were learnt beside their labels.
{% endif -%}
{% endif -%}
{% if taught | selectattr("version") | list -%}
Unlabelled reviews have pseudo-labels: scores of another version and of a bag of bigrams.
{% endif -%}
Each text is in one split only. No text of the data is in this folder: `{{ files.REFERENCE }}` holds
word-piece counts, labels, lengths and digests for `drift`.

## Limits

A review longer than the window is cut: the classifier does not see the rest. Scores are calibrated
only for reviews like those it was trained on. A text that is not a review also gets a score.

How it takes negation, contrast, typos, emoji and the like is not measured by `train`. In a checkout of
bertsent, `python tests/bench/behaviour.py --model FOLDER` measures it for the version in any folder;
`docs/model-1.md` has the table of the version that comes with bertsent.

## Files

`{{ files.CLASSIFIER }}` scores (token ids to probability), `{{ files.VOCABULARY }}` has the word pieces,
`{{ files.WEIGHTS }}` (fp16, if present) is what training and export start from, `{{ files.HISTORY }}` has the
epochs, `{{ files.CONFIG }}` the settings.
"""


def render(manifest: Manifest, *, epochs: Sequence[Epoch], best_epoch: int) -> str:
    """The model card as Markdown."""
    import jinja2

    environment = jinja2.Environment(  # Markdown of our own numbers, nothing from outside
        autoescape=False, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["interval"] = lambda ends: (
        "" if ends is None or None in ends else f"<br>({ends[0]:.4f} to {ends[1]:.4f})"
    )
    environment.filters["number"] = lambda value: (
        "-" if value is None or math.isnan(value) else f"{value:.4f}"
    )
    environment.filters |= {"spoken": spoken, "champion": spoken_champion}
    # Only a retrain's warm start publishes its last epoch and interpolates weights (`tf.training`).
    warm = "warm_start" in manifest.encoder
    teacher = manifest.data.get("unlabelled", {}).get("teacher", {})
    # A rollback publishes older manifests again.
    taught = [
        {"version": 0, "column": "", **part} for part in teacher.get("several", [teacher] if teacher else [])
    ]
    return environment.from_string(_TEMPLATE).render(
        manifest=manifest,
        folds=manifest.settings.get("folds", 0),
        kept=" of the version that training started from" if manifest.calibration.get("kept") else "",
        step=manifest.data.get("labels", {}).get("step") if warm else None,
        lineage=manifest.lineage,
        s=manifest.settings,
        epochs=epochs,
        best_epoch=best_epoch,
        files=files,
        metrics=_METRICS,
        rows=[row for name, values in manifest.metrics.items() for row in _rows(name, values)],
        taught=taught,
        sure=round(100 * CalibrationSettings().sure),
    )


def _rows(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A split, and its short and long texts if the manifest tells of both."""
    yield name, values
    most = EvaluateSettings().most_short
    for kind, which in (("short", f"at most {most} word pieces"), ("long", "longer")):
        if kind in values:
            yield f"{name}: {which}", values[kind]
