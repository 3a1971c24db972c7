"""The record of a cell: one data set, model, method, settings, fold and seed, and what its run left.

This is the one schema of a run. A cell's configuration holds everything that decides its numbers, the content of the
data included; its hash is the cell's key. The record is one JSON document (NaN is null):

```
{"format": 1, "status": "done", "key", "config", "versions", "machine", "timings", "warnings": [...],
 "data": {"name", "num_samples", ..., "label_names", "removed_labels", "removed_samples", "num_train", ...},
 "best_epoch", "metrics": {key: value}, "last_metrics", "label_metrics": {"auc": [L], ...},
 "draws": {"quantiles": [21]},
 "suspects": [{"sample", "label", "given", "probability", "rank", "score"}],
 "epochs": [{"epoch", "learning_rate", "loss", "validation": {key: value}, "summary": {...},
             "label_means": {signal: [L]}, "label_weights": {signal: [L]}, "signal_quantiles": {signal: [21]}}]}
```

The record of a failed cell ends after `warnings` with `"error": {"type", "message", "traceback"}`. Two runs of a cell
on one machine differ in `timings` alone.
"""

import math
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from batchsift.entries import check_keys, described, part, real_number
from batchsift.files import make_jsonable
from batchsift.metrics import METRICS
from batchsift.studies.cell_checks import check_facts, check_result
from batchsift.studies.config import CellConfig
from batchsift.training.fold import FoldResult
from batchsift.training.prepare import Prepared
from batchsift.training.provenance import machine, versions
from batchsift.training.recording import EpochRecord, Suspect, read_number, read_numbers

FORMAT = 1
DIGITS = 6  # significant digits that are kept of signals: a file of many labels is half as large


@dataclass(frozen=True)
class DataFacts:
    """The data set of a cell, after the filters.

    Args:
        name: The name of the data set.
        num_samples: N.
        num_features: D.
        num_labels: L.
        label_names: L names.
        removed_labels: The labels with too few positives, and those that every sample has.
        removed_samples: The number of samples that were left without a label.
        num_train: The number of samples in the cell's training part.
        num_validation: The number of samples in its validation part.
        num_test: The number of samples in its test part.
        label_counts: The positives of each label in the training part, L numbers.
    """

    name: str
    num_samples: int
    num_features: int
    num_labels: int
    label_names: Sequence[str]
    removed_labels: Sequence[str]
    removed_samples: int
    num_train: int
    num_validation: int
    num_test: int
    label_counts: Sequence[int]

    @classmethod
    def of_fold(cls, prepared: Prepared, fold: int) -> "DataFacts":
        """Describe the prepared data and one of their folds."""
        data, split = prepared.data, prepared.splits[fold]
        return cls(
            name=data.name,
            num_samples=data.num_samples,
            num_features=data.num_features,
            num_labels=data.num_labels,
            label_names=data.label_names,
            removed_labels=prepared.removed_labels,
            removed_samples=prepared.num_removed_samples,
            num_train=len(split.train),
            num_validation=len(split.validation),
            num_test=len(split.test),
            label_counts=(data.labels[split.train] == 1).sum(axis=0, dtype=int).tolist(),
        )

    @property
    def test_to_train(self) -> float:
        """The size of the test part over that of the part learned from, validation included: it chose the epoch."""
        return self.num_test / (self.num_train + self.num_validation)


