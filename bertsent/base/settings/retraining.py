"""Defaults of retraining: the gate, the training rows, and the versions of a workspace."""

from __future__ import annotations

from dataclasses import dataclass

from bertsent.base.settings.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What a challenger must show before it takes over."""

    # Most that the agreement of scores and labels may fall by on the test rows: one point, which nobody
    # notices; about as much accuracy.
    margin: float = 0.01
    confidence: float = 0.95  # one-sided, of each bound that the gate computes
    # Mean size of the log-odds when scores are compared. With the 3.7 of model/1's own, what turned among the
    # least sure answers is hardly seen (tests/bench/gate_power.py); with 20, equal challengers differ so much
    # by chance that too many of them are refused on 60 rows.
    sharpness: float = 10.0
    # Few test rows cannot rule out a loss of a point. They must rule out what an equal challenger shows in
    # `power` of all runs, at most `widest`: with more, one that is 5 points worse passes too often.
    power: float = 0.99
    widest: float = 0.028
    # Most that the agreement with the new labels may be likely by chance. Labels of a coin reach it once in a
    # thousand times; of 40 labels about 31 must agree, fewer if the scores are sure.
    coin: float = 0.001
    # One-sided, that scores on the reserved rows are worse. Above `confidence`, so that an equal one passes
    # this rule and that of the test rows in more than 90 of 100 runs.
    shown_worse: float = 0.975
    least_rows: int = 60  # test rows: of 30, one that is 5 points worse passed in 12 of 100 runs
    # Test rows from which an equal challenger nearly always passes. Fewer are filled up with validation rows.
    many_rows: int = 300
    test_rows: int = 10_000  # at most, drawn by digest: they resolve 0.4 points, and take a minute or two

    def __post_init__(self) -> None:
        require(0 < self.margin < 1, "margin must lie between 0 and 1.", self.margin)
        require(0.5 < self.confidence < 1, "confidence must lie between 0.5 and 1.", self.confidence)
        require(self.sharpness > 0, "sharpness must be above 0.", self.sharpness)
        require(self.test_rows >= 1, "test rows must be at least 1.", self.test_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """What a retrain trains on, and when it is tried again."""

    warm_start: bool = True  # from the champion's weights, if any: takes minutes, keeps what it learnt
    reserved: int = 5  # one in this many labelled rows is never trained on: 20 % for the gate
    least_rows: int = 30  # labelled; `drift` needs as many
    least_steps: int = 120  # of a warm start: 100 labels gain 5 points in 4 epochs, and hardly any in one
    old_per_new: int = 2  # rows of the data set for each new one: a third of the training rows are new
    shown_bags: int = 300  # of a data set that is not there, to show how training goes: some seconds an epoch
    knows_packaged: float = 0.7  # accuracy from which the packaged reviews count as old; model/1 has 0.77
    most_old: int = 10_000  # at most; a warm start needs some old rows to forget nothing, not all of them
    # Weight interpolation after a warm start: 0 gives the champion's weights, 1 the newly trained ones (alpha
    # of Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). With 500 labels of other products, 1
    # gained 11 points on such reviews and lost 0.9 on old ones, 0.7 gained 10 and lost 0.7, 0.5 gained 7 and
    # lost 0.3; at 0.7 the log loss on old ones equalled the champion's.
    interpolation: float = 0.7
    # The same without the data set, where nobody sees what is forgotten. With 320 labels of film phrases, 0.7
    # gained 3.2 points on such phrases and lost 0.55 on old reviews; 0.5 gained 2.6 and lost 0.35.
    stand_in_interpolation: float = 0.5
    growth: float = 0.2  # share of new labels for another try after a rejection: fewer would fail too


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSettings:
    """How versions are kept and compared, and the learning curve of a workspace."""

    keep: int = 5  # versions that `models prune` keeps for rollback; one takes 24 MB, 70 with weights
    chunk: int = 2048  # reviews; two versions score them in turn
    shown: int = 10  # reviews on which the two differ: what one reads in a sitting
    next_labels: int = 100  # what one labels in a sitting
    least_points: int = 3  # retrains of different size; any line fits two
    upper: float = 0.95  # quantile; with its mirror image it gives a 90 % interval
