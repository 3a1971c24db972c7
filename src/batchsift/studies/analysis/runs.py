"""What a study's folder holds, as the report needs it: runs, failures, what is missing.

Cells are read one by one and only what the page shows is kept: the folder of a large study is larger than memory.

L labels, E epochs.
"""

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsift.studies.store import Store

BASELINE = "random"
TARGET = "macro_auc"  # the metric that chooses the best epoch is the one whose curve is followed
FIXED = ("training", "hyperparameters", "data_fingerprint")  # of a config: what paired runs must share
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, order=True)
class Block:
    """What is held fixed while methods are compared."""

    data: str
    model: str
    settings: str

    def __str__(self) -> str:
        return f"{self.data}, {self.model}, {self.settings}"


@dataclass(frozen=True)
class Place:
    """Where a cell stands in the study."""

    block: Block
    method: str
    fold: int
    seed: int

    @property
    def pair(self) -> tuple[str, int, int]:
        """Model, seed and fold: runs that agree in it and in the data are paired."""
        return self.block.model, self.seed, self.fold


@dataclass(frozen=True)
class Facts:
    """Of the data of a run: sizes of its parts, and its L labels with their positives in the training part."""

    num_train: int
    num_validation: int
    num_test: int
    label_names: tuple[str, ...]
    label_counts: tuple[int, ...]

    @property
    def test_to_train(self) -> float:
        """Size of the test part over that of the part learnt from, validation included: it chose the epoch."""
        return self.num_test / (self.num_train + self.num_validation)


@dataclass(frozen=True)
class Suspect:
    """A label that a run contradicted."""

    sample: int
    label: str
    hardness: float


@dataclass(frozen=True, eq=False)
class Run:
    """One finished cell.

    Args:
        key: Its name in the store.
        place: Which it is.
        facts: Of its data.
        metrics: On the test part, at the best epoch; NaN where one is undefined.
        best_epoch: From 0.
        curve: `TARGET` on the validation part, `(E,)`.
        summaries: What the selector said of itself, by name, `(E,)` each.
        label_kind: What `label_traces` are: "label_weights", or "label_means" of a method without weights.
        label_traces: Signal to `(E, L)`.
        quantiles: Signal to `(E, 21)`, its distribution over all cells.
        label_auc: On the test part, at the best epoch, `(L,)`; empty where it was not recorded.
        draws: Quantiles of how often a sample was drawn, `(21,)`; empty where they were not recorded.
        suspects: The most contradicted labels.
        selection_seconds: Spent in the selector.
        total_seconds: Of selection, training and scoring.
        training: The settings, as JSON.
        fixed: What runs of a block share (settings, hyperparameters, the data's content), as JSON.
        started: When; later is larger.
    """

    key: str
    place: Place
    facts: Facts
    metrics: Mapping[str, float]
    best_epoch: int
    curve: Floats
    summaries: Mapping[str, Floats]
    label_kind: str
    label_traces: Mapping[str, Floats]
    quantiles: Mapping[str, Floats]
    label_auc: Floats
    draws: Floats
    suspects: tuple[Suspect, ...]
    selection_seconds: float
    total_seconds: float
    training: str
    fixed: str
    started: str

    @property
    def block(self) -> Block:
        """Data, model, settings."""
        return self.place.block

    @property
    def method(self) -> str:
        """Its name in the study."""
        return self.place.method


@dataclass(frozen=True)
class Failure:
    """One cell that failed."""

    place: Place
    kind: str
    message: str
    traceback: str


