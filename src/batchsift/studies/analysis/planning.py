"""Planning: what the runs of a data set could tell apart, and what it takes to see a gain of the size found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batchsift.metrics import METRICS
from batchsift.statistics import repetitions_needed, smallest_effect
from batchsift.statistics.power import POWER
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import format_percent, format_value


@dataclass(frozen=True)
class MetricPower:
    """What can be seen by a metric on one data set.

    Args:
        metric: The key of the metric.
        method: The method with the largest gain.
        gain: Its gain.
        detectable: The smallest true gain that is told apart in `power` of cases, at the first step of the
            adjustment: in the worst case the clearest gain must pass the level over the number of comparisons.
        repetitions: How often the folds would have to be run, with other splits, to tell a true gain as large as the
            one found apart in `power` of cases; 1 where those there are do, None where no number does or there is
            no gain.
        runs: The runs of a method there are: N.
        power: The share of cases.
    """

    metric: str
    method: str
    gain: float
    detectable: float
    repetitions: int | None
    runs: int
    power: float = POWER

    @property
    def sentence(self) -> str:
        """The same in words."""
        name, share = METRICS[self.metric].name, format_percent(self.power)
        seen = f"{name}: a true gain of {format_value(self.detectable)} would be told apart in {share} of cases"
        if self.gain <= 0:
            return f"{seen}; no method gained anything."
        found = f"the largest found is {format_value(self.gain)} ({self.method})"
        if self.repetitions == 1:
            return f"{seen}; {found}."
        if self.repetitions is None:
            return f"{seen}; {found}: no number of repetitions would show one so small, only more data would."
        return f"{seen}; {found}: to see one of that size, repeat the folds with {self.repetitions} seeds."


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
    num = len(by_method[method])
    ratio = float(np.mean([run.facts.test_to_train for run in scope.runs_of(method)]))
    alpha = scope.alpha / scope.num_comparisons
    return MetricPower(
        metric=key,
        method=method,
        gain=gain,
        detectable=smallest_effect(std, num, test_to_train=ratio, alpha=alpha),
        repetitions=repetitions_needed(gain, std, num, test_to_train=ratio, alpha=alpha) if gain > 0 else None,
        runs=num,
    )
