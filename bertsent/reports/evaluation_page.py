"""Self-contained HTML pages: no script, no address, one file that can be mailed.

What comes from outside (reviews, paths, the command line) is made visible and escaped; the only markup that
is not written in `bertsent/pages` are the pictures, drawn from our own numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.files import now, write_text
from bertsent.base.records.core import Prediction
from bertsent.base.records.metrics import Evaluation
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.reports import plots
from bertsent.reports.page import count, environment, folded, percent

FIGURES = (  # key, name for people, what it means
    ("accuracy", "accuracy", "share of the answers that are right"),
    ("precision", "precision", "share of the answers “positive” that are right"),
    ("recall", "recall", "share of the positive reviews that were found"),
    ("f1", "F1", "harmonic mean of precision and recall"),
    ("roc_auc", "ROC AUC", "how often a positive review scores above a negative one"),
    ("log_loss", "log loss", "0 is perfect; always saying 0.5 gives 0.69"),
    ("ece", "ECE", "how far confidence and accuracy lie apart on average"),
)


def write_evaluation(evaluation: Evaluation, path: Path, *, source: Path, command: str) -> None:
    """Writes the page of an evaluation, whole or not at all.

    Args:
        path: The HTML file, replaced if it exists.
        source: Where the reviews came from.
        command: The command line that led here.

    Raises:
        StorageError: if the disk does not take the file.
    """
    page = evaluation_page(evaluation, source=str(source), command=command, made=now())
    write_text(path, page)


def evaluation_page(evaluation: Evaluation, *, source: str, command: str, made: str) -> str:
    """The HTML page of an evaluation: verdict, figures, pictures, and the errors to read."""
    from markupsafe import Markup  # comes with Jinja2

    pictures = {
        "roc": plots.roc(evaluation),
        "reliability": plots.reliability(evaluation),
        "scores": plots.scores(evaluation),
    }
    counts = evaluation.metrics.confusion
    return str(
        environment()
        .get_template("evaluation.html")
        .render(
            evaluation=evaluation,
            verdict=verdict(evaluation),
            figures=FIGURES,
            pictures={name: Markup(svg) for name, svg in pictures.items()},
            errors=counts.false_positive + counts.false_negative,
            wrong=[_shown(prediction) for prediction in evaluation.wrong],
            source=visible(source),
            command=visible(command),
            made=made,
            bertsent=__version__,
        )
    )


def verdict(evaluation: Evaluation) -> str:
    """How good the version is, in one sentence."""
    low, high = evaluation.metrics.intervals["accuracy"]
    return (
        f"Right on {percent(evaluation.metrics.confusion.accuracy)} % of {count(evaluation.n)} "
        f"review{'' if evaluation.n == 1 else 's'} (95 %: {percent(low)} to {percent(high)})"
    )


def _shown(prediction: Prediction) -> dict[str, Any]:
    gold = prediction.gold or 0
    return {
        "gold": LABEL_NAMES[gold],
        "called": LABEL_NAMES[1 - gold],  # it is wrong
        "score": prediction.score,
        "path": visible(prediction.path),
        **folded(prediction.text),
    }
