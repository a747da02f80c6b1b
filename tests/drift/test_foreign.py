"""`rank_foreign`: which texts `label --order foreign` asks first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.word_soup import KITCHEN, soup

from bertsent.base.digests import sha256_text
from bertsent.base.errors import DataError
from bertsent.base.text import clean
from bertsent.drift.foreign import rank_foreign
from bertsent.scoring.scorer import Scorer
from bertsent.versions.manifest import Version, read_version


@pytest.fixture(scope="module")
def version(word_soup: Path) -> Version:
    return read_version(word_soup / "1")


def ranked(version: Version, texts: list[str]) -> list[str]:
    """The texts, the most foreign first."""
    scorer = Scorer(version)
    by_digest = {sha256_text(text): text for text in map(clean, texts)}
    scores = {
        digest: one.score for digest, one in zip(by_digest, scorer.predict(by_digest.values()), strict=True)
    }
    return [by_digest[digest] for digest in rank_foreign(version, scorer, by_digest, scores)]


def test_what_the_version_does_not_know_comes_first(version: Version) -> None:
    kitchen = [
        clean(json.loads(row)["text"]) for row in KITCHEN.read_text(encoding="utf-8").splitlines()[:25]
    ]
    found = ranked(version, [*soup(75, seed=5), *kitchen])
    assert len(found) == 100
    assert sum(text in kitchen for text in found[:25]) >= 20
    assert ranked(version, [*kitchen, *soup(75, seed=5)]) == found, "the order of the texts does not matter"


def test_too_few_texts_cannot_be_ranked(version: Version) -> None:
    with pytest.raises(DataError, match="cannot be compared"):
        ranked(version, soup(20, seed=5))
