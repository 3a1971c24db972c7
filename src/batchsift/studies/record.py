"""A cell of a study: one data set, model, method, settings, fold and seed; what it is named by and what it leaves.

A cell's configuration holds everything that decides its numbers, the data's content included; its hash is the cell's
name. What a cell leaves is one JSON document (NaN is null):

```
{"format": 1, "status": "done", "key", "config", "versions", "machine", "timings", "warnings": [...],
 "data": {"name", "num_samples", ..., "label_names", "removed_labels", "removed_samples", "num_train", ...},
 "best_epoch", "metrics": {key: value}, "last_metrics", "label_metrics": {"auc": [L], ...},
 "draws": {"quantiles": [21]}, "suspects": [{"sample", "label", "hardness"}],
 "epochs": [{"epoch", "learning_rate", "loss", "validation": {key: value}, "summary": {...},
             "label_means": {signal: [L]}, "label_weights": {signal: [L]}, "signal_quantiles": {signal: [21]}}]}
```

A failed one ends after `timings` with `"error": {"type", "message", "traceback"}`. Two runs of a cell on one machine
differ in `timings` alone.
"""

import hashlib
import json
import math
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from batchsift.training.fold import FoldResult, run_fold
from batchsift.training.prepare import Prepared
from batchsift.training.provenance import machine, plain, versions
from batchsift.training.recording import EpochRecord, SignalRecord, Suspect
from batchsift.training.settings import Settings

FORMAT = 1
DIGITS = 6  # significant ones that are kept of signals: a file of many labels is half as large


@dataclass(frozen=True, kw_only=True)
class CellConfig:
    """What decides the numbers of a cell.

    Args:
        data: The name of the data set.
        model: The name of the model.
        method: What the method is called in this study.
        settings: The name of the settings.
        fold: Counted from 0.
        seed: Decides the splits, the initial weights and the selection.
        base_method: The registered method.
        method_options: What it is given.
        hyperparameters: What the model is given.
        training: The settings in full.
        data_fingerprint: Of the data's content.
    """

    data: str
    model: str
    method: str
    settings: str
    fold: int
    seed: int
    base_method: str
    method_options: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    training: Settings
    data_fingerprint: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "CellConfig":
        """From what `document` gave."""
        return cls(**{**document, "training": Settings(**document["training"])})

    def document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @cached_property
    def key(self) -> str:
        """20 hexadecimal digits: the hash of the configuration."""
        canonical = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:20]

    def __str__(self) -> str:
        return f"{self.data} {self.model} {self.method} {self.settings} fold {self.fold + 1} seed {self.seed}"