@dataclass(frozen=True, eq=False)
class Study:
    """All of it.

    Args:
        folder: Where it was read from.
        places: All cells, in the study's order.
        runs: Those that finished.
        failures: Those that failed.
        missing: Those that have not run.
        provenance: `study.json` without its list of cells.
        machines: Distinct descriptions of where cells ran.
        versions: Distinct sets of versions cells ran with.
        strangers: How many cells in the folder are not the study's.
    """

    folder: Path
    places: tuple[Place, ...]
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...]
    missing: tuple[Place, ...]
    provenance: Mapping[str, Any] = field(repr=False)
    machines: tuple[Mapping[str, Any], ...]
    versions: tuple[Mapping[str, Any], ...]
    strangers: int

    @property
    def name(self) -> str:
        """Its own, or its folder's."""
        return str(self.provenance.get("name") or self.folder.resolve().name)

    @property
    def command(self) -> str:
        """What was typed to run it; empty where that is not known."""
        typed = self.provenance.get("command") or ""
        return typed if isinstance(typed, str) else shlex.join(map(str, typed))

    @property
    def source(self) -> str:
        """The study's file; empty where there was none."""
        return str(self.provenance.get("source") or "")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those its file names; empty where it names none."""
        return tuple(map(str, self.provenance.get("metrics") or ()))

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """In the order of the study, the baseline first."""
        found = dict.fromkeys(place.method for place in self.places)
        return tuple(sorted(found, key=lambda method: method != BASELINE))

    @cached_property
    def data(self) -> tuple[str, ...]:
        """All data sets."""
        return tuple(dict.fromkeys(place.block.data for place in self.places))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """All models."""
        return tuple(dict.fromkeys(place.block.model for place in self.places))

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """All settings."""
        return tuple(dict.fromkeys(place.block.settings for place in self.places))

    @property
    def finished_methods(self) -> list[tuple[int, str]]:
        """Those with a finished run, with their numbers."""
        finished = {run.method for run in self.runs}
        return [(number, method) for number, method in enumerate(self.methods) if method in finished]

    @cached_property
    def blocks(self) -> dict[Block, dict[str, tuple[Run, ...]]]:
        """Finished runs by block and method, in the order of the study."""
        found: dict[Block, dict[str, list[Run]]] = {}
        for run in self.runs:
            found.setdefault(run.block, {}).setdefault(run.method, []).append(run)
        return {
            block: {method: tuple(by[method]) for method in self.methods if method in by} for block, by in found.items()
        }


def read(folder: Path) -> Study:
    """Reads a study's folder.

    Cells that the study's file does not ask for (any more) are not compared with the others. Where there is no file,
    as a comparison leaves it, those of a block count that share the settings, hyperparameters and data of its latest.

    Raises:
        ValueError: where there is no study, or a file of it cannot be read.
    """
    store = Store(folder)
    if not (folder / "cells").is_dir():
        raise ValueError(f"no study in {folder}: there is no folder {folder / 'cells'}; expected the --out of a study")
    provenance = store.study()
    keys = store.keys()
    planned = {str(cell["key"]): _place(cell["config"]) for cell in (provenance or {}).get("cells", [])}
    wanted = [key for key in planned if key in keys] if provenance else sorted(keys)
    cells = _Cells()
    for key in wanted:
        cells.add(key, store.read(key).document)
    runs = tuple(cells.runs if provenance else _current(cells.runs))
    places = [*planned.values()] if provenance else [run.place for run in runs] + [one.place for one in cells.failures]
    return Study(
        folder=folder,
        places=tuple(dict.fromkeys(places)),
        runs=runs,
        failures=tuple(cells.failures),
        missing=tuple(place for key, place in planned.items() if key not in keys),
        provenance={key: value for key, value in (provenance or {}).items() if key != "cells"},
        machines=tuple(cells.machines.values()),
        versions=tuple(cells.versions.values()),
        strangers=len(keys) - len(runs) - len(cells.failures),
    )


class _Cells:
    """What is kept of the documents that were read."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.failures: list[Failure] = []
        self.machines: dict[str, Mapping[str, Any]] = {}
        self.versions: dict[str, Mapping[str, Any]] = {}

    def add(self, key: str, cell: Mapping[str, Any]) -> None:
        if cell["status"] == "done":
            self.runs.append(_run(key, cell))
        else:
            self.failures.append(_failure(cell))
        for found, item in ((self.machines, cell.get("machine")), (self.versions, cell.get("versions"))):
            if item:
                found.setdefault(json.dumps(item, sort_keys=True, default=str), item)


