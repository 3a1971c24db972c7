"""The runs that are compared: what analysis and report keep of the records of a study or a comparison.

Records are read one by one and only what is shown is kept: the folder of a large study is larger than memory.

L labels, E epochs.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsift.studies.config import CellConfig, StudyManifest
from batchsift.studies.record import CellError, CellRecord, DataFacts
from batchsift.studies.store import STUDY, Store
from batchsift.training.fold import FoldResult
from batchsift.training.recording import EpochRecord, Suspect

BASELINE = "random"  # the method all others are compared with
TARGET = "macro_auc"  # the metric that chooses the best epoch is the one whose curve is followed
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, order=True)
class Block:
    """Data, model and settings: what is held fixed while methods are compared."""

    data: str
    model: str
    settings: str

    def __str__(self) -> str:
        return f"{self.data}, {self.model}, {self.settings}"

    @classmethod
    def of_config(cls, config: CellConfig) -> "Block":
        """Return the block a cell belongs to."""
        return cls(config.data, config.model, config.settings)


@dataclass(frozen=True, eq=False)
class Run:
    """One finished cell.

    Args:
        config: What was run.
        facts: The sizes of its data and their labels.
        metrics: Metrics on the test part, at the best epoch; NaN where one is undefined.
        last_metrics: The same at the last epoch.
        best_epoch: The best epoch, counted from 0.
        curve: `TARGET` on the validation part, `(E,)`.
        summaries: What the selector said of itself, by name, `(E,)` each.
        trace_kind: What `label_traces` are: "label_weights", or "label_means" of a method without weights.
        label_traces: Signal to `(E, L)`.
        quantiles: Signal to `(E, 21)`, its distribution over all cells.
        label_auc: The AUC of each label on the test part, at the best epoch, `(L,)`.
        draws: Quantiles of how often a sample was drawn, `(21,)`.
        suspects: The labels that the model contradicted most.
        selection_seconds: Seconds spent in the selector.
        total_seconds: Seconds of selection, training and scoring.
        started: When the run began; later is larger.
    """

    config: CellConfig
    facts: DataFacts
    metrics: Mapping[str, float]
    last_metrics: Mapping[str, float]
    best_epoch: int
    curve: Floats
    summaries: Mapping[str, Floats]
    trace_kind: str
    label_traces: Mapping[str, Floats]
    quantiles: Mapping[str, Floats]
    label_auc: Floats
    draws: Floats
    suspects: tuple[Suspect, ...]
    selection_seconds: float
    total_seconds: float
    started: str

    @classmethod
    def of_result(cls, config: CellConfig, facts: DataFacts, result: FoldResult, started: str = "") -> "Run":
        """Keep of a result what analysis and report need."""
        epochs = result.epochs
        kind = "label_weights" if epochs[0].signals.label_weights else "label_means"
        # Of a method without weights, one map is enough.
        num_traces = len(epochs[0].signals.label_weights) or 1
        label_traces = _stack_signals(epochs, kind)
        return cls(
            config=config,
            facts=facts,
            metrics=result.metrics,
            last_metrics=result.last_metrics,
            best_epoch=result.best_epoch,
            curve=np.array([record.validation.get(TARGET, np.nan) for record in epochs]),
            summaries={
                name: np.array([record.summary.get(name, np.nan) for record in epochs])
                for name in ("share_drawn", "entropy")
            },
            trace_kind=kind,
            label_traces=dict(list(label_traces.items())[:num_traces]),
            quantiles=_stack_signals(epochs, "signal_quantiles"),
            label_auc=np.array(result.label_metrics.get("auc", ())),
            draws=np.array(result.draws),
            suspects=tuple(result.suspects),
            selection_seconds=result.selection_seconds,
            total_seconds=result.total_seconds,
            started=started,
        )

    @classmethod
    def of_record(cls, record: CellRecord) -> "Run":
        """Keep of a finished cell's record what analysis and report need."""
        return cls.of_result(record.config, record.facts, record.result, record.started)

    @cached_property
    def block(self) -> Block:
        """Data, model and settings."""
        return Block.of_config(self.config)

    @property
    def method(self) -> str:
        """The method's name in the study."""
        return self.config.method

    @property
    def pair(self) -> tuple[str, int, int]:
        """Model, seed and fold: runs that agree in it and in the data are paired."""
        return self.config.model, self.config.seed, self.config.fold


def _stack_signals(epochs: Sequence[EpochRecord], kind: str) -> dict[str, Floats]:
    """Stack what was recorded of each signal in all epochs, by name: `(E, ...)` each, in single precision."""
    by_epoch: list[Mapping[str, tuple[float, ...]]] = [getattr(record.signals, kind) for record in epochs]
    common = [signal for signal in by_epoch[0] if all(signal in signals for signals in by_epoch)]
    return {signal: np.array([signals[signal] for signals in by_epoch], dtype=np.float32) for signal in common}


@dataclass(frozen=True)
class Failure:
    """One cell that failed."""

    config: CellConfig
    error: CellError


