"""Reviews without labels -> what a teacher says of them, for a new version to learn from.

The teacher is a published version together with a bag of bigrams that is fitted here in half a minute. The
two err on different reviews, so that their common answer is better than either, and the student can become
better than its teacher.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.display import visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.files import atomic_write
from bertsent.base.records.core import Progress, Review
from bertsent.base.records.training import Splits
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.training import TeacherSettings
from bertsent.base.text import clean, is_empty
from bertsent.data.reviews import read_reviews
from bertsent.scoring.calibration import logit, sigmoid
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version

_DIGEST = 32  # bytes before the arrays: np.load reads some damaged files without a word

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Taught:
    """Reviews without labels, with what the teacher says of them."""

    reviews: tuple[Review, ...]  # clean, distinct, none of them in a split
    targets: NDArray[np.float32]  # [rows], P(positive)
    digest: str  # over the digests of the texts
    teacher: Mapping[str, Any]  # for the manifest: version, digest, weights


@dataclass(frozen=True, slots=True)
class _Answers:
    """What is kept on disk."""

    targets: NDArray[np.float32]  # [rows], P(positive)
    weights: Logits  # [3]: of the version's logit, of the bigrams', bias


def teach(
    path: Path,
    *,
    teacher: Version,
    splits: Splits,
    limit: int,
    cache: Path,
    settings: TeacherSettings | None = None,
    progress: Progress,
) -> Taught:
    """Reads reviews without labels and lets a teacher score them.

    The teacher's logit and that of a bag of bigrams are added, weighted by a logistic regression on the
    validation rows, which neither was trained on.

    Args:
        path: A folder of .txt files or a table, as `reviews.read_reviews` takes it; labels are not used.
        teacher: A version trained on the same training and validation split.
        splits: The split of the run; its texts are left out of the unlabelled ones.
        limit: At most so many are used, drawn by digests of teacher and text: the next teacher draws others.
        cache: A folder where the answers are kept for a run that goes on; found by a digest over all they
            follow from.

    Raises:
        UsageError: if the teacher was trained on another split: it may know rows that this run measures by.
        DataError: if no review is left.
        ArtefactError: if the teacher's files are damaged.
    """
    _check_split(teacher, splits)
    known = {
        sha256_text(row.text) for name in ("train", "validation", "test") for row in getattr(splits, name)
    }
    rows = dict(itertools.islice(_distinct(path, known, drawn_by=teacher.classifier_digest).items(), limit))
    if not rows:
        raise DataError(
            f"{visible(str(path))} holds no review that is not labelled data already.",
            hint="name a folder of .txt files, for example data/aclImdb/train/unsup",
        )
    settings = settings or TeacherSettings()
    file = cache / f"{_key(rows, teacher, splits, settings)}.npz"
    answers = _read(file) or _answer(
        list(rows.values()), teacher=teacher, splits=splits, settings=settings, progress=progress
    )
    _write(file, answers)
    return Taught(
        reviews=tuple(Review(text) for text in rows.values()),
        targets=answers.targets,
        digest=sha256_lines(rows),
        teacher={
            "version": teacher.manifest.version,
            "digest": teacher.classifier_digest,
            "weights": dict(zip(("version", "bigrams", "bias"), answers.weights.tolist(), strict=True)),
        },
    )


def _answer(
    texts: Sequence[str], *, teacher: Version, splits: Splits, settings: TeacherSettings, progress: Progress
) -> _Answers:
    scorer = Scorer(teacher)
    held = [review.text for review in splits.validation]
    what = f"Scoring by version {scorer.version}"
    theirs = logit(scorer.scores([*held, *texts], what=what, progress=progress))
    progress.start("Fitting a bag of bigrams", None)
    bag = _bag_logits(splits.train, [*held, *texts], settings)
    progress.finish()
    logits = np.stack([theirs, bag, np.ones(len(theirs))])
    weights = _stack(logits[:, : len(held)], splits.validation)
    return _Answers(targets=sigmoid(weights @ logits[:, len(held) :]).astype(np.float32), weights=weights)


def _key(rows: Mapping[str, str], teacher: Version, splits: Splits, settings: TeacherSettings) -> str:
    of_splits = (splits.digests["train"], splits.digests["validation"])
    return sha256_lines([*rows, teacher.classifier_digest, *of_splits, repr(settings), "1"])


def _read(file: Path) -> _Answers | None:
    with contextlib.suppress(OSError):
        raw = file.read_bytes()
        if hashlib.sha256(raw[_DIGEST:]).digest() == raw[:_DIGEST]:
            arrays = np.load(io.BytesIO(raw[_DIGEST:]), allow_pickle=False)
            return _Answers(targets=arrays["targets"], weights=arrays["weights"])
    return None


def _write(file: Path, answers: _Answers) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, targets=answers.targets, weights=answers.weights)
    with atomic_write(file) as target:
        target.write(hashlib.sha256(buffer.getbuffer()).digest())
        target.write(buffer.getbuffer())


def _check_split(teacher: Version, splits: Splits) -> None:
    for name in ("train", "validation"):
        if teacher.manifest.data.get(name, {}).get("digest") != splits.digests[name]:
            raise UsageError(
                f"Version {teacher.name} was trained on another split of the data, so it may know rows that "
                "this run measures itself by.",
                hint="train the teacher with the same --data, --seed and --validation-share",
            )


def _distinct(path: Path, known: set[str], *, drawn_by: str) -> dict[str, str]:
    """Clean texts that have something to read, by digest, without the known ones, in an order of chance."""
    texts = (clean(review.text) for review in read_reviews(path))
    rows = {sha256_text(text): text for text in texts if not is_empty(text)}
    order = sorted(rows.keys() - known, key=lambda digest: sha256_text(drawn_by + digest))
    return {digest: rows[digest] for digest in order}


def _bag_logits(train: Sequence[Review], texts: Sequence[str], settings: TeacherSettings) -> Logits:
    """Logits of a linear model on bigrams weighted by their log-count ratio.

    As Wang and Manning (2012), "Baselines and Bigrams": the ratio of a bigram's frequencies in the two
    classes scales its feature; here on top of TF-IDF, and with logistic regression in place of an SVM.
    """
    from scipy.sparse import diags
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    gold = np.array([review.label for review in train])
    bigrams = TfidfVectorizer(
        ngram_range=(1, 2), min_df=settings.least_reviews, sublinear_tf=True, token_pattern=r"\b\w+\b|[!?]"
    )
    features = bigrams.fit_transform([review.text for review in train])
    present = (features > 0).astype(np.float32)
    positive, negative = (
        np.asarray(present[gold == label].sum(axis=0)).ravel() + 1 for label in (POSITIVE, 1 - POSITIVE)
    )
    ratio = diags(np.log(positive / positive.sum()) - np.log(negative / negative.sum()))
    model = LogisticRegression(C=settings.bag_strength, solver="liblinear").fit(features @ ratio, gold)
    logits: Logits = model.decision_function(bigrams.transform(texts) @ ratio)
    return logits


def _stack(logits: Logits, validation: Sequence[Review]) -> Logits:
    """Weights [3] with which two logits and a one, [3, rows], say the most of the labels."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(fit_intercept=False).fit(logits.T, [review.label for review in validation])
    weights: Logits = model.coef_[0]
    return weights
