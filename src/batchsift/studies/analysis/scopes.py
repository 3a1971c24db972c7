"""Scopes: the part of a study that one set of statistics is over, and the statistics themselves.

A data set's value is the mean over models, seeds and folds that all methods have finished, so models on one data set
are not mistaken for independent evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from batchsift.image_metrics import ALL_METRICS
from batchsift.metrics import METRICS
from batchsift.statistics import (
    Duration,
    Friedman,
    Pairwise,
    TimeToTarget,
    average_ranks,
    epochs_to_target,
    friedman,
    nemenyi,
    overall_ranks,
    time_to_target,
    wilcoxon_holm,
)
from batchsift.studies.analysis.contrasts import AREA, EPOCHS, Contrast, PairedValues, contrast_methods
from batchsift.studies.analysis.runs import BASELINE, Floats, Run, StudyRuns

Measure = Callable[[Run], float]
Pair = tuple[str, int, int]  # model, seed and fold
_HIGHER_IS_BETTER = {key: metric.higher_is_better for key, metric in METRICS.items()}


@dataclass(frozen=True, eq=False)
class Scope:
    """The runs that one set of statistics is over: one settings, one model or all of them.

    Args:
        settings: The name of the settings.
        model: The name of the model; None for all of them together.
        methods: The methods with finished runs, Random first.
        runs: Data set to method to pair to run: only pairs that all methods have finished.
        notes: Sentences on what is not among them.
        alpha: The level of tests; intervals are of 1 - alpha.
        family: Keys of the metrics that are looked at together: p are adjusted for all of them and all methods. Of
            any other measure they are adjusted as if it were one more of them. None: every measure for itself.
        again: Data set to pair to the run that repeats Random's with another seed of the drawing.
    """

    settings: str
    model: str | None
    methods: tuple[str, ...]
    runs: Mapping[str, Mapping[str, Mapping[Pair, Run]]]
    notes: tuple[str, ...]
    alpha: float
    family: tuple[str, ...] = ()
    again: Mapping[str, Mapping[Pair, Run]] = field(default_factory=dict)
    _values_by_measure: dict[str, dict[str, PairedValues]] = field(init=False, repr=False, default_factory=dict)
    _contrasts: dict[str, dict[str, Contrast]] = field(init=False, repr=False, default_factory=dict)

    @property
    def data(self) -> tuple[str, ...]:
        """The data sets."""
        return tuple(self.runs)

    @property
    def challengers(self) -> tuple[str, ...]:
        """All methods but Random; none without Random."""
        return tuple(m for m in self.methods if m != BASELINE) if BASELINE in self.methods else ()

    def runs_of(self, method: str, data: str | None = None) -> list[Run]:
        """Return a method's runs, on one data set or on all."""
        chosen = [self.runs[data]] if data is not None else list(self.runs.values())
        return [run for by_method in chosen for run in by_method[method].values()]

    # Each method against Random -------------------------------------------------------------------------------

    def contrasts(self, key: str) -> dict[str, Contrast]:
        """Compare every method with Random by a metric.

        Args:
            key: The key of a metric.
        """
        self._gather(key, _value_of(key), higher_is_better=ALL_METRICS[key].higher_is_better)
        return self._compared(key)

    @property
    def num_comparisons(self) -> int:
        """The number of comparisons that p are adjusted for: methods times metrics of the family."""
        return len(self.challengers) * max(len(self.family), 1)

    def gains(self, method: str, key: str, *, over: str = BASELINE) -> dict[str, tuple[float, ...]]:
        """Return a method's differences to another by a metric, above zero for the better: data set to folds."""
        sign = 1.0 if ALL_METRICS[key].higher_is_better else -1.0
        return {
            data: _gains_by_fold(by_method[method], by_method[over], _value_of(key), sign)
            for data, by_method in self.runs.items()
        }

    def last_gain(self, method: str, key: str) -> float:
        """Return a method's mean gain over Random by a metric at the last epoch, above zero for the better."""
        sign = 1.0 if ALL_METRICS[key].higher_is_better else -1.0
        gains = [
            _gains_by_fold(by_method[method], by_method[BASELINE], lambda run: run.last_metrics[key], sign)
            for by_method in self.runs.values()
        ]
        return float(np.mean([np.mean(folds) for folds in gains]))

    def gains_of_chance(self, key: str) -> dict[str, tuple[float, ...]]:
        """Return the differences of Random to itself with another seed of the drawing, by a metric; as `gains`."""
        sign = 1.0 if ALL_METRICS[key].higher_is_better else -1.0
        shared = {
            data: {pair: run for pair, run in self.again.get(data, {}).items() if pair in by_method.get(BASELINE, {})}
            for data, by_method in self.runs.items()
        }
        return {
            data: _gains_by_fold(own, self.runs[data][BASELINE], _value_of(key), sign)
            for data, own in shared.items()
            if own
        }

    @property
    def convergence(self) -> dict[str, Contrast]:
        """Every method against Random by epochs until Random's best validation value: a gain is epochs saved.

        Runs that never get there count with all their epochs, the least it can have been.
        """
        self._gather(EPOCHS, lambda run: float(self.duration(run).epochs), higher_is_better=False)
        return self._compared(EPOCHS)

    @property
    def areas(self) -> dict[str, Contrast]:
        """Every method against Random by the mean of the validation curve: high early is high on the whole."""
        self._gather(AREA, lambda run: float(run.curve.mean()), higher_is_better=True)
        return self._compared(AREA)

    def _compared(self, name: str) -> dict[str, Contrast]:
        if not self.challengers or not self.runs:
            return {}
        if name not in self._contrasts:
            for key in self.family:
                self._gather(key, _value_of(key), higher_is_better=ALL_METRICS[key].higher_is_better)
            others = {key: self._values_by_measure[key] for key in self.family if key != name}
            values = self._values_by_measure[name]
            self._contrasts[name] = contrast_methods(name, values, alpha=self.alpha, others=others)
        return self._contrasts[name]

    def _gather(self, name: str, measure: Measure, *, higher_is_better: bool) -> None:
        if self.challengers and name not in self._values_by_measure:
            self._values_by_measure[name] = {
                data: self._paired_values(data, measure, higher_is_better) for data in self.runs
            }

    def _paired_values(self, data: str, measure: Measure, higher_is_better: bool) -> PairedValues:
        by_method = self.runs[data]
        random = by_method[BASELINE]
        sign = 1.0 if higher_is_better else -1.0
        return PairedValues(
            gains={method: _gains_by_fold(by_method[method], random, measure, sign) for method in self.challengers},
            test_to_train=float(np.mean([run.facts.test_to_train for run in random.values()])),
        )

    # All methods together -------------------------------------------------------------------------------------

    def friedman(self, key: str) -> Friedman:
        """Test whether methods differ at all over data sets, by a metric."""
        return friedman(self._means(key), higher_is_better=ALL_METRICS[key].higher_is_better)

    def pairwise(self, key: str) -> tuple[Pairwise, Pairwise]:
        """Test every pair of methods over data sets: by Nemenyi's test, and by Wilcoxon's with Holm's adjustment."""
        values = self._means(key)
        return nemenyi(values), wilcoxon_holm(values, alpha=self.alpha)

    def fold_ranks(self, key: str) -> dict[str, float]:
        """Average the ranks of the methods over all pairs of all data sets, by a metric."""
        return average_ranks(self._values(key), higher_is_better=ALL_METRICS[key].higher_is_better)

    @property
    def overall_ranks(self) -> dict[str, float]:
        """Method to its average rank over all pairs and all metrics."""
        return overall_ranks({key: self._values(key) for key in METRICS}, higher_is_better=_HIGHER_IS_BETTER)

    def _means(self, key: str) -> dict[str, list[float]]:
        """Return each method's mean over the pairs of each data set."""
        return {
            method: [
                float(np.mean([run.metrics[key] for run in by_method[method].values()]))
                for by_method in self.runs.values()
            ]
            for method in self.methods
        }

    def _values(self, key: str) -> dict[str, list[float]]:
        """Return each method's values, one a pair."""
        return {method: [run.metrics[key] for run in self.runs_of(method)] for method in self.methods}

    # Epochs to target -----------------------------------------------------------------------------------------

    def duration(self, run: Run) -> Duration:
        """Return the epochs until the best validation value of Random's run of the same pair."""
        return self._durations[run.config.key]

    @cached_property
    def _durations(self) -> dict[str, Duration]:
        return {
            run.config.key: _duration(run.curve, by_method[BASELINE][pair].curve)
            for by_method in self.runs.values()
            for runs in by_method.values()
            for pair, run in runs.items()
        }

    def time_to_target(self, method: str, data: str | None = None) -> TimeToTarget:
        """Estimate a method's epochs to target over the runs of a data set, or of all."""
        durations = [self.duration(run) for run in self.runs_of(method, data)]
        return time_to_target(durations, confidence=1 - self.alpha)


