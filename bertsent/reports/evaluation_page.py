"""Self-contained HTML pages: no script, no address, one file that can be mailed.

What comes from outside (reviews, paths, the command line) is made visible and escaped; the only markup that
is not written in `bertsent/pages` are the pictures, drawn from our own numbers.
"""

from __future__ import annotations

import math
import os
import textwrap
from pathlib import Path
from typing import Any

from bertsent import __version__
from bertsent.base.display import visible
from bertsent.base.errors import UsageError
from bertsent.base.files import now, require_space, write_text
from bertsent.base.records.core import Prediction
from bertsent.base.records.metrics import Evaluation
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.base.text import clean
from bertsent.reports import plots

SUFFIXES = (".html", ".htm")
FIGURES = (  # key, name for people, what it means
    ("accuracy", "accuracy", "share of the answers that are right"),
    ("precision", "precision", "share of the answers “positive” that are right"),
    ("recall", "recall", "share of the positive reviews that were found"),
    ("f1", "F1", "harmonic mean of precision and recall"),
    ("roc_auc", "ROC AUC", "how often a positive review scores above a negative one"),
    ("log_loss", "log loss", "0 is perfect; always saying 0.5 gives 0.69"),
    ("ece", "ECE", "how far confidence and accuracy lie apart on average"),
)

_PAGES = Path(__file__).parent / "templates"
_SHORT = 240  # characters of a longer review that show before it is opened
_LONGEST = 240  # bytes of a file's name: file systems take 255, and it is longer while it is written
_ROOM = 4 * 1024**2  # bytes; a page has 0.1 MB, and as much again for each very long review


def check_target(path: Path, *, force: bool) -> None:
    """Refuses a place where no page can go, before the work for it begins.

    Raises:
        UsageError: if the name is not that of an HTML file, or `path` exists and not `force`.
        StorageError: if its folder cannot be written or is full.
    """
    # os.path, because Path raises on a name too long for a path
    if path.suffix.lower() not in SUFFIXES or os.path.isdir(path):  # noqa: PTH112
        raise UsageError("A report goes to a file that ends in .html.", received=visible(str(path)))
    if len(os.fsencode(path.name)) > _LONGEST:
        raise UsageError(
            f"The name of a report has at most {_LONGEST} bytes.", received=visible(path.name)[:60]
        )
    if os.path.exists(path) and not force:  # noqa: PTH110
        raise UsageError(f"{visible(str(path))} exists.", hint="--force replaces it")
    require_space(path.parent, _ROOM)


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
        f"Right on {_percent(evaluation.metrics.confusion.accuracy)} % of {_count(evaluation.n)} "
        f"review{'' if evaluation.n == 1 else 's'} (95 %: {_percent(low)} to {_percent(high)})"
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


def folded(text: str) -> dict[str, str]:
    """A review made visible, as `text`, and as `short` what shows of it before it is opened."""
    text = visible(clean(text))
    short = text if len(text) <= 2 * _SHORT else textwrap.shorten(text, _SHORT, placeholder=" …")
    return {"text": text, "short": short}


def environment() -> Any:
    """What renders the pages: escapes all but the pictures, and knows how figures are written."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {"count": _count, "figure": _figure, "percent": _percent, "interval": _interval}
    return made


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _interval(ends: tuple[float, float]) -> str:
    return "-" if math.isnan(ends[0]) else f"{_figure(ends[0])} to {_figure(ends[1])}"