@dataclass(frozen=True)
class CellError:
    """Why a cell failed: the exception's type and message, and its traceback as text."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, eq=False)
class CellRecord:
    """A cell that was run, read from its document where it is asked for.

    Args:
        document: The JSON document.
    """

    document: Mapping[str, Any]

    @classmethod
    def of_result(
        cls,
        config: CellConfig,
        facts: DataFacts,
        result: FoldResult,
        *,
        started: datetime,
        warnings: Sequence[str],
    ) -> "CellRecord":
        """Record a run that was finished just now.

        Args:
            config: What was run.
            facts: The facts of its data.
            result: What came out.
            started: When it began.
            warnings: The warnings of the run.
        """
        timings = {
            "selection_seconds": result.selection_seconds,
            "recording_seconds": result.recording_seconds,
            "total_seconds": result.total_seconds,
        }
        head = _head("done", config, started, timings, warnings)
        return cls(make_jsonable({**head, "data": facts, **_result_document(result)}))

    @classmethod
    def of_error(
        cls, config: CellConfig, error: Exception, *, started: datetime, warnings: Sequence[str]
    ) -> "CellRecord":
        """Record a run that failed just now; see `of_result`."""
        text = "".join(traceback.format_exception(error))
        head = _head("failed", config, started, {}, warnings)
        return cls(make_jsonable({**head, "error": CellError(type(error).__name__, str(error), text)}))

    @cached_property
    def config(self) -> CellConfig:
        """What was run."""
        with self._read(), part("config"):
            return CellConfig.from_document(self.document["config"])

    @contextmanager
    def _read(self) -> Iterator[None]:
        """Say of which cell it is that something cannot be, and what to do."""
        try:
            yield
        except ValueError as error:
            raise ValueError(
                f"the cell {self.key} is damaged: {error}; remove cells/{self.key}.json, and run it again"
            ) from error

    @property
    def key(self) -> str:
        """The hash of the configuration."""
        return str(self.document["key"])

    @property
    def status(self) -> Literal["done", "failed"]:
        """How the run ended."""
        return "done" if self.document["status"] == "done" else "failed"

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of Python, of the packages, and of batchsift's own source."""
        return self._words("versions")

    @property
    def machine(self) -> Mapping[str, Any]:
        """Where the cell was run."""
        return self._words("machine")

    @property
    def started(self) -> str:
        """When the run began, in UTC, as ISO 8601 writes it: later is larger."""
        with self._read(), part("timings"):
            check_keys(self._words("timings"), ("started",), others=True)
        return str(self.document["timings"]["started"])

    @property
    def seconds(self) -> float:
        """How long the run took, data preparation included."""
        with self._read(), part("timings"):
            check_keys(self._words("timings"), ("cell_seconds",), others=True)
            return real_number(self.document["timings"], "cell_seconds", 0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the run, each once."""
        with self._read():
            check_keys(self.document, ("warnings",), others=True)
            if not isinstance(self.document["warnings"], list | tuple):
                raise ValueError(f"warnings: must be a list, got {described(self.document['warnings'])}")
        return tuple(map(str, self.document["warnings"]))

    @property
    def error(self) -> CellError | None:
        """Why the cell failed; None if it did not."""
        if self.status == "done":
            return None
        with self._read(), part("error"):
            check_keys(words := self._words("error"), ("type", "message", "traceback"))
        return CellError(**{name: str(word) for name, word in words.items()})

    def _words(self, name: str) -> dict[str, Any]:
        """Return an entry that is a dictionary."""
        with self._read():
            check_keys(self.document, (name,), others=True)
            with part(name):
                check_keys(self.document[name], (), others=True)
        return dict(self.document[name])

    @cached_property
    def facts(self) -> DataFacts:
        """The data set of a finished cell; a failed cell has none (KeyError)."""
        names = [one.name for one in fields(DataFacts)]
        if self.status == "done":
            with self._read(), part("data"):
                check_keys(self.document, ("data",), others=True)
                check_facts(self.document["data"], names)
        return DataFacts(**self.document["data"])

    @cached_property
    def result(self) -> FoldResult:
        """The result of a finished cell; a failed cell has none (KeyError)."""
        if self.status == "done":
            with self._read():
                check_result(self.document, [one.name for one in fields(DataFacts)])
        content, timings = self.document, self.document["timings"]
        return FoldResult(
            method=self.config.method,
            fold=self.config.fold,
            epochs=tuple(map(EpochRecord.from_document, content["epochs"])),
            best_epoch=content["best_epoch"],
            metrics=_read_metrics(content["metrics"]),
            last_metrics=_read_metrics(content["last_metrics"]),
            label_metrics={key: tuple(map(read_number, values)) for key, values in content["label_metrics"].items()},
            draws=tuple(content["draws"]["quantiles"]),
            suspects=tuple(map(Suspect.from_document, content["suspects"])),
            selection_seconds=timings["selection_seconds"],
            recording_seconds=timings["recording_seconds"],
            total_seconds=timings["total_seconds"],
        )


def _read_metrics(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the metrics by key; NaN for one that the version had not which wrote the cell."""
    return {**dict.fromkeys(METRICS, math.nan), **read_numbers(values)}


def _head(
    status: str, config: CellConfig, started: datetime, timings: Mapping[str, float], warnings: Sequence[str]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "status": status,
        "key": config.key,
        "config": config.document(),
        "versions": versions(),
        "machine": machine(),
        "timings": {
            "started": started.isoformat(timespec="seconds"),
            "cell_seconds": (datetime.now(UTC) - started).total_seconds(),
            **timings,
        },
        "warnings": list(dict.fromkeys(warnings)),
    }


def _result_document(result: FoldResult) -> dict[str, Any]:
    return {
        "best_epoch": result.best_epoch,
        "metrics": result.metrics,
        "last_metrics": result.last_metrics,
        "label_metrics": result.label_metrics,
        "draws": {"quantiles": result.draws},
        "suspects": result.suspects,
        "epochs": [record.document(digits=DIGITS) for record in result.epochs],
    }
