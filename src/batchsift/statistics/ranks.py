"""Average ranks of methods over folds or data sets, and groups of methods that were not told apart.

Shapes: M methods, F folds (or data sets).
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import rankdata


def average_ranks(values: Mapping[str, Sequence[float]], *, higher_is_better: bool) -> dict[str, float]:
    """Return the mean over folds of each method's rank, from 1 (best) to M (Demsar, JMLR 2006, section 3.2.2).

    Ties share the mean of their ranks.

    Args:
        values: Method to its F values of one metric.
        higher_is_better: Whether higher values are better.

    Returns:
        Method to average rank in [1, M]; NaN for all where any value is NaN.

    >>> average_ranks({"a": [0.9, 0.5], "b": [0.8, 0.5]}, higher_is_better=True)
    {'a': 1.25, 'b': 1.75}
    """
    table_MF = np.array(list(values.values()), dtype=float)
    if np.isnan(table_MF).any():
        return dict.fromkeys(values, math.nan)
    ranks_MF = rankdata(-table_MF if higher_is_better else table_MF, axis=0)
    return dict(zip(values, ranks_MF.mean(axis=1).tolist(), strict=True))


def overall_ranks(
    values: Mapping[str, Mapping[str, Sequence[float]]], *, higher_is_better: Mapping[str, bool]
) -> dict[str, float]:
    """Return the mean of the average ranks over all metrics that are defined on every fold and differ on any.

    A metric by which all methods are equal on every fold tells nothing of them, and would draw their ranks together.

    Args:
        values: Metric to method to its F values.
        higher_is_better: Metric to whether higher values are better.

    Returns:
        Method to rank in [1, M]; NaN where no metric is left.

    >>> values = {"macro_auc": {"a": [0.9], "b": [0.8]}, "one_error": {"a": [0.3], "b": [0.3]}}
    >>> overall_ranks(values, higher_is_better={"macro_auc": True, "one_error": False})
    {'a': 1.0, 'b': 2.0}
    """
    tables = [
        average_ranks(by_method, higher_is_better=higher_is_better[key])
        for key, by_method in values.items()
        if len({tuple(folds) for folds in by_method.values()}) > 1 or len(by_method) == 1
    ]
    ranks: dict[str, list[float]] = {method: [] for by_method in values.values() for method in by_method}
    for table in tables:
        for method, rank in table.items():
            if not math.isnan(rank):
                ranks[method].append(rank)
    return {method: float(np.mean(of_method)) if of_method else math.nan for method, of_method in ranks.items()}


def groups(ranks: Mapping[str, float], same: Callable[[str, str], bool]) -> list[tuple[str, ...]]:
    """Return the runs of adjacent methods of which no two were told apart: the bars of a critical-difference diagram.

    They are those of Demsar (JMLR 2006, figure 1).

    Args:
        ranks: Method to average rank.
        same: A function that says whether a test failed to tell two methods apart.

    Returns:
        The longest such runs of two methods or more, the best methods first; a run inside another is left out.

    >>> ranks = {"a": 1.2, "b": 2.0, "c": 2.8}
    >>> groups(ranks, lambda one, other: abs(ranks[one] - ranks[other]) < 1)
    [('a', 'b'), ('b', 'c')]
    """
    order = sorted(ranks, key=lambda method: ranks[method])
    joined: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and all(same(method, order[end]) for method in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            joined.append(tuple(order[start:end]))
        reached = max(reached, end)
    return joined
