"""What came out, small enough to be kept beside the code: a table of cells for each part."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.metrics import METRICS
from batchsift.statistics.time_to_target import Duration, epochs_to_target
from batchsift.studies.analysis.contrasts import Contrast, PairedValues, contrast_methods
from batchsift.studies.config import ALPHA
from batchsift.studies.store import Store
from benchmarks.evidence import plan, running
from benchmarks.evidence.plan import PARTS, Part

FOLDER = Path(__file__).parent / "results"
DIGITS = 6
BEST, LAST = "", "last_"  # before the names of metrics: at the best validation epoch, after the last
TEST_TO_TRAIN = 1 / (len(plan.ALL_FOLDS) - 1)


class PartResults:
    """The finished cells of a part, by data set, model, row and fold.

    Args:
        part: The part.
        rows: What `collect` gave, or was read from its table.
    """

    def __init__(self, part: Part, rows: Iterable[dict[str, str]]) -> None:
        self.part = part
        self._rows = {(row["data"], row["model"], row["row"], int(row["fold"])): row for row in rows}

    @classmethod
    def read(cls, part: Part) -> "PartResults":
        """Read what is kept beside the code; nothing where there is no table."""
        path = FOLDER / f"{part.name}.csv"
        if not path.exists():
            return cls(part, [])
        with path.open(encoding="utf-8", newline="") as file:
            return cls(part, csv.DictReader(file))

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self._rows)

    @cached_property
    def models(self) -> list[str]:
        """The models there are results of, in the part's order."""
        return [model for model in self.part.models if any(key[1] == model for key in self._rows)]

    def sets(self, model: str) -> list[str]:
        """Return the data sets there are results of with a model."""
        return [data for data in self.part.sets if any(key[:2] == (data, model) for key in self._rows)]

    def row_names(self, model: str) -> list[str]:
        """Return the rows that are run with a model."""
        return [row.name for row in self.part.rows if row.models is None or model in row.models]

    def row_of(self, key: str) -> dict[str, str] | None:
        """Return the cell of that key; None if there is none."""
        return next((row for row in self._rows.values() if row["key"] == key), None)

    def values(self, data: str, model: str, row: str, column: str) -> np.ndarray:
        """Return a column of every fold."""
        return np.array([float(self._rows[data, model, row, fold][column]) for fold in self.part.folds])

    def durations(self, data: str, model: str, row: str) -> list[Duration]:
        """Return of every fold the epochs until Random's best validation Macro-AUC of that fold."""
        epochs = self.values(data, model, row, "epochs_to_target")
        reached = self.values(data, model, row, "reached")
        return [Duration(int(epoch), bool(there)) for epoch, there in zip(epochs, reached, strict=True)]

    def contrasts(self, model: str, metric: str, when: str = BEST) -> dict[str, Contrast]:
        """Compare every row with the one it is to be compared with, as the analysis of any study does."""
        better = METRICS[metric].higher_is_better
        against = {row.name: row.against for row in self.part.rows}
        names = [name for name in self.row_names(model) if name != against[name]]
        paired = {}
        for data in self.sets(model):
            gains = {}
            for name in names:
                own, other = (self.values(data, model, each, when + metric) for each in (name, against[name]))
                gains[name] = tuple(((own - other) if better else (other - own)).tolist())
            paired[data] = PairedValues(gains=gains, test_to_train=TEST_TO_TRAIN)
        return contrast_methods(metric, paired, alpha=ALPHA) if paired else {}


def collect(store: Store, part: Part) -> list[dict[str, Any]]:
    """Read the cells of a part; a data set and model with cells missing is left out."""
    there = store.keys()
    return [
        row
        for data in part.sets
        for model in part.models
        for row in _collected(store, running.finished(store, there, part, data, model))
    ]


def _collected(store: Store, cells: Sequence[running.Cell]) -> Iterator[dict[str, Any]]:
    records = {(one.row.name, one.task.config.fold): store.read(one.task.config.key) for one in cells}
    for one in cells:
        config = one.task.config
        result = records[one.row.name, config.fold].result
        random = records[one.row.against, config.fold].result
        duration = epochs_to_target(
            [epoch.macro_auc for epoch in result.epochs], random.epochs[random.best_epoch].macro_auc
        )
        yield {
            "key": config.key,
            "data": config.data,
            "model": one.model,
            "row": one.row.name,
            "fold": config.fold,
            "learning_rate": config.training.learning_rate,
            "best_epoch": result.best_epoch + 1,
            "epochs_to_target": duration.epochs,
            "reached": int(duration.reached),
            **{key: f"{result.metrics[key]:.{DIGITS}g}" for key in plan.METRICS},
            **{LAST + key: f"{result.last_metrics[key]:.{DIGITS}g}" for key in plan.METRICS},
        }


def keep(store: Store) -> None:
    """Write the table of every part of which something is finished."""
    FOLDER.mkdir(exist_ok=True)
    for part in PARTS.values():
        rows = collect(store, part)
        if rows:
            with (FOLDER / f"{part.name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
