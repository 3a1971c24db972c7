"""The folds of one data set: means, and what a test over them can reach. Shapes: F folds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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


def summarize(values: Sequence[float]) -> Summary:
    """Return the mean and the sample standard deviation over folds.

    Args:
        values: F values, at least one.

    >>> summarize([0.5, 0.7])
    Summary(mean=0.6, std=0.1414..., folds=(0.5, 0.7))
    """
    folds = tuple(float(value) for value in values)
    return Summary(float(np.mean(folds)), float(np.std(folds, ddof=1)) if len(folds) > 1 else math.nan, folds)


def smallest_p(num_folds: int) -> float:
    """Return the smallest p that the two-sided signed-rank test can give, `2 / 2^F`: all differences of one sign.

    Args:
        num_folds: F, or another number of pairs.

    >>> smallest_p(5)
    0.0625
    """
    return 2.0 ** (1 - num_folds)