def _value_of(key: str) -> Measure:
    return lambda run: run.metrics.get(key, np.nan)  # of features there are no metrics of pictures


def _duration(own_E: Floats, random_E: Floats) -> Duration:
    if np.isnan(random_E).all():
        return Duration(len(own_E), False)  # a target that is undefined is never reached
    return epochs_to_target(own_E.tolist(), float(np.nanmax(random_E)))


def _gains_by_fold(
    own: Mapping[Pair, Run], random: Mapping[Pair, Run], measure: Measure, sign: float
) -> tuple[float, ...]:
    """Return one difference a seed and fold, the mean over models: models share the fold's data."""
    by_fold: dict[tuple[int, int], list[float]] = {}
    for pair, run in own.items():
        by_fold.setdefault(pair[1:], []).append(sign * (measure(run) - measure(random[pair])))
    return tuple(float(np.mean(gains)) for gains in by_fold.values())


def find_scopes(study: StudyRuns, *, alpha: float, family: Sequence[str] = ()) -> list[Scope]:
    """Split a study into scopes: for each settings all models together (where there are several), then each.

    Args:
        study: The runs.
        alpha: The level of tests.
        family: Keys of the metrics that are looked at together; by default every metric is looked at for itself.
    """
    scopes: list[Scope] = []
    for settings in dict.fromkeys(block.settings for block in study.blocks):
        models = list(dict.fromkeys(block.model for block in study.blocks if block.settings == settings))
        chosen = [None, *models] if len(models) > 1 else models
        scopes += (_scope(study, settings, model, alpha, tuple(family)) for model in chosen)
    return scopes


