"""Scores of an export against those it must agree with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertsent.base.errors import BertsentError
from bertsent.base.settings.export import ExportSettings
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.export.records import Distance
from bertsent.versions.manifest import Version

_SETTINGS = ExportSettings()


def exactly(
    scores: Sequence[float], expected: ArrayLike, *, against: str, settings: ExportSettings = _SETTINGS
) -> Distance:
    """The distance of scores that come from the same arithmetic.

    Raises:
        BertsentError: if one of them is further off than rounding explains.
    """
    found = _distance(scores, expected, against, f"largest at most {settings.exact:g}")
    if not found.largest <= settings.exact:
        raise _refused(found)
    return found


def within_int8(
    scores: Sequence[float], expected: ArrayLike, version: Version, settings: ExportSettings = _SETTINGS
) -> Distance:
    """The distance of float32 scores from those of the version's int8 file.

    What that may be follows from the manifest: how many labels differ from the trained classifier's on its
    test rows.

    Raises:
        BertsentError: if quantisation does not explain it.
    """
    from scipy.special import bdtrc

    test = version.manifest.metrics.get("test", {})
    rows, agreement = int(test.get("compared", 0)), float(test.get("litert_agreement", 1.0))
    differs = (rows * (1 - agreement) + 1) / (rows + 2)  # Laplace: none of 100 is not never
    found = _distance(
        scores,
        expected,
        "the version's int8 file",
        f"mean at most {settings.quantised:g}, other labels no oftener than {100 * differs:.2g} % explain",
    )
    others = found.texts - found.same_label
    chance = 1.0 if others == 0 else float(bdtrc(others - 1, found.texts, min(differs, 1.0)))
    if not found.mean <= settings.quantised or chance < settings.chance:
        raise _refused(found)
    return found


def _distance(scores: Sequence[float], expected: ArrayLike, against: str, allowed: str) -> Distance:
    ours: NDArray[np.float64] = np.asarray(scores, np.float64)
    theirs: NDArray[np.float64] = np.asarray(expected, np.float64)
    apart = np.abs(ours - theirs)
    return Distance(
        against=against,
        texts=len(ours),
        mean=float(apart.mean()),
        largest=float(apart.max()),
        same_label=int(((ours >= DEFAULT_THRESHOLD) == (theirs >= DEFAULT_THRESHOLD)).sum()),
        allowed=allowed,
    )


def _refused(found: Distance) -> BertsentError:
    return BertsentError(
        f"The export does not score as {found.against}, so nothing was written ({found.allowed}).",
        received=f"on {found.texts} texts mean {found.mean:.2g}, largest {found.largest:.2g}, "
        f"{found.texts - found.same_label} other labels",
        hint="bertsent evaluate tells whether the version itself is whole; if it is, report this",
    )
