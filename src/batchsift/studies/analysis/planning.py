"""Planning: what the runs of a data set could tell apart, and what it takes to see a gain of the size found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batchsift.statistics import repetitions_needed, smallest_effect
from batchsift.statistics.power import POWER
from batchsift.studies.analysis.scopes import Scope


@dataclass(frozen=True)
class MetricPower:
    """What can be seen by a metric on one data set.

    Args:
        metric: The key of the metric.
        method: The method with the largest gain.
        gain: Its gain.
        detectable: The smallest true gain that is told apart in `power` of cases, at the first step of the
            adjustment: in the worst case the clearest gain must pass the level over the number of comparisons.
        seeds: The seeds that the folds were run with.
        seeds_needed: The number of seeds, `seeds` included, with which a true gain as large as the one found would be
            told apart in `power` of cases; None where no number is enough, or there is no gain.
        runs: The runs of a method there are: N.
        power: The share of cases.
    """

    metric: str
    method: str
    gain: float
    detectable: float
    seeds: int
    seeds_needed: int | None
    runs: int
    power: float = POWER


def measure_power(scope: Scope) -> tuple[MetricPower, ...]:
    """Say for each metric of a scope's family what its runs could tell apart; nothing over several data sets."""
    if len(scope.data) != 1:
        return ()
    found = []
    for key in scope.family:
        by_method = {method: gains for method in scope.challengers for gains in scope.gains(method, key).values()}
        known = {method: gains for method, gains in by_method.items() if len(gains) > 2 and not np.isnan(gains).any()}
        spreads = [float(np.std(gains, ddof=1)) for gains in known.values()]
        if known and any(spreads):
            found.append(_power(scope, key, known, float(np.median([s for s in spreads if s]))))
    return tuple(found)


def _power(scope: Scope, key: str, by_method: Mapping[str, Sequence[float]], typical: float) -> MetricPower:
    means = {method: float(np.mean(gains)) for method, gains in by_method.items()}
    method = max(means, key=lambda method: means[method])
    gain, std = means[method], float(np.std(by_method[method], ddof=1)) or typical
    runs, num = scope.runs_of(method), len(by_method[method])
    seeds = len({run.config.seed for run in runs})
    ratio = float(np.mean([run.facts.test_to_train for run in runs]))
    alpha = scope.alpha / scope.num_comparisons
    needed = None
    if gain > 0:
        needed = repetitions_needed(gain, std, round(num / seeds), test_to_train=ratio, alpha=alpha)
    return MetricPower(
        metric=key,
        method=method,
        gain=gain,
        detectable=smallest_effect(std, num, test_to_train=ratio, alpha=alpha),
        seeds=seeds,
        seeds_needed=needed,
        runs=num,
    )
