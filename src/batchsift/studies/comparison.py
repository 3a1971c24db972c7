"""Comparisons: several methods on all folds of one data set, and what may be said of them."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from batchsift.data import ImageData
from batchsift.data.images import PictureError
from batchsift.image_metrics import ALL_METRICS
from batchsift.metrics import METRICS
from batchsift.statistics import summarize
from batchsift.studies.analysis.runs import BASELINE, Run, StudyRuns
from batchsift.studies.analysis.scopes import Scope, find_scopes
from batchsift.studies.analysis.verdict import Answer, find_answer
from batchsift.studies.comparison_checks import check_losses, check_methods, check_metrics, loss_of
from batchsift.studies.config import ALPHA, HEADLINES, CellConfig, StudyManifest
from batchsift.studies.executor import Task, execute
from batchsift.studies.record import CellRecord, DataFacts
from batchsift.studies.sources import GivenSource
from batchsift.studies.store import Store
from batchsift.training.fold import FoldResult
from batchsift.training.found import Found
from batchsift.training.loop import DivergedError
from batchsift.training.prepare import Prepared
from batchsift.training.provenance import fingerprint, versions
from batchsift.training.recording import EpochRecord
from batchsift.training.settings import split_loss

if TYPE_CHECKING:
    import pandas as pd


class RunFailedError(RuntimeError):
    """A run failed; the message holds its traceback."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: The name of the base model.
        results: Method to its runs, in the order of the folds; methods in the order asked for.
        hyperparameters: The hyperparameters of the model, as given.
        settings: The name of the settings.
        found: What a search chose of the settings.
        again: Random's runs with another seed of the drawing, in the order of the folds; none where it was not asked
            for.
        metrics: Keys of the metrics that were asked for.
        budget: Whether the number of epochs is one that is meant, so that training need not be over.
    """

    prepared: Prepared
    model: str
    results: Mapping[str, tuple[FoldResult, ...]]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    settings: str = "default"
    found: Found = field(default_factory=Found)
    again: tuple[FoldResult, ...] = ()
    metrics: tuple[str, ...] = HEADLINES
    budget: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in the order asked for."""
        return tuple(self.results)

    @property
    def known_metrics(self) -> tuple[str, ...]:
        """Keys of the metrics that the runs have: those of the protocol, and of pictures also theirs."""
        return tuple(ALL_METRICS if isinstance(self.prepared.data, ImageData) else METRICS)

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of all runs; None where a search chose several."""
        rates = {found.best.learning_rate for found in self.found.rates.values()} or {
            self.prepared.settings.learning_rate
        }
        return rates.pop() if len(rates) == 1 else None

    @cached_property
    def runs(self) -> StudyRuns:
        """The runs as the analysis takes them."""
        configs = _cell_configs(
            self.prepared,
            self.model,
            self.methods,
            hyperparameters=self.hyperparameters,
            settings=self.settings,
            found=self.found,
        )
        repeats = _repeats_of_random(configs) if self.again else []
        facts = [DataFacts.of_fold(self.prepared, fold) for fold in range(len(self.prepared.splits))]
        return StudyRuns(
            name=self.prepared.data.name,
            planned=(*configs, *repeats),
            runs=tuple(
                Run.of_result(config, facts[config.fold], self.results[config.method][config.fold])
                for config in configs
            ),
            again=tuple(Run.of_result(config, facts[config.fold], self.again[config.fold]) for config in repeats),
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return the scores as a data frame: one row a method and metric.

        `mean` and `std` over the folds, on the test part, at the best epoch; `gain` over Random with its interval,
        `low` to `high`, and the p of its test, NaN for Random itself. Gains above zero are better, whatever the
        metric's direction.
        """
        import pandas as pd  # noqa: PLC0415 (an extra)

        rows = []
        for key in self.known_metrics:
            contrasts = self.scope.contrasts(key)
            for method, runs in self.results.items():
                scores = summarize([run.metrics[key] for run in runs])
                row = {"method": method, "metric": key, "mean": scores.mean, "std": scores.std}
                if method in contrasts:
                    contrast = contrasts[method].document()
                    row |= {name: contrast[name] for name in ("gain", "low", "high", "p_value")}
                rows.append(row)
        return pd.DataFrame(rows, columns=["method", "metric", "mean", "std", "gain", "low", "high", "p_value"])

    def __repr__(self) -> str:
        data, folds = self.prepared.data.name, len(self.prepared.splits)
        return f"Comparison({', '.join(self.methods)}; {data}, {self.model}, {folds} folds: {self.verdict.headline})"

    @cached_property
    def scope(self) -> Scope:
        """The statistics of the comparison: those that a report of the same runs shows."""
        return find_scopes(self.runs, alpha=ALPHA, family=family_of(self.metrics))[0]

    @cached_property
    def verdict(self) -> Answer:
        """What to use, as a report of the same runs says it."""
        return find_answer(self.scope, budget=self.budget)


