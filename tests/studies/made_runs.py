"""Runs whose numbers are given: what the analysis reads, without training anything. F folds, E epochs."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from batchsift.metrics import METRICS
from batchsift.studies.analysis.runs import Run, StudyRuns
from batchsift.studies.analysis.scopes import Scope, find_scopes
from batchsift.studies.config import AGAIN, HEADLINES, CellConfig
from batchsift.studies.record import DataFacts
from batchsift.training.settings import Settings

FACTS = DataFacts("made-up", 1000, 4, 3, ("u", "v", "w"), (), 0, 700, 100, 200, (10, 20, 30))
FLAT_E = np.array([0.5, 0.6, 0.7, 0.72, 0.71, 0.715, 0.718, 0.712, 0.716, 0.711])


def config_of(method: str, fold: int, **fields: object) -> CellConfig:
    base = CellConfig(
        data="made-up",
        model="mlp",
        method=method,
        settings="default",
        fold=fold,
        seed=0,
        base_method="random",
        method_options={},
        hyperparameters={},
        training=Settings(),
        data_fingerprint="",
    )
    return dataclasses.replace(base, **fields)


def run_of(config: CellConfig, metrics, last_metrics, curve_E) -> Run:
    nothing = np.zeros(0)
    return Run(
        config=config,
        facts=FACTS,
        metrics=metrics,
        last_metrics=last_metrics,
        best_epoch=int(np.argmax(curve_E)),
        curve=np.asarray(curve_E, dtype=float),
        summaries={},
        trace_kind="label_means",
        label_traces={},
        quantiles={},
        label_auc=nothing,
        draws=nothing,
        suspects=(),
        selection_seconds=0.1,
        total_seconds=1.0,
        started="",
    )


def scope_of(
    values: Mapping[str, Mapping[str, object]],
    *,
    again: Mapping[str, object] | None = None,
    last: Mapping[str, Mapping[str, object]] | None = None,
    curves: Mapping[str, object] | None = None,
    family: tuple[str, ...] = HEADLINES,
) -> Scope:
    """Makes a scope.

    Args:
        values: Method to metric to its F values; metrics that are not given are 0.5.
        again: Metric to the F values of Random's second runs.
        last: As `values`, at the last epoch; the same as `values` where it is not given.
        curves: Method to its F curves, `(F, E)`; flat ones where they are not given.
        family: The metrics that are looked at together.
    """
    last, curves = last or {}, curves or {}
    runs = []
    for method, by_key in values.items():
        ends = last.get(method, by_key)
        for fold in range(_folds(by_key)):
            curve_E = curves[method][fold] if method in curves else FLAT_E
            runs.append(run_of(config_of(method, fold), _of_fold(by_key, fold), _of_fold(ends, fold), curve_E))
    repeats = [
        run_of(config_of(AGAIN, fold, drawing_seed=1), _of_fold(again, fold), _of_fold(again, fold), FLAT_E)
        for fold in range(_folds(again or {}))
    ]
    planned = tuple(run.config for run in (*runs, *repeats))
    study = StudyRuns("made-up", planned, tuple(runs), again=tuple(repeats))
    return find_scopes(study, alpha=0.05, family=family)[0]


def _folds(by_key: Mapping[str, object]) -> int:
    return len(next(iter(by_key.values()))) if by_key else 0


def _of_fold(by_key: Mapping[str, object], fold: int) -> dict[str, float]:
    return {**dict.fromkeys(METRICS, 0.5), **{key: float(values[fold]) for key, values in by_key.items()}}
