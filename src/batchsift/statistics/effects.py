"""The size of a difference, whatever its p: effect sizes, wins and losses, bootstrap intervals.

Shapes: N pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import bootstrap, rankdata

FEWEST_TO_RESAMPLE = 3
RESAMPLES = 9999


@dataclass(frozen=True)
class WinTieLoss:
    """Counts of comparisons with a baseline.

    Args:
        wins: Comparisons that came out better than the baseline.
        ties: Comparisons that came out equal.
        losses: Comparisons that came out worse.
    """

    wins: int
    ties: int
    losses: int

    @property
    def total(self) -> int:
        """The number of comparisons."""
        return self.wins + self.ties + self.losses

    def __str__(self) -> str:
        return f"{self.wins}/{self.ties}/{self.losses}"


def win_tie_loss(gains: Sequence[float], *, tie_within: float = 0.0) -> WinTieLoss:
    """Count the gains above, at and below zero (Demsar, JMLR 2006, section 3.1.4); NaN is left out.

    Args:
        gains: N differences to the baseline, signed so that above zero is better.
        tie_within: Gains whose size is at most this count as ties.

    >>> str(win_tie_loss([0.1, 0.0, -0.2, 0.3]))
    '2/1/1'
    """
    known = np.asarray([gain for gain in gains if not math.isnan(gain)])
    wins, losses = int((known > tie_within).sum()), int((known < -tie_within).sum())
    return WinTieLoss(wins, len(known) - wins - losses, losses)


def rank_biserial(differences: Sequence[float]) -> float | None:
    """Return the matched-pairs rank-biserial correlation, the effect size of Wilcoxon's signed-rank test.

    It is the share of the rank sum that speaks for the first less the share that speaks against it; the ranks of
    zeros are split (Kerby, The Simple Difference Formula, Comprehensive Psychology 3, 2014).

    Args:
        differences: N of them, the first less the second.

    Returns:
        A number in [-1, 1]; None without differences, or with a NaN.

    >>> rank_biserial([3, 2, -1])
    0.666...
    """
    values = np.asarray(differences, dtype=float)
    if not values.size or np.isnan(values).any():
        return None
    ranks = rankdata(np.abs(values))
    return float((ranks * np.sign(values)).sum() / ranks.sum())


def hedges_g(differences: Sequence[float]) -> float | None:
    """Return Cohen's d_z of paired differences, mean over standard deviation, less its bias in small samples.

    The factor for m = N - 1 degrees of freedom, Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)), is exact for normal
    differences (Hedges, Journal of Educational Statistics 6, 1981).

    Args:
        differences: N of them.

    Returns:
        A number in units of the standard deviation of the *differences*, not of the values: pairs that agree well
        give large numbers. None with fewer than three differences, without variation, or with a NaN.

    >>> round(hedges_g([1.0, 2.0, 3.0]), 4)  # d_z = 2, times 0.5642
    1.1284
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 3 or np.isnan(values).any() or np.ptp(values) <= 1e-12 * float(np.abs(values).max()):
        return None
    m = len(values) - 1
    factor = math.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / math.sqrt(m / 2)
    return factor * float(values.mean() / values.std(ddof=1))


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Args:
        low, high: The ends; None where there is no interval.
        reason: Why there is none; None where there is one.
    """

    low: float | None
    high: float | None
    reason: str | None = None


def bootstrap_interval(*groups: Sequence[float], confidence: float = 0.95, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval of the mean of the groups' means (by `scipy.stats.bootstrap`).

    With one group of paired differences it is the paired bootstrap (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13). With several (the folds of several data sets) each is resampled within itself: what
    is uncertain is the choice of folds, the data sets are given.

    Folds share training data, and there are few: over folds the interval is too narrow, and
    `corrected_resampled_t` the one to trust.

    Args:
        groups: Differences, at least three in each group.
        confidence: The level of the interval, in (0, 1).
        seed: Seed of the resampling.

    Returns:
        The interval, or the reason why there is none.

    >>> bootstrap_interval([0.0, 1.0, 2.0, 3.0], seed=1)
    Interval(low=0.5, high=2.5, reason=None)
    """
    arrays = [np.asarray(group, dtype=float) for group in groups]
    fewest = min((len(array) for array in arrays), default=0)
    if fewest < FEWEST_TO_RESAMPLE:
        return Interval(None, None, f"too few values ({fewest}) to resample")
    if any(np.isnan(array).any() for array in arrays):
        return Interval(None, None, "a value is undefined")
    if all(np.ptp(array) == 0 for array in arrays):
        mean = float(np.mean([array[0] for array in arrays]))
        return Interval(mean, mean)
    drawn = bootstrap(
        arrays,
        _mean_of_means,
        confidence_level=confidence,
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(drawn.low), float(drawn.high))


def _mean_of_means(*arrays: np.ndarray, axis: int = -1) -> np.ndarray:
    means: np.ndarray = np.mean([array.mean(axis=axis) for array in arrays], axis=0)
    return means
