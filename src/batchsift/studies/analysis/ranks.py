"""Ranks: the methods of a scope in order, and which of them a test did not tell apart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from batchsift.statistics import critical_difference, groups
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import NOTHING, format_percent, state_p


@dataclass(frozen=True)
class RankComparison:
    """The average ranks of the methods by one metric.

    Args:
        ranks: Method to average rank, 1 is best; all the same where one is undefined.
        difference: Nemenyi's critical difference; None without a test.
        groups: Methods that were not told apart, one group a bar of the diagram.
        text: The test in words, or why there is none.
    """

    ranks: Mapping[str, float]
    difference: float | None
    groups: tuple[tuple[str, ...], ...]
    text: str


def compare_ranks(scope: Scope, key: str) -> RankComparison:
    """Rank the methods of a scope by a metric: over data sets, or over folds where there is one data set."""
    test = scope.friedman(key)
    over_data_sets = len(scope.runs) > 1
    ranks = test.ranks if over_data_sets else scope.fold_ranks(key)
    undefined = any(map(math.isnan, ranks.values()))
    if undefined or test.significance.p_value is None:
        reason = test.significance.reason or ""
        if undefined:
            ranks = dict.fromkeys(ranks, (len(ranks) + 1) / 2)
        text = f"No test: {reason}. Ranks over {'data sets' if over_data_sets else 'folds'} only describe."
        return RankComparison(ranks, None, (), text)
    by_rank, _ = scope.pairwise(key)
    first, second = test.degrees
    text = (
        f"Friedman χ² = {test.chi_square:.2f}, Iman–Davenport F({first}, {second}) = "
        f"{_format_statistic(test.f_statistic)}, {state_p(test.significance.p_value)}. Bars join methods that "
        f"Nemenyi's test leaves together at {format_percent(scope.alpha)}."
    )
    return RankComparison(
        ranks=ranks,
        difference=critical_difference(len(ranks), test.num_blocks, scope.alpha),
        groups=tuple(groups(ranks, lambda one, other: not by_rank.between(one, other).below(scope.alpha))),
        text=text,
    )


def _format_statistic(statistic: float | None) -> str:
    return NOTHING if statistic is None else "∞" if math.isinf(statistic) else f"{statistic:.2f}"


@dataclass(frozen=True)
class PairComparison:
    """Two methods by one metric, over data sets.

    Args:
        one, other: The names of the methods.
        metric: The key of the metric.
        rank_difference: The average rank of `one` less that of `other`.
        nemenyi_p: Nemenyi's p; None without a test.
        wilcoxon_p: The p of Wilcoxon's test, adjusted by Holm's procedure; None without a test.
    """

    one: str
    other: str
    metric: str
    rank_difference: float
    nemenyi_p: float | None
    wilcoxon_p: float | None


def compare_pairs(scope: Scope, key: str) -> list[PairComparison]:
    """Compare every pair of methods by a metric; pairs without any test are left out."""
    ranks = scope.friedman(key).ranks
    by_rank, by_sign = scope.pairwise(key)
    pairs = []
    for number, one in enumerate(scope.methods):
        for other in scope.methods[number + 1 :]:
            p_rank, p_sign = by_rank.between(one, other).p_value, by_sign.between(one, other).p_value
            if p_rank is not None or p_sign is not None:
                pairs.append(PairComparison(one, other, key, ranks[one] - ranks[other], p_rank, p_sign))
    return pairs