def family_of(metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a verdict looks at: those asked for; where those are all there are, the usual ones."""
    return HEADLINES if set(metrics) >= set(METRICS) else tuple(metrics)


def _repeats_of_random(configs: Sequence[CellConfig]) -> list[CellConfig]:
    return [config.repeated() for config in configs if config.method == BASELINE]


def _cell_configs(
    prepared: Prepared,
    model: str,
    methods: Sequence[str],
    *,
    hyperparameters: Mapping[str, Any],
    settings: str,
    found: Found,
) -> list[CellConfig]:
    """List the cells of a comparison, fold by fold."""
    content = fingerprint(prepared.data, rows=prepared.kept_samples)
    return [
        CellConfig(
            data=prepared.data.name,
            model=model,
            method=method,
            settings=settings,
            fold=fold,
            seed=prepared.seed,
            base_method=split_loss(method)[0],
            method_options={},
            hyperparameters=hyperparameters,
            training=found.settings_of(prepared.settings, fold=fold, loss=loss_of(method, prepared.settings)),
            data_fingerprint=content,
        )
        for fold in range(len(prepared.splits))
        for method in methods
    ]


def compare(
    prepared: Prepared,
    *,
    model: str,
    methods: Sequence[str],
    hyperparameters: Mapping[str, Any] | None = None,
    settings: str = "default",
    found: Found | None = None,
    repeat_random: bool = False,
    metrics: Sequence[str] = HEADLINES,
    budget: bool = False,
    command: Sequence[str] = (),
    store: Store | None = None,
    jobs: int = 1,
    on_start: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[str, int, EpochRecord], None] | None = None,
    on_run: Callable[[FoldResult], None] | None = None,
    on_cell: Callable[[CellRecord], None] | None = None,
) -> Comparison:
    """Run all methods on all folds, fold by fold.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        methods: Names of `batchsift.methods`; "random+pos_weight" is Random with another loss than the settings'.
        hyperparameters: Hyperparameters of the model; its own defaults for the others.
        settings: The name of the settings.
        found: What `training.finding.find_settings` chose of them; nothing by default.
        repeat_random: Run Random a second time on every fold with another seed of the drawing: what chance does.
        metrics: Keys of the metrics that the verdict looks at; of all there are, the usual ones.
        budget: Whether the number of epochs is one that is meant, so that training need not be over for a verdict.
        command: The words that run the comparison again, for the store.
        store: Where runs are kept; what is there already, computed with the same versions, is not run again.
        jobs: The number of processes.
        on_start: Called with the number of runs that the store has already, and of those that it has but that were
            computed with other versions, and are run again.
        on_epoch: Called with method, fold and record of every epoch; with several processes when its run is over.
        on_run: Called with the result of every run.
        on_cell: Called with the record of every run.

    Raises:
        ValueError: An unknown name, methods or metrics that are none or not distinct, or a loss that the model does
            not take.
        DivergedError: The predictions of a run are no longer finite.
        PictureError: A picture cannot be decoded; the message names it.
        RunFailedError: A run failed in another way.
    """
    check_methods(methods)
    check_metrics(metrics)
    check_losses(model, methods, prepared.settings)
    found = found or Found()
    prepared = replace(prepared, settings=found.with_epochs(prepared.settings))
    configs = _cell_configs(
        prepared, model, methods, hyperparameters=hyperparameters or {}, settings=settings, found=found
    )
    if repeat_random:
        configs = sorted([*configs, *_repeats_of_random(configs)], key=lambda config: config.fold)
    if store is not None:
        _describe(store, configs, family_of(metrics), budget, command)
    stored = [] if store is None else _finished_cells(store, configs)
    cells = {cell.key: cell for cell in stored if cell.versions == versions()}
    if on_start is not None:
        on_start(len(cells), len(stored) - len(cells))

    def keep(cell: CellRecord) -> None:
        """Store a finished cell and hand it on; a failed one ends the comparison."""
        if store is not None:
            store.write(cell)
        _raise_failure(cell)
        cells[cell.key] = cell
        if jobs > 1 and on_epoch is not None:
            for record in cell.result.epochs:
                on_epoch(cell.config.method, cell.config.fold, record)
        if on_run is not None:
            on_run(replace(cell.result, method=cell.config.method))
        if on_cell is not None:
            on_cell(cell)

    def report_epoch(config: CellConfig, record: EpochRecord) -> None:
        if on_epoch is not None:
            on_epoch(config.method, config.fold, record)

    tasks = [Task(config, GivenSource(prepared), size=0) for config in configs if config.key not in cells]
    execute(tasks, jobs=jobs, on_cell=keep, on_epoch=report_epoch)
    results = {method: tuple(cells[c.key].result for c in configs if c.method == method) for method in methods}
    again = tuple(cells[config.key].result for config in configs if config.is_repeat)
    return Comparison(
        prepared,
        model,
        results,
        hyperparameters or {},
        settings,
        found=found,
        again=again,
        metrics=tuple(metrics),
        budget=budget,
    )


def _describe(
    store: Store, configs: Sequence[CellConfig], metrics: tuple[str, ...], budget: bool, command: Sequence[str]
) -> None:
    """Write down which cells belong to the comparison; a study's own manifest in the folder is left as it is."""
    before = store.manifest()
    if before is None or not before.file:
        cells = {config.key: config for config in configs}
        store.write_manifest(StudyManifest(metrics=metrics, command=tuple(command), cells=cells, budget=budget))


def _finished_cells(store: Store, configs: Sequence[CellConfig]) -> list[CellRecord]:
    keys = store.keys()
    cells = [store.read(config.key) for config in configs if config.key in keys]
    return [cell for cell in cells if cell.status == "done"]


def _raise_failure(cell: CellRecord) -> None:
    for message in cell.warnings:
        warnings.warn(message, UserWarning, stacklevel=2)
    if cell.error is None:
        return
    for kind in (DivergedError, PictureError):
        if cell.error.type == kind.__name__:
            raise kind(cell.error.message)
    raise RunFailedError(f"{cell.config} failed:\n{cell.error.traceback}")
