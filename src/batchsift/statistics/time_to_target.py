"""Epochs until a target is reached, over runs of which some never get there.

A run that ended short of the target is censored: it would have needed more epochs than it had, nobody knows how many.
Leaving it out, or counting its length as its time, would make a method look faster than it is. The estimator of Kaplan
and Meier (by `scipy.stats.ecdf`) uses it for what it tells.

Sources:
    - Kaplan and Meier: Nonparametric Estimation from Incomplete Observations, JASA 53, 1958.
    - Brookmeyer and Crowley: A Confidence Interval for the Median Survival Time, Biometrics 38, 1982.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, ecdf


@dataclass(frozen=True)
class Duration:
    """The time one run took to reach a target.

    Args:
        epochs: Epochs until the target was reached, from 1; where it was not, all the epochs there were.
        reached: Whether the target was reached.
    """

    epochs: int
    reached: bool


@dataclass(frozen=True)
class TimeToTarget:
    """The time several runs took to reach a target.

    Args:
        median: Epochs after which half of the runs have reached the target; None where too few ever do.
        low, high: Confidence interval of the median; None where an end lies beyond the epochs there were.
        num_runs: Number of runs.
        num_reached: Number of runs that reached the target.
        restricted_mean: Mean of the epochs until the target or the end, whichever came first: a lower bound of the
            mean time where some did not reach it.
        horizon: The epochs of the longest run.
    """

    median: float | None
    low: float | None
    high: float | None
    num_runs: int
    num_reached: int
    restricted_mean: float
    horizon: int


def epochs_to_target(curve: Sequence[float], target: float, *, higher_is_better: bool = True) -> Duration:
    """Return the first epoch, counted from 1, whose value is as good as the target.

    Args:
        curve: One value for each epoch; NaN reaches nothing.
        target: The value to be reached or passed.
        higher_is_better: Whether higher values are better.

    Raises:
        ValueError: The curve has no epochs, or the target is NaN.

    >>> epochs_to_target([0.5, 0.7, 0.6, 0.8], 0.7)
    Duration(epochs=2, reached=True)
    >>> epochs_to_target([0.5, 0.6], 0.7)
    Duration(epochs=2, reached=False)
    """
    if not len(curve) or math.isnan(target):
        raise ValueError(f"a curve of one epoch or more and a target are needed, got {len(curve)} and {target}")
    values = np.asarray(curve, dtype=float)
    hits = values >= target if higher_is_better else values <= target
    return Duration(int(hits.argmax()) + 1, True) if hits.any() else Duration(len(values), False)


def time_to_target(durations: Sequence[Duration], *, confidence: float = 0.95) -> TimeToTarget:
    """Return the Kaplan-Meier estimate over runs, its median with the interval of Brookmeyer and Crowley (log-log).

    Args:
        durations: One for each run.
        confidence: The level of the interval of the median, in (0, 1).

    Raises:
        ValueError: There are no runs.

    >>> time_to_target([Duration(3, True), Duration(5, True), Duration(9, False)]).median
    5.0
    >>> time_to_target([Duration(3, True), Duration(9, False), Duration(9, False)]).median is None
    True
    """
    if not durations:
        raise ValueError("there are no runs to estimate a time to target from")
    epochs = np.array([duration.epochs for duration in durations])
    reached = np.array([duration.reached for duration in durations])
    median = low = high = None
    if reached.any():
        survival = ecdf(CensoredData.right_censored(epochs, ~reached)).sf
        with warnings.catch_warnings():
            # Where no run is left, the formula of the bounds is undefined and SciPy gives NaN: from 0 to anything.
            warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
            band = survival.confidence_interval(confidence_level=confidence, method="log-log")
        median = _first_at_half(survival.quantiles, survival.probabilities)
        lower, upper = cast("Any", band.low).probabilities, cast("Any", band.high).probabilities  # the stubs err
        low = _first_at_half(survival.quantiles, np.nan_to_num(lower, nan=0.0))
        high = _first_at_half(survival.quantiles, np.nan_to_num(upper, nan=1.0))
    return TimeToTarget(
        median=median,
        low=low,
        high=high,
        num_runs=len(durations),
        num_reached=int(reached.sum()),
        restricted_mean=float(epochs.mean()),
        horizon=int(epochs.max()),
    )


def _first_at_half(epochs: NDArray[np.float64], surviving: NDArray[np.float64]) -> float | None:
    """Return the first epoch at which no more than half of the runs are left."""
    at_half = np.flatnonzero(surviving <= 0.5 + 1e-9)  # a product of fractions: half may come out a bit above
    return float(epochs[at_half[0]]) if at_half.size else None
