"""The folds of a cross-validation, and which data sets have few rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bertsent.base.records.core import Review
from bertsent.base.settings.training import FewShotSettings, TrainSettings
from bertsent.data.splits import few_rows, fold_numbers


def test_folds_share_each_label_out_evenly_whatever_the_order() -> None:
    settings = TrainSettings(folds=5)
    rows = [Review(f"text {number}", int(number % 3 == 0)) for number in range(37)]
    numbers = fold_numbers(rows, settings)
    for label in (0, 1):
        counts = Counter(number for number, row in zip(numbers, rows, strict=True) if row.label == label)
        assert set(counts) == set(range(5))
        assert max(counts.values()) - min(counts.values()) <= 1
    assert fold_numbers(rows[::-1], settings) == numbers[::-1]
    assert fold_numbers(rows, TrainSettings(folds=5, seed=1)) != numbers


MOST = FewShotSettings().most_rows


@pytest.mark.parametrize(("rows", "found"), [(20, 20), (MOST, MOST), (MOST + 1, 0)])
def test_few_rows_are_counted_up_to_the_most(tmp_path: Path, rows: int, found: int) -> None:
    lines = "".join(f"film {number},{number % 2}\n" for number in range(rows))
    (tmp_path / "rows.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    assert few_rows(tmp_path / "rows.csv") == found


def test_rows_with_a_column_split_are_not_few(tmp_path: Path) -> None:
    lines = "".join(f"film {number},{number % 2},train\n" for number in range(20))
    (tmp_path / "rows.csv").write_text(f"text,label,split\n{lines}", encoding="utf-8")
    assert few_rows(tmp_path / "rows.csv") == 0
