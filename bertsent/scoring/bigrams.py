"""A linear model on words and bigrams: fitted in seconds, and wrong in other places than BERT.

As in Wang and Manning (2012), "Baselines and Bigrams", the log-count ratio of a bigram in the two classes
scales its feature; here the features are TF-IDF, and a logistic regression replaces the SVM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsent.base.records.core import Review
from bertsent.base.settings.reading import POSITIVE
from bertsent.base.settings.training import BigramSettings

Logits = NDArray[np.float64]

_TOKEN = r"\b\w+\b|[!?]"


def bag_logits(train: Sequence[Review], texts: Sequence[str], settings: BigramSettings) -> Logits:
    """Logits [texts] of a model fitted on labelled reviews of both classes."""
    bigrams = _vectorizer(settings)
    features = bigrams.fit_transform([review.text for review in train])
    return _fitted(features, _gold(train), bigrams.transform(texts), settings)


def out_of_fold_logits(
    reviews: Sequence[Review], *, folds: int, seed: int, settings: BigramSettings
) -> Logits:
    """Logits [reviews], each of a model fitted without the fold that the review is in.

    Weights by document frequency come from all reviews; they know no label. Bigrams are hashed, because a
    vocabulary of those of 8,000 film reviews takes 200 MB.

    Args:
        reviews: Labelled, at least `folds` of each class.
        folds: Random parts of equal size with equal shares of both classes, at least 2.
        seed: Of the division.
        settings: Which bigrams count, and the strength of the regularisation.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.model_selection import StratifiedKFold

    gold = _gold(reviews)
    hashed = HashingVectorizer(
        ngram_range=(1, 2), token_pattern=_TOKEN, norm=None, alternate_sign=False, dtype=np.float32
    )
    counts = hashed.transform(review.text for review in reviews)
    frequent = np.bincount(counts.indices, minlength=counts.shape[1]) >= settings.least_reviews
    features = TfidfTransformer(sublinear_tf=True).fit_transform(counts[:, frequent])
    logits = np.empty(len(reviews))
    division = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fitted, scored in division.split(gold, gold):
        logits[scored] = _fitted(features[fitted], gold[fitted], features[scored], settings)
    return logits


def _gold(reviews: Sequence[Review]) -> NDArray[np.int64]:
    return np.array([review.label for review in reviews], np.int64)


def _vectorizer(settings: BigramSettings) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        ngram_range=(1, 2), min_df=settings.least_reviews, sublinear_tf=True, token_pattern=_TOKEN
    )


def _fitted(features: Any, gold: NDArray[np.int64], others: Any, settings: BigramSettings) -> Logits:
    """Logits of the rows of `others` by a model fitted on features [rows, bigrams] and labels [rows]."""
    from scipy.sparse import diags
    from sklearn.linear_model import LogisticRegression

    present = (features > 0).astype(np.float32)
    positive, negative = (
        np.asarray(present[gold == label].sum(axis=0)).ravel() + 1 for label in (POSITIVE, 1 - POSITIVE)
    )
    ratio = diags(np.log(positive / positive.sum()) - np.log(negative / negative.sum()))
    model = LogisticRegression(C=settings.bag_strength, solver="liblinear").fit(features @ ratio, gold)
    logits: Logits = model.decision_function(others @ ratio)
    return logits
