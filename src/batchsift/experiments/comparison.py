"""Several methods on all folds of one data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batchsift.experiments.preparation import Prepared
from batchsift.experiments.protocol import EpochRecord, FoldResult, run_fold
from batchsift.experiments.statistics import (
    PairedDifference,
    Summary,
    average_ranks,
    overall_ranks,
    paired_difference,
    summarise,
)
from batchsift.methods import create
from batchsift.metrics import METRICS

BASELINE = "random"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: The name of the base model.
        results: Method to its runs, in the order of the folds; methods in the order asked for.
    """

    prepared: Prepared
    model: str
    results: Mapping[str, tuple[FoldResult, ...]]

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order asked for."""
        return tuple(self.results)

    def values(self, key: str, *, last: bool = False) -> dict[str, list[float]]:
        """Method to the values of a metric, one a fold: at the best epoch, or at the last."""
        return {
            method: [(run.last_metrics if last else run.metrics)[key] for run in runs]
            for method, runs in self.results.items()
        }

    def summaries(self, *, last: bool = False) -> dict[str, dict[str, Summary]]:
        """Metric key to method to mean and standard deviation over the folds."""
        return {
            key: {method: summarise(values) for method, values in self.values(key, last=last).items()}
            for key in METRICS
        }

    def ranks(self) -> dict[str, dict[str, float]]:
        """Metric key to method to average rank over the folds, at the best epochs."""
        return {
            key: average_ranks(self.values(key), higher_is_better=metric.higher_is_better)
            for key, metric in METRICS.items()
        }

    def overall_ranks(self) -> dict[str, float]:
        """Method to its average rank over folds and metrics, at the best epochs."""
        return overall_ranks({key: self.values(key) for key in METRICS})

    def differences(self) -> dict[str, dict[str, PairedDifference]]:
        """Metric key to method to its paired difference to Random, at the best epochs.

        Empty where Random was not among the methods.
        """
        if BASELINE not in self.results:
            return {}
        table = {}
        for key in METRICS:
            values = self.values(key)
            baseline = values.pop(BASELINE)
            table[key] = {method: paired_difference(own, baseline) for method, own in values.items()}
        return table


def compare(
    prepared: Prepared,
    *,
    model: str,
    methods: Sequence[str],
    on_epoch: Callable[[str, int, EpochRecord], None] | None = None,
    on_run: Callable[[FoldResult], None] | None = None,
) -> Comparison:
    """Runs all methods on all folds, fold by fold.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        methods: Names of `batchsift.methods`.
        on_epoch: Called with method, fold and record of every epoch.
        on_run: Called with the result of every run.

    Raises:
        ValueError: for an unknown name, or methods that are none or not distinct.
        DivergedError: when the predictions of a run are no longer finite.
    """
    check_methods(methods)
    results: dict[str, list[FoldResult]] = {method: [] for method in methods}
    for fold in range(len(prepared.splits)):
        for method, runs in results.items():
            run = run_fold(prepared, model=model, method=method, fold=fold, on_epoch=_of(on_epoch, method, fold))
            runs.append(run)
            if on_run is not None:
                on_run(run)
    return Comparison(prepared, model, {method: tuple(runs) for method, runs in results.items()})


def check_methods(methods: Sequence[str]) -> None:
    """Makes sure that `compare` can run these methods.

    Raises:
        ValueError: for an unknown name, or methods that are none or not distinct.
    """
    for method in methods:
        create(method)
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"methods must be distinct, and at least one, got {', '.join(methods) or 'none'}")


def _of(
    on_epoch: Callable[[str, int, EpochRecord], None] | None, method: str, fold: int
) -> Callable[[EpochRecord], None] | None:
    if on_epoch is None:
        return None
    return lambda record: on_epoch(method, fold, record)
