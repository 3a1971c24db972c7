"""Several methods on all folds of one data set."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchsift.methods import create
from batchsift.metrics import METRICS
from batchsift.statistics import (
    PairedDifference,
    Summary,
    average_ranks,
    overall_ranks,
    paired_difference,
    summarize,
)
from batchsift.studies.executor import Task, execute
from batchsift.studies.record import Cell, CellConfig
from batchsift.studies.sources import GivenSource
from batchsift.studies.store import Store
from batchsift.training.fold import EpochRecord, FoldResult
from batchsift.training.loop import DivergedError
from batchsift.training.prepare import Prepared
from batchsift.training.provenance import fingerprint, versions

BASELINE = "random"


class RunFailedError(RuntimeError):
    """A run failed; the message holds its traceback."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: The name of the base model.
        results: Method to its runs, in the order of the folds; methods in the order asked for.
        hyperparameters: Of the model, as given.
        settings: What the settings are called.
    """

    prepared: Prepared
    model: str
    results: Mapping[str, tuple[FoldResult, ...]]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    settings: str = "paper"

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
            key: {method: summarize(values) for method, values in self.values(key, last=last).items()}
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
        return overall_ranks(
            {key: self.values(key) for key in METRICS},
            higher_is_better={key: metric.higher_is_better for key, metric in METRICS.items()},
        )

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
    hyperparameters: Mapping[str, Any] | None = None,
    settings: str = "paper",
    store: Store | None = None,
    jobs: int = 1,
    on_start: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[str, int, EpochRecord], None] | None = None,
    on_run: Callable[[FoldResult], None] | None = None,
) -> Comparison:
    """Runs all methods on all folds, fold by fold.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        methods: Names of `batchsift.methods`.
        hyperparameters: Of the model; its own defaults for the others.
        settings: What the settings are called.
        store: Where runs are kept; what is there already, computed with the same versions, is not run again.
        jobs: Processes.
        on_start: Called with the number of runs that the store has already, and of those that it has but that were
            computed with other versions, and are run again.
        on_epoch: Called with method, fold and record of every epoch; with several processes when its run is over.
        on_run: Called with the result of every run.

    Raises:
        ValueError: for an unknown name, or methods that are none or not distinct.
        DivergedError: when the predictions of a run are no longer finite.
        RunFailedError: when a run fails in another way.
    """
    check_methods(methods)
    content = fingerprint(prepared.data, rows=prepared.kept_samples)
    configs = [
        CellConfig(
            data=prepared.data.name,
            model=model,
            method=method,
            settings=settings,
            fold=fold,
            seed=prepared.seed,
            base_method=method,
            method_options={},
            hyperparameters=hyperparameters or {},
            training=prepared.settings,
            data_fingerprint=content,
        )
        for fold in range(len(prepared.splits))
        for method in methods
    ]
    stored = [] if store is None else _finished(store, configs)
    cells = {cell.key: cell for cell in stored if cell.versions == versions()}
    if on_start is not None:
        on_start(len(cells), len(stored) - len(cells))

    def keep(cell: Cell) -> None:
        if store is not None:
            store.write(cell)
        _raise_failure(cell)
        cells[cell.key] = cell
        if jobs > 1 and on_epoch is not None:
            for record in cell.result.epochs:
                on_epoch(cell.config.method, cell.config.fold, record)
        if on_run is not None:
            on_run(cell.result)

    tasks = [Task(config, GivenSource(prepared), size=0) for config in configs if config.key not in cells]
    execute(tasks, jobs=jobs, on_cell=keep, on_epoch=_of(on_epoch))
    results = {method: tuple(cells[c.key].result for c in configs if c.method == method) for method in methods}
    return Comparison(prepared, model, results, hyperparameters or {}, settings)


def _finished(store: Store, configs: Sequence[CellConfig]) -> list[Cell]:
    keys = store.keys()
    cells = [store.read(config.key) for config in configs if config.key in keys]
    return [cell for cell in cells if cell.status == "done"]


def _raise_failure(cell: Cell) -> None:
    for message in cell.warnings:
        warnings.warn(message, UserWarning, stacklevel=2)
    if cell.error is None:
        return
    if cell.error.type == DivergedError.__name__:
        raise DivergedError(cell.error.message)
    raise RunFailedError(f"{cell.config} failed:\n{cell.error.traceback}")


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
    on_epoch: Callable[[str, int, EpochRecord], None] | None,
) -> Callable[[CellConfig, EpochRecord], None] | None:
    if on_epoch is None:
        return None
    return lambda config, record: on_epoch(config.method, config.fold, record)