def _scope(study: StudyRuns, settings: str, model: str | None, alpha: float, family: tuple[str, ...]) -> Scope:
    by_data: dict[str, dict[str, dict[Pair, Run]]] = {}
    again: dict[str, dict[Pair, Run]] = {}
    for run in study.again:
        if run.config.settings == settings and model in {None, run.config.model}:
            again.setdefault(run.config.data, {})[run.pair] = run
    for run in study.runs:
        if run.config.settings == settings and model in {None, run.config.model}:
            by_data.setdefault(run.config.data, {}).setdefault(run.method, {})[run.pair] = run
    methods = tuple(m for m in study.methods if any(m in by_method for by_method in by_data.values()))
    notes = [f"{method}: no run has finished" for method in study.methods if method not in methods]
    kept: dict[str, dict[str, dict[Pair, Run]]] = {}
    for data, by_method in by_data.items():
        shared = set.intersection(*(set(by_method.get(method, {})) for method in methods))
        everything = {pair for runs in by_method.values() for pair in runs}
        if not shared:
            notes.append(f"{data}: left out, no run that all methods have finished")
            continue
        if len(shared) < len(everything):
            notes.append(f"{data}: only the {len(shared)} of {len(everything)} runs that all methods have finished")
        kept[data] = {m: {pair: run for pair, run in by_method[m].items() if pair in shared} for m in methods}
    return Scope(settings, model, methods, kept, tuple(notes), alpha, family, again)
