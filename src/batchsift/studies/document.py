"""The document a comparison leaves: one JSON document, and a table of all epochs.

The document, all values at the best epochs unless said otherwise (NaN is null):

```
{"data": ..., "model": ...,
 "results": [{"method", "metrics": {key: {"mean", "std", "folds"}}, "last_metrics": as metrics at the last epoch,
              "average_rank", "best_epochs", "selection_seconds", "total_seconds"}],
 "verdict": {"use", "headline", "why", "doubts", "converged", "comparisons", "power"},
 "chance": Random's second runs as an entry of results, and "gains": {key: {"gain", "low", "high", "spread"}}; or null,
 "comparison": {"baseline", "alpha", "tests": a description,
                "contrasts": {key: {method: {"gain", "low", "high", "p_value", "verdict", ...}}},
                "claims": {method: {"summary": [...], "measures": [...]}}},
 "filters": {"removed_labels", "removed_samples", "removed_features"}, "config": {...}, "versions": {...}}
```
"""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from batchsift.files import csv_text, make_jsonable
from batchsift.statistics import summarize
from batchsift.studies.analysis.chance import measure_chance
from batchsift.studies.analysis.claims import describe_tests, make_claims
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.comparison import Comparison
from batchsift.studies.config import AGAIN, ALPHA
from batchsift.training.fold import FoldResult
from batchsift.training.recording import EpochRecord


def document(comparison: Comparison, *, histories: bool = False) -> dict[str, Any]:
    """Return the JSON document of a comparison: dictionaries, lists, strings, finite numbers and None.

    Args:
        comparison: What came out.
        histories: Add `histories`, the records of all epochs of all runs.
    """
    prepared = comparison.prepared
    content = {
        "data": prepared.data.name,
        "model": comparison.model,
        "verdict": comparison.verdict.document(),
        "results": _results(comparison),
        "chance": _chance(comparison),
        "comparison": _contrasts(comparison),
        "filters": {
            "removed_labels": prepared.removed_labels,
            "removed_samples": prepared.num_removed_samples,
            "removed_features": prepared.num_removed_features,
        },
        "config": {
            **prepared.settings.document(),
            "learning_rate": comparison.learning_rate,
            "settings": comparison.settings,
            "hyperparameters": comparison.hyperparameters,
            "seed": prepared.seed,
            "methods": comparison.methods,
            "num_samples": prepared.data.num_samples,
            "num_features": prepared.data.num_features,
            "num_labels": prepared.data.num_labels,
        },
        "search": comparison.found.document() if comparison.found else None,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy", "batchsift")},
        },
    }
    if histories:
        content["histories"] = [
            {"method": run.method, "fold": run.fold, "epochs": [_history(record) for record in run.epochs]}
            for runs in comparison.results.values()
            for run in runs
        ]
    jsonable: dict[str, Any] = make_jsonable(content)
    return jsonable


def _history(record: EpochRecord) -> dict[str, Any]:
    return {
        "epoch": record.epoch,
        "learning_rate": record.learning_rate,
        "loss": record.loss,
        "macro_auc": record.macro_auc,
        "summary": record.summary,
    }


def _results(comparison: Comparison) -> list[dict[str, Any]]:
    ranks = comparison.scope.overall_ranks
    return [
        {"method": method, **_summary(runs, comparison.known_metrics), "average_rank": ranks[method]}
        for method, runs in comparison.results.items()
    ]


def _summary(runs: Sequence[FoldResult], keys: Sequence[str]) -> dict[str, Any]:
    return {
        "metrics": {key: summarize([run.metrics[key] for run in runs]) for key in keys},
        "last_metrics": {key: summarize([run.last_metrics[key] for run in runs]) for key in keys},
        "best_epochs": [run.best_epoch for run in runs],
        "selection_seconds": [run.selection_seconds for run in runs],
        "total_seconds": [run.total_seconds for run in runs],
    }


def _chance(comparison: Comparison) -> dict[str, Any] | None:
    if not comparison.again:
        return None
    chances = {key: measure_chance(comparison.scope, key) for key in comparison.known_metrics}
    gains = {
        key: {"gain": one.gain, "low": one.interval.low, "high": one.interval.high, "spread": one.spread}
        for key, one in chances.items()
        if one is not None
    }
    return {"method": AGAIN, **_summary(comparison.again, comparison.known_metrics), "gains": gains}


def _contrasts(comparison: Comparison) -> dict[str, Any]:
    scope = comparison.scope
    contrasts = {key: scope.contrasts(key) for key in comparison.known_metrics}
    return {
        "baseline": BASELINE if BASELINE in comparison.results else None,
        "alpha": ALPHA,
        "tests": describe_tests(scope, scope.family[0]),
        "contrasts": {
            key: {method: contrast.document() for method, contrast in by_method.items()}
            for key, by_method in contrasts.items()
            if by_method
        },
        "claims": {
            one.method: {
                "summary": one.summary,
                "measures": [claim.document() for claim in (*one.prediction, *one.convergence)],
            }
            for one in make_claims(scope, scope.family)
        },
    }


def epochs_csv(comparison: Comparison) -> str:
    """Tabulate all epochs of all runs as CSV, one a row; what a method's selector does not know is left empty."""
    rows = [
        {
            "method": method,
            "fold": run.fold,
            "learning_rate": record.learning_rate,
            "loss": record.loss,
            "macro_auc": record.macro_auc,
            **record.summary,
            "epoch": record.epoch,
        }
        for method, runs in comparison.results.items()
        for run in runs
        for record in run.epochs
    ]
    first = ["method", "fold", "epoch", "learning_rate", "loss", "macro_auc"]
    columns = [*first, *dict.fromkeys(key for row in rows for key in row if key not in first)]
    return csv_text([[row.get(column) for column in columns] for row in rows], columns)