@dataclass(frozen=True)
class DataFacts:
    """The data set of a cell, after the filters.

    Args:
        name: Its name.
        num_samples: N.
        num_features: D.
        num_labels: L.
        label_names: L names.
        removed_labels: Those with too few positives.
        removed_samples: How many were left without a label.
        num_train: Samples of the cell's training part.
        num_validation: Of its validation part.
        num_test: Of its test part.
        label_counts: Positives of each label in the training part.
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


@dataclass(frozen=True)
class CellError:
    """Why a cell failed: the exception's type and message, and its traceback as text."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell that was run.

    Args:
        document: What is on disk.
    """

    document: Mapping[str, Any]

    @cached_property
    def config(self) -> CellConfig:
        """What was run."""
        return CellConfig.of(self.document["config"])

    @property
    def key(self) -> str:
        """Its name: the hash of its configuration."""
        return str(self.document["key"])

    @property
    def status(self) -> Literal["done", "failed"]:
        """How it ended."""
        return "done" if self.document["status"] == "done" else "failed"

    @property
    def versions(self) -> Mapping[str, str]:
        """Of Python, the packages, and batchsift's own source."""
        return dict(self.document["versions"])

    @property
    def seconds(self) -> float:
        """How long it took, data preparation included."""
        return float(self.document["timings"]["cell_seconds"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned about, each once."""
        return tuple(self.document["warnings"])

    @property
    def error(self) -> CellError | None:
        """Of a failed cell."""
        return CellError(**self.document["error"]) if self.status == "failed" else None

    @cached_property
    def facts(self) -> DataFacts:
        """Its data set; a failed cell has none (KeyError)."""
        return DataFacts(**self.document["data"])

    @cached_property
    def result(self) -> FoldResult:
        """What came out; a failed cell has none (KeyError)."""
        content, timings = self.document, self.document["timings"]
        return FoldResult(
            method=self.config.method,
            fold=self.config.fold,
            epochs=tuple(map(_epoch_from, content["epochs"])),
            best_epoch=content["best_epoch"],
            metrics=_numbers(content["metrics"]),
            last_metrics=_numbers(content["last_metrics"]),
            label_metrics={key: tuple(map(_number, of)) for key, of in content["label_metrics"].items()},
            draws=tuple(content["draws"]["quantiles"]),
            suspects=tuple(Suspect(**one) for one in content["suspects"]),
            selection_seconds=timings["selection_seconds"],
            recording_seconds=timings["recording_seconds"],
            total_seconds=timings["total_seconds"],
        )


def run_cell(
    config: CellConfig,
    prepared: Callable[[], Prepared],
    *,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> Cell:
    """Runs a cell. Whatever goes wrong in it becomes a failed cell; only an interruption goes through.

    Args:
        config: What to run.
        prepared: Called for the data, so that what is wrong with them belongs to the cell too.
        on_epoch: Called with the record of every epoch.
    """
    started = datetime.now(UTC)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            ready = prepared()
            result = run_fold(
                ready,
                model=config.model,
                method=config.base_method,
                fold=config.fold,
                hyperparameters=config.hyperparameters,
                method_options=config.method_options,
                on_epoch=on_epoch,
            )
            outcome = {"status": "done", "timings": _timings(result), **_outcome(ready, config.fold, result)}
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            outcome = {
                "status": "failed",
                "timings": {},
                "error": asdict(CellError(type(error).__name__, str(error), text)),
            }
    head = {
        "format": FORMAT,
        "status": outcome.pop("status"),
        "key": config.key,
        "config": config.document(),
        "versions": versions(),
        "machine": machine(),
        "timings": {
            "started": started.isoformat(timespec="seconds"),
            "cell_seconds": (datetime.now(UTC) - started).total_seconds(),
            **outcome.pop("timings"),
        },
        "warnings": list(dict.fromkeys(str(one.message) for one in caught)),
    }
    return Cell(plain({**head, **outcome}))


def _timings(result: FoldResult) -> dict[str, float]:
    names = ("selection_seconds", "recording_seconds", "total_seconds")
    return {name: getattr(result, name) for name in names}


def _outcome(prepared: Prepared, fold: int, result: FoldResult) -> dict[str, Any]:
    return {
        "data": _facts(prepared, fold),
        "best_epoch": result.best_epoch,
        "metrics": result.metrics,
        "last_metrics": result.last_metrics,
        "label_metrics": result.label_metrics,
        "draws": {"quantiles": result.draws},
        "suspects": result.suspects,
        "epochs": [_epoch_document(record) for record in result.epochs],
    }


def _facts(prepared: Prepared, fold: int) -> DataFacts:
    data, split = prepared.data, prepared.splits[fold]
    return DataFacts(
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
        label_counts=data.labels[split.train].sum(axis=0, dtype=int).tolist(),
    )


def _epoch_document(record: EpochRecord) -> dict[str, Any]:
    content = asdict(record)
    of_signals = content.pop("signals")
    return content | {
        what: {signal: [_rounded(value) for value in values] for signal, values in by_signal.items()}
        for what, by_signal in of_signals.items()
    }


def _epoch_from(content: Mapping[str, Any]) -> EpochRecord:
    return EpochRecord(
        epoch=content["epoch"],
        learning_rate=content["learning_rate"],
        loss=_number(content["loss"]),
        validation=_numbers(content["validation"]),
        summary=_numbers(content["summary"]),
        signals=SignalRecord(
            **{
                what: {signal: tuple(map(_number, values)) for signal, values in content[what].items()}
                for what in ("label_means", "label_weights", "signal_quantiles")
            }
        ),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: _number(value) for key, value in values.items()}
