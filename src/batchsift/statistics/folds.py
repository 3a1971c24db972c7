"""The folds of one data set: means, and paired differences to a baseline.

A method has one value for each fold, and methods are paired by fold. Shapes: F folds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon


@dataclass(frozen=True)
class Summary:
    """Mean and spread of one metric of one method over folds.

    Args:
        mean: Mean over the folds; NaN where a fold is NaN.
        std: Sample standard deviation (ddof 1); NaN with fewer than two folds.
        folds: The F values.
    """

    mean: float
    std: float
    folds: tuple[float, ...]


@dataclass(frozen=True)
class PairedDifference:
    """The difference of a method to the baseline, fold by fold.

    Args:
        mean: Mean difference, above zero where the method's values are higher.
        p_value: Two-sided p, in (0, 1]; NaN where it does not exist.
    """

    mean: float
    p_value: float


def summarize(values: Sequence[float]) -> Summary:
    """Return the mean and the sample standard deviation over folds.

    Args:
        values: F values, at least one.

    >>> summarize([0.5, 0.7])
    Summary(mean=0.6, std=0.1414..., folds=(0.5, 0.7))
    """
    folds = tuple(float(value) for value in values)
    return Summary(float(np.mean(folds)), float(np.std(folds, ddof=1)) if len(folds) > 1 else math.nan, folds)


def paired_difference(values: Sequence[float], baseline: Sequence[float]) -> PairedDifference:
    """Return the mean difference and the p of the two-sided signed-rank test (Wilcoxon, Biometrics Bulletin 1, 1945).

    Folds without a difference are left out of the test, as Wilcoxon did; where there is no difference at all, p is 1.
    With fewer than two folds, or a value that is NaN, p is NaN.

    Args:
        values: F values of a method.
        baseline: F values of the baseline, in the same order of folds.

    Raises:
        ValueError: The numbers of folds differ.

    >>> paired_difference([0.6, 0.8, 0.9], [0.5, 0.6, 0.6]).p_value
    0.25
    """
    if len(values) != len(baseline):
        raise ValueError(f"values of the same folds are needed, got {len(values)} and {len(baseline)}")
    differences = np.asarray(values, dtype=float) - np.asarray(baseline, dtype=float)
    mean = float(differences.mean())
    if len(differences) < 2 or math.isnan(mean):
        return PairedDifference(mean, math.nan)
    if not differences.any():
        return PairedDifference(mean, 1.0)
    return PairedDifference(mean, float(wilcoxon(differences).pvalue))


def smallest_p(num_folds: int) -> float:
    """Return the smallest p that the two-sided signed-rank test can give, `2 / 2^F`: all differences of one sign.

    Args:
        num_folds: F, or another number of pairs.

    >>> smallest_p(5)
    0.0625
    """
    return 2.0 ** (1 - num_folds)
