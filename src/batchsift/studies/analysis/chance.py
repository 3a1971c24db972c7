"""Chance: Random against Random with another seed of the drawing, and nothing else changed."""

import math
from dataclasses import dataclass

import numpy as np

from batchsift.statistics import Interval, corrected_mean, corrected_resampled_t
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope


@dataclass(frozen=True)
class Chance:
    """What chance in the drawing does to a metric.

    Args:
        metric: The key of the metric.
        gain: The mean difference of the second Random to the first, above zero for the better: what a gain of
            nothing looks like.
        interval: Its confidence interval.
        spread: The root of the mean squared difference of a run to its pair: the difference that chance makes to one
            run.
    """

    metric: str
    gain: float
    interval: Interval
    spread: float


def measure_chance(scope: Scope, key: str) -> Chance | None:
    """Measure what chance does to a metric; None where Random was not run again, or the metric is undefined."""
    gains = scope.gains_of_chance(key)
    if not gains or any(math.isnan(one) for folds in gains.values() for one in folds):
        return None
    ratio = float(np.mean([run.facts.test_to_train for run in scope.runs_of(BASELINE)]))
    tests = [corrected_resampled_t(folds, test_to_train=ratio, confidence=1 - scope.alpha) for folds in gains.values()]
    differences = np.concatenate([np.asarray(folds) for folds in gains.values()])
    return Chance(
        metric=key,
        gain=float(np.mean([test.mean for test in tests])),
        interval=corrected_mean(tests, confidence=1 - scope.alpha),
        spread=float(np.sqrt((differences**2).mean())),
    )
