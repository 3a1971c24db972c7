"""What came out, small enough to be kept beside the code: every metric of every pair, after the last epoch."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.metrics import METRICS
from batchsift.studies.analysis.contrasts import Contrast, PairedValues, contrast_methods
from batchsift.studies.config import ALPHA
from batchsift.studies.store import Store
from benchmarks.does_it_help import plan, running

FILE = Path(__file__).parent / "results.json"
DIGITS = 6


class Results:
    """Metrics by budget, data set, row and metric: a list with one number a pair.

    Args:
        document: What `collect` returned.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._budgets = {int(budget): by_set for budget, by_set in document["budgets"].items()}

    @classmethod
    def read(cls) -> "Results":
        """Read what is kept beside the code."""
        return cls(json.loads(FILE.read_text(encoding="utf-8")))

    @property
    def budgets(self) -> list[int]:
        """The budgets there are results of."""
        return list(self._budgets)

    def sets(self, budget: int) -> list[str]:
        """Return the data sets there are results of."""
        return list(self._budgets[budget])

    def rate(self, budget: int, data: str, loss: str) -> float:
        """Return the learning rate that was found."""
        return float(self._budgets[budget][data]["learning_rates"][loss])

    def values(self, budget: int, data: str, row: str, metric: str) -> np.ndarray:
        """Return a metric of every pair."""
        return np.array(self._budgets[budget][data]["rows"][row][metric])

    def contrasts(self, budget: int, metric: str) -> dict[str, Contrast]:
        """Compare every row with Random, as the analysis of any study does."""
        names = {row.name: (budget, row.name) for row in plan.ROWS}
        return self._contrasted(metric, names, self.sets(budget))

    def contrast(self, metric: str, row: tuple[int, str], other: tuple[int, str]) -> Contrast:
        """Compare a row of a budget with a row of another one."""
        sets = [data for data in self.sets(row[0]) if data in self.sets(other[0])]
        return self._contrasted(metric, {plan.BASELINE: other, row[1]: row}, sets)[row[1]]

    def _contrasted(self, metric: str, rows: Mapping[str, tuple[int, str]], sets: Sequence[str]) -> dict[str, Contrast]:
        better = METRICS[metric].higher_is_better
        paired = {}
        for data in sets:
            values = {name: self.values(budget, data, row, metric) for name, (budget, row) in rows.items()}
            random = values[plan.BASELINE]
            paired[data] = PairedValues(
                gains={
                    name: tuple(((own - random) if better else (random - own)).tolist())
                    for name, own in values.items()
                    if name != plan.BASELINE
                },
                test_to_train=1 / (plan.FOLDS - 1),
            )
        return contrast_methods(metric, paired, alpha=ALPHA)


def collect(store: Store, sets: Iterable[str], budgets: Sequence[int]) -> dict[str, Any]:
    """Read the runs of a store; a data set and budget with runs missing is left out."""
    there, content = store.keys(), {}
    for budget in budgets:
        by_set = {}
        for data in sets:
            tasks = running.finished_tasks(store, there, data, budget)
            if not tasks:
                continue
            rows: dict[str, dict[str, list[float]]] = {}
            rates = {}
            for config in (each.config for each in tasks):
                last = store.read(config.key).result.last_metrics
                by_metric = rows.setdefault(config.method, {metric: [] for metric in plan.METRICS})
                for metric in plan.METRICS:
                    by_metric[metric].append(float(f"{last[metric]:.{DIGITS}g}"))
                rates[config.training.loss] = config.training.learning_rate
            by_set[data] = {"learning_rates": rates, "rows": rows}
        if by_set:
            content[str(budget)] = by_set
    return {"pairs": [[seed, fold] for seed in plan.SEEDS for fold in range(plan.FOLDS)], "budgets": content}
