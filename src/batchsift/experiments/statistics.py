"""Statistics over the folds of a comparison: means, ranks, and paired differences to a baseline.

A method's values are one number a fold; methods are paired by fold. F folds, M methods.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, wilcoxon

from batchsift.metrics import METRICS


@dataclass(frozen=True)
class Summary:
    """One metric of one method.

    Args:
        mean: Over the folds; NaN where a fold is NaN.
        std: Sample standard deviation (ddof 1); NaN with fewer than two folds.
        folds: The values.
    """

    mean: float
    std: float
    folds: tuple[float, ...]


@dataclass(frozen=True)
class PairedDifference:
    """A method less the baseline, fold by fold.

    Args:
        mean: Of the differences.
        p_value: Two-sided, in (0, 1]; NaN where it does not exist.
    """

    mean: float
    p_value: float


def summarise(values: Sequence[float]) -> Summary:
    """Mean and standard deviation over folds.

    >>> summarise([0.5, 0.7])
    Summary(mean=0.6, std=0.1414..., folds=(0.5, 0.7))
    """
    folds = tuple(float(value) for value in values)
    return Summary(float(np.mean(folds)), float(np.std(folds, ddof=1)) if len(folds) > 1 else math.nan, folds)


def average_ranks(values: Mapping[str, Sequence[float]], *, higher_is_better: bool) -> dict[str, float]:
    """The mean over folds of each method's rank, from 1 (best) to M; ties share the mean of their ranks.

    Args:
        values: Method to its F values of one metric.
        higher_is_better: Direction of the metric.

    Returns:
        Method to average rank; NaN for all where any value is NaN.

    >>> average_ranks({"a": [0.9, 0.5], "b": [0.8, 0.5]}, higher_is_better=True)
    {'a': 1.25, 'b': 1.75}
    """
    table_MF = np.array(list(values.values()), dtype=float)
    if np.isnan(table_MF).any():
        return dict.fromkeys(values, math.nan)
    ranks_MF = rankdata(-table_MF if higher_is_better else table_MF, axis=0)
    return dict(zip(values, ranks_MF.mean(axis=1).tolist(), strict=True))


def overall_ranks(values: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """The mean of the average ranks over all metrics that are defined on every fold.

    Args:
        values: Metric key to method to its F values.

    Returns:
        Method to rank in [1, M]; NaN where no metric is defined.

    >>> overall_ranks({"macro_auc": {"a": [0.9], "b": [0.8]}, "one_error": {"a": [0.3], "b": [0.3]}})
    {'a': 1.25, 'b': 1.75}
    """
    tables = [
        average_ranks(by_method, higher_is_better=METRICS[key].higher_is_better) for key, by_method in values.items()
    ]
    ranks: dict[str, list[float]] = {method: [] for table in tables for method in table}
    for table in tables:
        for method, rank in table.items():
            if not math.isnan(rank):
                ranks[method].append(rank)
    return {method: float(np.mean(of)) if of else math.nan for method, of in ranks.items()}


def paired_difference(values: Sequence[float], baseline: Sequence[float]) -> PairedDifference:
    """The mean difference and the p of the two-sided Wilcoxon signed-rank test.

    Folds without a difference are left out of the test; where there is no difference at all, p is 1. With
    fewer than two folds, or a value that is NaN, p is NaN.

    Args:
        values: F values of a method.
        baseline: F values of the baseline, in the same order of folds.

    Raises:
        ValueError: for different numbers of folds.

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
    """The smallest p the two-sided signed-rank test can give: all differences of one sign.

    >>> smallest_p(5)
    0.0625
    """
    return 2.0 ** (1 - num_folds)
