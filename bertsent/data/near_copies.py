"""Pairs of texts that are nearly the same, in time and memory linear in their number."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from bertsent.base.settings.labelling import CopySettings
from bertsent.data.duplicates import Sketch

_SETTINGS = CopySettings()
_NONE = 2**64 - 1  # fills the sketch of a text with fewer runs
_SHARED = 6  # a near copy shares at least one hash in so many; fewer are a common phrase


class NearCopies:
    """Finds for each text an earlier one that it nearly copies, by the measure of `data.duplicates`.

    `duplicates.Copies` answers at once, and needs 10 kB a text; this class answers at the end, and needs
    0.4 kB.
    """

    def __init__(self, settings: CopySettings = _SETTINGS) -> None:
        self._settings = settings
        self._hashes = array("Q")

    def __len__(self) -> int:
        return len(self._hashes) // self._settings.sketch

    def add(self, given: Sketch) -> None:
        """Adds a text. Texts too short for a sketch count as unlike all others."""
        self._hashes.extend(given.runs)
        self._hashes.extend([_NONE] * (self._settings.sketch - len(given.runs)))

    def pairs(self) -> list[tuple[int, int]]:
        """(earlier, later) numbers of texts in the order of `add`; each text is the later one at most once.

        Candidates are pairs of the first text with a hash and any later one with it. Comparing all texts with
        that hash would take quadratic time where many have a phrase in common.
        """
        hashes = np.frombuffer(self._hashes, np.uint64).reshape(-1, self._settings.sketch)
        if not len(hashes):
            return []
        order = np.argsort(hashes, axis=None, kind="stable")
        values = hashes.ravel()[order]
        begins = np.concatenate([[True], values[1:] != values[:-1]])
        rows = (order // self._settings.sketch).astype(np.int64)
        first = rows[begins][np.cumsum(begins) - 1]
        candidate = (values != _NONE) & (first != rows)
        codes, shared = np.unique(first[candidate] * len(hashes) + rows[candidate], return_counts=True)
        sizes = (hashes != _NONE).sum(axis=1)
        later = codes % len(hashes)
        likely = codes[shared * _SHARED >= sizes[later]]
        return self._verified(hashes, likely)

    def _verified(self, hashes: NDArray[np.uint64], codes: NDArray[np.int64]) -> list[tuple[int, int]]:
        pairs: dict[int, int] = {}  # later -> earlier
        for earlier, later in (divmod(code, len(hashes)) for code in codes.tolist()):
            if later not in pairs and self._resemble(hashes[earlier], hashes[later]):
                pairs[later] = earlier
        return sorted((earlier, later) for later, earlier in pairs.items())

    def _resemble(self, one: NDArray[np.uint64], other: NDArray[np.uint64]) -> bool:
        """Whether two texts share enough of their runs, by the smallest hashes of both."""
        first, second = one[one != _NONE], other[other != _NONE]
        smallest = np.union1d(first, second)[: self._settings.sketch]
        common = np.isin(smallest, first) & np.isin(smallest, second)
        return bool(common.sum() >= self._settings.resemblance * len(smallest))