@dataclass(frozen=True, eq=False)
class StudyRuns:
    """All runs of a study, or of a comparison.

    Args:
        name: The name of the study.
        planned: The configurations of all cells, in the study's order.
        runs: The finished cells, those of `again` apart.
        failures: The failed cells.
        missing: The cells that have not run.
        manifest: What the store keeps of the study; None for a comparison.
        folder: The folder or address that the runs were read from; None for runs in memory.
        machines: Distinct descriptions of where cells ran.
        versions: Distinct sets of versions that cells ran with.
        unrelated: The number of cells in the folder that do not belong to the study.
        again: The finished cells that repeat one of Random's with another seed of the drawing; no contenders.
    """

    name: str
    planned: tuple[CellConfig, ...]
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...] = ()
    missing: tuple[CellConfig, ...] = ()
    manifest: StudyManifest | None = field(default=None, repr=False)
    folder: str | None = None
    machines: tuple[Mapping[str, Any], ...] = ()
    versions: tuple[Mapping[str, Any], ...] = ()
    unrelated: int = 0
    again: tuple[Run, ...] = ()

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods in the order of the study, the baseline first; none that only repeats another."""
        methods = dict.fromkeys(config.method for config in self.planned if not config.is_repeat)
        return tuple(sorted(methods, key=lambda method: method != BASELINE))

    @cached_property
    def data(self) -> tuple[str, ...]:
        """The data sets in the order of the study."""
        return tuple(dict.fromkeys(config.data for config in self.planned))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models in the order of the study."""
        return tuple(dict.fromkeys(config.model for config in self.planned))

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings in the order of the study."""
        return tuple(dict.fromkeys(config.settings for config in self.planned))

    @property
    def finished_methods(self) -> list[tuple[int, str]]:
        """The methods with a finished run, with their numbers in `methods`."""
        finished = {run.method for run in self.runs}
        return [(number, method) for number, method in enumerate(self.methods) if method in finished]

    @cached_property
    def blocks(self) -> dict[Block, dict[str, tuple[Run, ...]]]:
        """The finished runs by block and method, in the order of the study."""
        by_block: dict[Block, dict[str, list[Run]]] = {}
        for run in self.runs:
            by_block.setdefault(run.block, {}).setdefault(run.method, []).append(run)
        return {
            block: {method: tuple(by_method[method]) for method in self.methods if method in by_method}
            for block, by_method in by_block.items()
        }


def read_runs(place: str | os.PathLike[str]) -> StudyRuns:
    """Read the runs of a study's folder or address, or of a comparison's folder.

    Cells that the study does not ask for (any more) are not compared with the others. Where there is no manifest, as a
    comparison leaves it, those of a block count that share the settings, hyperparameters and data of its latest.

    Raises:
        ValueError: There is no study, or a file of it cannot be read.
    """
    store = Store(place)
    manifest, stored = store.manifest(), store.keys()
    if not manifest and not stored:
        raise ValueError(f"no study in {store.place}: there is no {STUDY}, and no cells; expected the --out of a study")
    wanted = [key for key in manifest.cells if key in stored] if manifest else sorted(stored)
    runs: list[Run] = []
    failures: list[Failure] = []
    machines: list[Mapping[str, Any]] = []
    versions: list[Mapping[str, Any]] = []
    for record in store.read_all(wanted):
        if record.error is None:
            runs.append(Run.of_record(record))
        else:
            failures.append(Failure(record.config, record.error))
        machines += [record.machine] if record.machine not in machines else []
        versions += [record.versions] if record.versions not in versions else []
    if manifest is None:
        runs = _latest_alike(runs)
        planned: Iterable[CellConfig] = [*(run.config for run in runs), *(failure.config for failure in failures)]
    else:
        planned = manifest.cells.values()
    return StudyRuns(
        name=manifest.name if manifest and manifest.name else store.name,
        planned=tuple(planned),
        runs=tuple(run for run in runs if not run.config.is_repeat),
        again=tuple(run for run in runs if run.config.is_repeat),
        failures=tuple(failures),
        missing=tuple(config for key, config in manifest.cells.items() if key not in stored) if manifest else (),
        manifest=manifest,
        folder=store.place,
        machines=tuple(machines),
        versions=tuple(versions),
        unrelated=len(stored) - len(runs) - len(failures),
    )


def _latest_alike(runs: Sequence[Run]) -> list[Run]:
    """Keep the runs that share what is fixed with the latest of their block, and of equal ones the latest."""
    latest: dict[Block, Run] = {}
    for run in sorted(runs, key=lambda run: run.started):
        latest[run.block] = run
    chosen: dict[tuple[Block, str, int, int], Run] = {}
    for run in sorted(runs, key=lambda run: run.started):
        if _what_is_fixed(run) == _what_is_fixed(latest[run.block]):
            chosen[run.block, run.method, run.config.seed, run.config.fold] = run
    return sorted(chosen.values(), key=lambda run: (run.block, run.config.seed, run.config.fold, run.started))


def _what_is_fixed(run: Run) -> tuple[Any, ...]:
    """Return what paired runs must share."""
    return run.config.training, dict(run.config.hyperparameters), run.config.data_fingerprint