def _current(runs: Sequence[Run]) -> list[Run]:
    """Those that share what is fixed with the latest of their block; of one place the latest."""
    latest: dict[Block, Run] = {}
    for run in sorted(runs, key=lambda run: run.started):
        latest[run.block] = run
    alike = [run for run in runs if run.fixed == latest[run.block].fixed]
    chosen = {run.place: run for run in sorted(alike, key=lambda run: run.started)}
    return sorted(chosen.values(), key=lambda run: (run.place.block, run.place.seed, run.place.fold, run.started))


def _place(config: Mapping[str, Any]) -> Place:
    block = Block(str(config["data"]), str(config["model"]), str(config["settings"]))
    return Place(block, str(config["method"]), int(config["fold"]), int(config["seed"]))


def _run(key: str, cell: Mapping[str, Any]) -> Run:
    epochs, data = cell["epochs"], cell["data"]
    kind = "label_weights" if _traced(epochs, "label_weights") else "label_means"
    signals = _traced(epochs, kind)[: 2 if kind == "label_weights" else 1]
    return Run(
        key=key,
        place=_place(cell["config"]),
        facts=Facts(
            data["num_train"],
            data["num_validation"],
            data["num_test"],
            tuple(map(str, data["label_names"])),
            tuple(data["label_counts"]),
        ),
        metrics={name: number(value) for name, value in cell["metrics"].items()},
        best_epoch=int(cell["best_epoch"]),
        curve=numbers(epoch["validation"].get(TARGET) for epoch in epochs),
        summaries={
            name: numbers(epoch["summary"].get(name) for epoch in epochs) for name in ("share_drawn", "entropy")
        },
        label_kind=kind,
        label_traces={signal: _trace(epochs, kind, signal) for signal in signals},
        quantiles={
            signal: _trace(epochs, "signal_quantiles", signal) for signal in _traced(epochs, "signal_quantiles")
        },
        label_auc=numbers((cell.get("label_metrics") or {}).get("auc") or ()),
        draws=numbers((cell.get("draws") or {}).get("quantiles") or ()),
        suspects=tuple(
            Suspect(int(one["sample"]), str(one["label"]), number(one["hardness"]))
            for one in cell.get("suspects") or ()
        ),
        selection_seconds=number(cell["timings"].get("selection_seconds")),
        total_seconds=number(cell["timings"].get("total_seconds")),
        training=json.dumps(cell["config"].get("training", {}), sort_keys=True),
        fixed=json.dumps([cell["config"].get(part) for part in FIXED], sort_keys=True),
        started=str(cell["timings"].get("started", "")),
    )


def _traced(epochs: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """The signals of which there is such a trace in all epochs."""
    return [signal for signal in epochs[0].get(kind) or {} if all(signal in (one.get(kind) or {}) for one in epochs)]


def _trace(epochs: Sequence[Mapping[str, Any]], kind: str, signal: str) -> Floats:
    return np.array([numbers(epoch[kind][signal]) for epoch in epochs], dtype=np.float32)


def _failure(cell: Mapping[str, Any]) -> Failure:
    error = cell.get("error") or {}
    return Failure(_place(cell["config"]), *(str(error.get(part, "")) for part in ("type", "message", "traceback")))


def number(value: Any) -> float:
    """What JSON had for a float: null is NaN."""
    return math.nan if value is None else float(value)


def numbers(values: Iterable[Any]) -> Floats:
    """What JSON had for several."""
    return np.array([number(value) for value in values], dtype=float)


def mean_of_known(table_RL: Floats) -> Floats:
    """The mean of each column over what is not NaN; NaN where nothing is."""
    known = ~np.isnan(table_RL)
    counts = known.sum(axis=0)
    means: Floats = np.where(
        counts > 0, np.where(known, table_RL, 0).sum(axis=0) / np.maximum(counts, 1), np.float64("nan")
    )
    return means
