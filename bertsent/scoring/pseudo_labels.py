"""Pseudo-labels: scores for reviews without labels, which train a new version.

A file may bring them, from any larger model. Or a published version gives them: self-training. Its score is
combined with that of a bag of bigrams, fitted here in half a minute. The two make different errors, so
together they are more accurate than either, and the new version can become better than the one that gave the
pseudo-labels.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.array_cache import Arrays, cached
from bertsent.base.digests import sha256_lines, sha256_text
from bertsent.base.display import counted, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.core import Progress, Review, silent
from bertsent.base.records.training import Splits
from bertsent.base.settings.training import BigramSettings
from bertsent.base.text import clean, is_empty
from bertsent.base.version_names import capital, spoken
from bertsent.data.reviews import read_reviews
from bertsent.data.scored import ScoredReviews
from bertsent.scoring.bigrams import Logits, bag_logits
from bertsent.scoring.calibration import logit, sigmoid
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """Reviews without labels, with the scores to train on."""

    reviews: tuple[Review, ...]  # clean, distinct, none of them in a split
    targets: NDArray[np.float32]  # [rows], P(positive)
    digest: str  # over the digests of the texts
    # Where they come from, for the manifest: version, digest, weights; or column, digest; or several of these
    source: Mapping[str, Any]
    of_training: Mapping[str, float] = field(default_factory=dict)  # digest of a training row's text -> score


def pseudo_label(
    path: Path,
    *,
    version: Version,
    splits: Splits,
    limit: int,
    cache: Path,
    held_out_seen: int | None = None,
    others: Collection[str] = (),
    settings: BigramSettings | None = None,
    progress: Progress,
) -> PseudoLabels:
    """Reads reviews without labels and scores them with a version and a bag of bigrams.

    A logistic regression on the validation rows, which neither was trained on, gives the weights with which
    the two logits are added.

    Args:
        path: A folder of .txt files or a table, as for `reviews.read_reviews`; labels are not used.
        version: A version that was not trained on the run's validation and test rows.
        splits: The run's own data; unlabelled texts that occur in it are left out.
        limit: Use at most this many, chosen by hashes of version and text: each version gets others.
        cache: The folder that keeps the targets, for a run that is resumed.
        held_out_seen: How many of those rows the version was trained on. None: it does not say; then it must
            have been trained on the same split.
        others: Digests of texts to leave out, because they have pseudo-labels already.

    Raises:
        UsageError: if the version was trained, or may have been, on rows that this run is measured on.
        DataError: if no review is left.
        ArtefactError: if the version's files are damaged.
    """
    _check_seen(version, splits, held_out_seen)
    in_splits = {sha256_text(review.text) for _, reviews in splits.items() for review in reviews} | {*others}
    drawn = _distinct(path, in_splits, salt=version.classifier_digest)
    rows = dict(itertools.islice(drawn.items(), limit))
    if not rows:
        raise DataError(
            f"{visible(str(path))} holds no new review: each is empty or in the labelled data.",
            hint="name a folder of .txt files, for example data/aclImdb/train/unsup",
        )
    settings = settings or BigramSettings()
    used = (splits.digests["train"], splits.digests["validation"])
    key = sha256_lines([*rows, version.classifier_digest, *used, repr(settings), "1"])
    texts = list(rows.values())
    arrays = cached(cache / f"{key}.npz", lambda: _targets(texts, version, splits, settings, progress))
    return PseudoLabels(
        reviews=tuple(Review(text) for text in texts),
        targets=arrays["targets"],
        digest=sha256_lines(rows),
        source={
            "version": version.id,
            "digest": version.classifier_digest,
            "weights": dict(zip(("version", "bigrams", "bias"), arrays["weights"].tolist(), strict=True)),
        },
    )


def take_scores(
    scored: ScoredReviews,
    *,
    splits: Splits,
    limit: int,
    others: Collection[str] = (),
    progress: Progress = silent,
) -> PseudoLabels:
    """Takes the scores that a file brings as pseudo-labels.

    A row whose text is a training row gives that row a score beside its label (`of_training`); one whose text
    is a validation or test row is left out, and so is every later row of the same text.

    Args:
        scored: The rows, from `scored.open_scored`.
        splits: The run's own data.
        limit: Use at most this many rows that are in no split, those with the lowest digests.
        others: Digests of texts to leave out, because they have pseudo-labels already.
        progress: Told how many rows were used, and what was left out.

    Raises:
        DataError: if no row is left, or a score is no number in [0, 1].
    """
    training = {sha256_text(review.text) for review in splits.train}
    held_out = {sha256_text(review.text) for review in (*splits.validation, *splits.test)}
    rows: dict[str, tuple[str, float]] = {}
    of_training: dict[str, float] = {}
    left_out = Counter[str]()
    for review, score in scored:
        text = clean(review.text)
        digest = sha256_text(text)
        if digest in held_out:
            left_out["are validation or test rows"] += 1
        elif digest in rows or digest in of_training or digest in others:
            left_out["repeat a text"] += 1
        elif digest in training:
            of_training[digest] = score
        else:
            rows[digest] = text, score
    chosen = dict(sorted(rows.items())[:limit])  # by digest: a random draw
    if not chosen and not of_training:
        raise DataError(
            "No review with a score is left to train on.",
            received=f"{(left_out + scored.left_out).total()} rows, empty, without a score, or held out",
            hint="give a table of other reviews with a column text and a column of scores by --unlabelled",
        )
    left_out["have no text"] = scored.left_out["empty"]
    left_out["have no score"] = scored.left_out["unscored"]
    left_out[f"are more than --unlabelled-rows {limit}"] = len(rows) - len(chosen)
    progress.tell(
        f"Pseudo-labels: column {visible(scored.column)} of {counted(len(chosen), 'review')} without labels "
        f"and of {counted(len(of_training), 'training row')}"
    )
    for reason, count in left_out.items():
        if count:
            progress.tell(f"Left out of them: {count} that {reason}")
    digests = [f"{digest} {score!r}" for digest, (_, score) in chosen.items()]
    return PseudoLabels(
        reviews=tuple(Review(text) for text, _ in chosen.values()),
        targets=np.array([score for _, score in chosen.values()], np.float32),
        digest=sha256_lines(chosen),
        source={
            "column": scored.column,
            "digest": sha256_lines(
                [*digests, *(f"{digest} {score!r}" for digest, score in of_training.items())]
            ),
            "of_training": len(of_training),
        },
        of_training=of_training,
    )


def _targets(
    texts: Sequence[str], version: Version, splits: Splits, settings: BigramSettings, progress: Progress
) -> Arrays:
    """`targets`, P(positive) float32 [texts], and `weights` [3]: of the version, of the bigrams, bias."""
    scorer = Scorer(version)
    validation = [review.text for review in splits.validation]
    what = f"Scoring by {spoken(scorer.version)}"
    of_version = logit(scorer.scores([*validation, *texts], what=what, progress=progress))
    progress.start("Fitting a bag of bigrams", None)
    of_bigrams = bag_logits(splits.train, [*validation, *texts], settings)
    progress.finish()
    logits = np.stack([of_version, of_bigrams, np.ones(len(of_version))])
    weights = _stack(logits[:, : len(validation)], splits.validation)
    return {
        "targets": sigmoid(weights @ logits[:, len(validation) :]).astype(np.float32),
        "weights": weights,
    }


def _check_seen(version: Version, splits: Splits, held_out_seen: int | None) -> None:
    if held_out_seen is None:
        if all(
            version.manifest.data.get(name, {}).get("digest") == splits.digests[name]
            for name in ("train", "validation")
        ):
            return
        raise UsageError(
            f"{capital(version.name)} was trained on another split of the data, so it may have seen rows "
            "that this run is measured on.",
            hint="train the --teacher with the same --data, --seed and --validation-share",
        )
    if held_out_seen:
        raise UsageError(
            f"{capital(version.name)} was trained on {held_out_seen} rows that this run is measured on.",
            hint="train the --teacher with the same --data, --seed and --validation-share",
        )


def combine(parts: Sequence[PseudoLabels]) -> PseudoLabels:
    """The pseudo-labels of several sources as one; they have no text in common."""
    if len(parts) == 1:
        return parts[0]
    return PseudoLabels(
        reviews=tuple(review for part in parts for review in part.reviews),
        targets=np.concatenate([part.targets for part in parts]),
        digest=sha256_lines(part.digest for part in parts),
        source={"several": [{"n": len(part.reviews), **part.source} for part in parts]},
        of_training={digest: score for part in parts for digest, score in part.of_training.items()},
    )


def _distinct(path: Path, in_splits: set[str], *, salt: str) -> dict[str, str]:
    """Digest -> clean text, in a random order, without empty texts and those of the splits."""
    texts = (clean(review.text) for review in read_reviews(path))
    rows = {sha256_text(text): text for text in texts if not is_empty(text)}
    order = sorted(rows.keys() - in_splits, key=lambda digest: sha256_text(salt + digest))
    return {digest: rows[digest] for digest in order}


def _stack(logits: Logits, validation: Sequence[Review]) -> Logits:
    """Fits weights [3] for two logits and a constant 1, [3, rows], by logistic regression on the labels."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(fit_intercept=False).fit(logits.T, [review.label for review in validation])
    weights: Logits = model.coef_[0]
    return weights
