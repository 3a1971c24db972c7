"""Summaries of runs: scores of the methods, and what a run costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from batchsift.image_metrics import ALL_METRICS
from batchsift.statistics import Summary, summarize
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope

DECIMALS = 4  # means that agree in so many are equally good


@dataclass(frozen=True)
class Score:
    """A method's values of one metric on one data set.

    Args:
        summary: Mean and standard deviation over the runs.
        is_best: Whether the mean is the best of all methods; none is where all are alike.
    """

    summary: Summary
    is_best: bool


def score_methods(scope: Scope, key: str, data: str, *, last: bool = False) -> dict[str, Score]:
    """Summarize a metric on a data set, at the best epoch or at the last: method to score."""
    better = max if ALL_METRICS[key].higher_is_better else min
    values = {
        method: [(run.last_metrics if last else run.metrics)[key] for run in scope.runs_of(method, data)]
        for method in scope.methods
    }
    summaries = {method: summarize(of_method) for method, of_method in values.items()}
    rounded = {method: round(summary.mean, DECIMALS) for method, summary in summaries.items()}
    distinct = {mean for mean in rounded.values() if not math.isnan(mean)}
    best = better(distinct) if len(distinct) > 1 else None
    return {method: Score(summary, rounded[method] == best) for method, summary in summaries.items()}


def lowest_rank(ranks: Mapping[str, float]) -> float | None:
    """Return the best rank there is; None where all are undefined."""
    return min((rank for rank in ranks.values() if not math.isnan(rank)), default=None)


@dataclass(frozen=True)
class Cost:
    """What a run of a method takes: means over runs.

    Args:
        total_seconds: Seconds of selection, training and scoring.
        selection_seconds: Seconds of them spent in the selector.
        times_random: `total_seconds` over Random's; None without Random.
        best_epoch: The epoch with the best validation value, counted from 1.
    """

    total_seconds: float
    selection_seconds: float
    times_random: float | None
    best_epoch: float


def measure_costs(scope: Scope) -> dict[str, Cost]:
    """Average what a run takes: method to cost."""
    runs = {method: scope.runs_of(method) for method in scope.methods}
    random = _mean([run.total_seconds for run in runs.get(BASELINE, [])])
    costs = {}
    for method, own in runs.items():
        total = _mean([run.total_seconds for run in own])
        costs[method] = Cost(
            total_seconds=total,
            selection_seconds=_mean([run.selection_seconds for run in own]),
            times_random=total / random if random > 0 else None,
            best_epoch=_mean([run.best_epoch + 1 for run in own]),
        )
    return costs


def count_still_learning(scope: Scope) -> tuple[int, int]:
    """Count Random's runs whose best epoch is their last, and all of Random's runs."""
    runs = scope.runs_of(BASELINE)
    return sum(run.best_epoch + 1 == len(run.curve) for run in runs), len(runs)


def ran_side_by_side(scope: Scope) -> bool:
    """Return whether some runs certainly overlapped in time: starts are known to the second."""
    runs = [run for method in scope.methods for run in scope.runs_of(method)]
    runs += [run for by_pair in scope.again.values() for run in by_pair.values()]
    spans = sorted((datetime.fromisoformat(run.started).timestamp(), run.total_seconds) for run in runs if run.started)
    if not spans:
        return False
    first, end = spans[0][0], max(start + seconds for start, seconds in spans)
    if sum(seconds for _, seconds in spans) > end + 1 - first:
        return True
    return any(start + seconds >= later + 1 for (start, seconds), (later, _) in pairwise(spans))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan
