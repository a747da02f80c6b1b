"""The page of an evaluation."""

from __future__ import annotations

from pathlib import Path

from bertsent.base.display import counted, visible
from bertsent.base.files import now, write_text
from bertsent.base.records.metrics import AtThreshold, ChosenThreshold, Evaluation
from bertsent.base.settings.reading import LABEL_NAMES
from bertsent.reports import page, plots

METRICS = (  # key, name for people, meaning
    ("accuracy", "accuracy", "share of the predictions that are correct"),
    ("precision", "precision", "share of the predictions “positive” that are correct"),
    ("recall", "recall", "share of the positive reviews that are predicted positive"),
    ("f1", "F1", "harmonic mean of precision and recall"),
    ("macro_f1", "macro F1", "mean of the F1 of both labels: a rare label counts as much"),
    ("mcc", "MCC", "Matthews correlation of label and prediction: 1 is perfect, 0 is chance"),
    ("roc_auc", "ROC AUC", "how often a positive review scores above a negative one"),
    ("log_loss", "log loss", "0 is perfect; always saying 0.5 gives 0.69"),
    ("ece", "ECE", "expected calibration error: mean distance of confidence from accuracy"),
)

AT_THRESHOLD = (  # key, name for people; the last one only where a goal has costs
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("macro_f1", "macro F1"),
    ("mcc", "MCC"),
    ("accuracy", "accuracy"),
    ("share_positive", "share positive"),
    ("cost", "mean cost"),
)


def write(evaluation: Evaluation, path: Path, *, source: str, command: str) -> None:
    """Writes the page of an evaluation. The file appears only when it is complete.

    Args:
        path: The HTML file, replaced if it exists.
        source: Where the reviews came from.
        command: The command line of the evaluation.

    Raises:
        StorageError: if the disk does not take the file.
    """
    write_text(path, render(evaluation, source=source, command=command, made=now()))


def render(evaluation: Evaluation, *, source: str, command: str, made: str) -> str:
    """The HTML page of an evaluation: summary, metrics, plots, and the wrong predictions to read."""
    wrong = [
        {
            "gold": LABEL_NAMES[prediction.gold or 0],
            "predicted": LABEL_NAMES[1 - (prediction.gold or 0)],  # it is wrong
            "score": prediction.score,
            "path": visible(prediction.path),
            **page.folded(prediction.text),
        }
        for prediction in evaluation.wrong
    ]
    return page.render(
        "evaluation.html",
        {
            "roc": plots.roc(evaluation),
            "reliability": plots.reliability(evaluation),
            "scores": plots.scores(evaluation),
        },
        command=command,
        made=made,
        evaluation=evaluation,
        summary=summary(evaluation),
        metrics=METRICS,
        chosen=evaluation.chosen,
        threshold_sentence=threshold_sentence(evaluation.chosen) if evaluation.chosen else "",
        thresholds=thresholds(evaluation.chosen) if evaluation.chosen else (),
        at_threshold=AT_THRESHOLD,
        wrong=wrong,
        source=visible(source),
    )


def summary(evaluation: Evaluation) -> str:
    """The accuracy in one sentence."""
    low, high = map(page.percent, evaluation.metrics.intervals["accuracy"])
    return (
        f"Accuracy {page.percent(evaluation.metrics.confusion.accuracy)} % on "
        f"{counted(evaluation.n, 'review')} (95 %: {low} to {high})"
    )


def threshold_sentence(chosen: ChosenThreshold) -> str:
    """The goal, and the threshold that serves it with its interval."""
    decimals = len(repr(chosen.threshold).partition(".")[2])
    low, high = (f"{end:.{max(4, min(decimals, 17))}f}" for end in chosen.interval)
    if not chosen.met:
        return f"Threshold for {chosen.goal}: none; {chosen.threshold} comes closest"
    return f"Threshold for {chosen.goal}: {chosen.threshold} (95 %: {low} to {high})"


def thresholds(chosen: ChosenThreshold) -> tuple[AtThreshold, ...]:
    """The thresholds to compare: 0.5, the one in use, the chosen one; each once."""
    points = {point.threshold: point for point in (chosen.default, chosen.current, chosen.chosen)}
    return tuple(points.values())
