"""What a study's folder holds, as the report reads it: runs, failures, what is missing.

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

from batchsift.experiments.store import Store

BASELINE = "random"
Floats = NDArray[np.float64]


@dataclass(frozen=True, order=True)
class Block:
    """What is held fixed while methods are compared."""

    data: str
    model: str
    settings: str

    def __str__(self) -> str:
        return f"{self.data}, {self.model}, {self.settings}"


@dataclass(frozen=True, eq=False)
class Run:
    """One finished cell.

    Args:
        key: Hash of its config.
        block: Data, model, settings.
        method: Name.
        fold, seed: Which.
        document: All of it.
    """

    key: str
    block: Block
    method: str
    fold: int
    seed: int
    document: Mapping[str, Any] = field(repr=False)

    @property
    def pair(self) -> tuple[str, int, int]:
        """Model, seed and fold: runs that agree in it and in the data are paired."""
        return self.block.model, self.seed, self.fold

    @property
    def epochs(self) -> Sequence[Mapping[str, Any]]:
        """The records of all epochs."""
        records: Sequence[Mapping[str, Any]] = self.document["epochs"]
        return records

    def metric(self, key: str) -> float:
        """On the test part, at the best epoch; NaN where it is undefined."""
        return number(self.document["metrics"].get(key))

    def curve(self, key: str) -> Floats:
        """A metric on the validation part, `(E,)`."""
        return np.array([number(record["validation"].get(key)) for record in self.epochs])

    def summary(self, key: str) -> Floats:
        """What the selector said of itself, `(E,)`; NaN where it did not."""
        return np.array([number(record["summary"].get(key)) for record in self.epochs])

    def traces(self, kind: str, signal: str) -> Floats:
        """Numbers of each epoch, `(E, L)` for `label_means` and `label_weights`, `(E, 21)` for `signal_quantiles`."""
        return np.array([numbers(record[kind][signal]) for record in self.epochs])

    def traced(self, kind: str) -> list[str]:
        """The signals of which there is such a trace in all epochs."""
        first = self.epochs[0].get(kind) or {} if self.epochs else {}
        return [signal for signal in first if all(signal in (record.get(kind) or {}) for record in self.epochs)]

    def label_metric(self, key: str) -> Floats:
        """On the test part, at the best epoch, `(L,)`; empty where it was not recorded."""
        return numbers(self.document.get("label_metrics", {}).get(key, ()))

    @property
    def label_names(self) -> list[str]:
        """L of them."""
        return [str(name) for name in self.document["data"]["label_names"]]

    @property
    def test_to_train(self) -> float:
        """Size of the test part over that of the part learnt from, validation included: it chose the epoch."""
        data = self.document["data"]
        return float(data["num_test"] / (data["num_train"] + data["num_validation"]))

    def seconds(self, key: str) -> float:
        """`selection_seconds` or `total_seconds`."""
        return number(self.document["timings"].get(key))


@dataclass(frozen=True, eq=False)
class Failure:
    """One cell that failed."""

    block: Block
    method: str
    fold: int
    seed: int
    kind: str
    message: str
    traceback: str


@dataclass(frozen=True, eq=False)
class Study:
    """All of it.

    Args:
        folder: Where it was read from.
        runs: Finished cells, in the study's order.
        failures: Those that failed.
        missing: Those that have not run, as (block, method, fold, seed).
        provenance: `study.json` without its list of cells.
        machines: Distinct descriptions of where cells ran.
        versions: Distinct sets of versions cells ran with.
    """

    folder: Path
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...]
    missing: tuple[tuple[Block, str, int, int], ...]
    provenance: Mapping[str, Any]
    machines: tuple[Mapping[str, Any], ...]
    versions: tuple[Mapping[str, Any], ...]

    @property
    def planned(self) -> int:
        """Cells altogether."""
        return len(self.runs) + len(self.failures) + len(self.missing)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """In the order of the study, the baseline first."""
        names = [*(run.method for run in self.runs), *(f.method for f in self.failures), *(m[1] for m in self.missing)]
        found = dict.fromkeys(names)
        return tuple(sorted(found, key=lambda method: method != BASELINE))

    @property
    def name(self) -> str:
        """Its own, or its folder's."""
        return str(self.provenance.get("name") or self.folder.resolve().name)

    @property
    def command(self) -> str:
        """What was typed to run it; empty where that is not known."""
        words = self.provenance.get("command") or ""
        return words if isinstance(words, str) else shlex.join(map(str, words))

    @property
    def source(self) -> str:
        """The study's file; empty where there was none."""
        return str(self.provenance.get("source") or "")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those its file names; empty where it names none."""
        return tuple(map(str, self.provenance.get("metrics") or ()))

    @cached_property
    def data(self) -> tuple[str, ...]:
        """All data sets, finished or not."""
        return self._every("data")

    @cached_property
    def models(self) -> tuple[str, ...]:
        """All models."""
        return self._every("model")

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """All settings."""
        return self._every("settings")

    def _every(self, part: str) -> tuple[str, ...]:
        blocks = [*(run.block for run in self.runs), *(f.block for f in self.failures), *(m[0] for m in self.missing)]
        return tuple(dict.fromkeys(getattr(block, part) for block in blocks))

    @property
    def finished_methods(self) -> list[tuple[int, str]]:
        """Those with a finished run, with their numbers."""
        finished = {run.method for run in self.runs}
        return [(number, method) for number, method in enumerate(self.methods) if method in finished]

    @cached_property
    def blocks(self) -> dict[Block, tuple[Run, ...]]:
        """Finished runs by block, in the order of the study."""
        found: dict[Block, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.block, []).append(run)
        return {block: tuple(runs) for block, runs in found.items()}


def read(folder: Path) -> Study:
    """Reads a study's folder.

    Raises:
        ValueError: where there is no study, or a file of it cannot be read.
    """
    store = Store(folder)
    if not (folder / "cells").is_dir():
        raise ValueError(f"no study in {folder}: there is no folder {folder / 'cells'}; expected the --out of a study")
    provenance = store.study() or {}
    cells = {str(cell.document["key"]): cell.document for cell in store.cells()}
    planned = {str(cell["key"]): cell["config"] for cell in provenance.get("cells", [])}
    present = list(cells.values())
    return Study(
        folder=folder,
        runs=tuple(_run(cell) for cell in present if cell["status"] == "done"),
        failures=tuple(_failure(cell) for cell in present if cell["status"] != "done"),
        missing=tuple(_place(config) for key, config in planned.items() if key not in cells),
        provenance={key: value for key, value in provenance.items() if key != "cells"},
        machines=_distinct(cell.get("machine") for cell in present),
        versions=_distinct(cell.get("versions") for cell in present),
    )


def _place(config: Mapping[str, Any]) -> tuple[Block, str, int, int]:
    block = Block(str(config["data"]), str(config["model"]), str(config["settings"]))
    return block, str(config["method"]), int(config["fold"]), int(config["seed"])


def _run(cell: Mapping[str, Any]) -> Run:
    return Run(cell["key"], *_place(cell["config"]), cell)


def _failure(cell: Mapping[str, Any]) -> Failure:
    error = cell.get("error", {})
    return Failure(
        *_place(cell["config"]),
        str(error.get("type", "")),
        str(error.get("message", "")),
        str(error.get("traceback", "")),
    )


def _distinct(items: Iterable[Mapping[str, Any] | None]) -> tuple[Mapping[str, Any], ...]:
    return tuple({json.dumps(item, sort_keys=True, default=str): item for item in items if item}.values())


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
    return np.where(counts > 0, np.where(known, table_RL, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)
