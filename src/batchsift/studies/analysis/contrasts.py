"""Each method against Random: by how much, how surely, on how many data sets.

The units are data sets. A data set's value is the mean over models, seeds and folds that all methods have
finished, so models on one data set are not mistaken for independent evidence. With enough data sets the test is over
them; with too few, each data set is looked at by itself, over its folds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from batchsift.metrics import METRICS
from batchsift.statistics import (
    CorrectedT,
    Duration,
    Friedman,
    Interval,
    Pairwise,
    Significance,
    TimeToTarget,
    WinTieLoss,
    average_ranks,
    bootstrap_interval,
    corrected_mean,
    corrected_resampled_t,
    epochs_to_target,
    friedman,
    hedges_g,
    holm,
    nemenyi,
    rank_biserial,
    time_to_target,
    wilcoxon_holm,
    win_tie_loss,
)
from batchsift.studies.analysis.runs import BASELINE, Floats, Run, Study

EPOCHS = "epochs_to_target"
AREA = "mean_validation"

Value = Callable[[Run], float]
Pair = tuple[str, int, int]


class Verdict(StrEnum):
    """What a contrast comes to."""

    BETTER = "better"
    WORSE = "worse"
    PARTLY_BETTER = "better in part"
    PARTLY_WORSE = "worse in part"
    MIXED = "mixed"
    OPEN = "not told apart"
    UNTESTED = "not tested"


@dataclass(frozen=True)
class Unit:
    """One data set of a contrast.

    Args:
        data: Its name.
        gain: Mean difference to Random, signed so that above zero is better.
        test: Over its folds.
        folds: The differences.
        p_value: Of `test`, adjusted for the number of methods and data sets (Holm); None without a test.
    """

    data: str
    gain: float
    test: CorrectedT
    folds: tuple[float, ...]
    p_value: float | None

    def sign(self, alpha: float) -> int:
        """1 where the method is told apart as better, -1 as worse, else 0."""
        return 0 if self.p_value is None or self.p_value >= alpha else int(math.copysign(1, self.gain))


@dataclass(frozen=True)
class Contrast:
    """A method against Random by one measure.

    Args:
        method: Name.
        measure: Key of a metric, or `EPOCHS`, or `AREA`.
        units: One a data set.
        gain: Mean of the units' gains.
        interval: Of the gain.
        over: What the interval is over: "data sets" or "folds".
        significance: Wilcoxon over data sets, adjusted for the number of methods (Holm).
        record: Data sets won, tied, lost.
        effect: Matched-pairs rank-biserial correlation over data sets (over folds where there is one data set).
        g: Hedges' g of the paired differences, likewise.
        alpha: Level of the verdict.
    """

    method: str
    measure: str
    units: tuple[Unit, ...]
    gain: float
    interval: Interval
    over: str
    significance: Significance
    record: WinTieLoss
    effect: float | None
    g: float | None
    alpha: float

    @property
    def told_apart(self) -> tuple[int, int]:
        """Data sets on which the method is told apart as better, and as worse."""
        signs = [unit.sign(self.alpha) for unit in self.units]
        return signs.count(1), signs.count(-1)

    @property
    def verdict(self) -> Verdict:
        """Over data sets where that can be tested, else from the data sets one by one."""
        if self.significance.below(self.alpha):
            return Verdict.BETTER if (self.effect or 0) > 0 else Verdict.WORSE
        if self.significance.p_value is not None:
            return Verdict.OPEN
        return self._one_by_one()

    def _one_by_one(self) -> Verdict:
        if all(unit.p_value is None for unit in self.units):
            return Verdict.UNTESTED
        better, worse = self.told_apart
        if not better and not worse:
            return Verdict.OPEN
        if better and worse:
            return Verdict.MIXED
        if max(better, worse) == len(self.units):
            return Verdict.BETTER if better else Verdict.WORSE
        return Verdict.PARTLY_BETTER if better else Verdict.PARTLY_WORSE


@dataclass(frozen=True, eq=False)
class Scope:
    """The part of a study one set of statistics is over: one settings, one model or all of them.

    Args:
        settings: Name.
        model: Name; None for all of them together.
        methods: Those with finished runs, Random first.
        runs: Data set to method to pair to run: only pairs that all methods have finished.
        notes: What is not among them, in words.
        alpha: Level of tests; intervals are of 1 - alpha.
    """

    settings: str
    model: str | None
    methods: tuple[str, ...]
    runs: Mapping[str, Mapping[str, Mapping[Pair, Run]]]
    notes: tuple[str, ...]
    alpha: float

    @property
    def data(self) -> tuple[str, ...]:
        """The units."""
        return tuple(self.runs)

    @property
    def challengers(self) -> tuple[str, ...]:
        """All methods but Random; none without Random."""
        return tuple(m for m in self.methods if m != BASELINE) if BASELINE in self.methods else ()

    def values(self, value: Value) -> dict[str, list[float]]:
        """Method to one number a data set: the mean over the pairs."""
        return {
            method: [float(np.mean([value(run) for run in by[method].values()])) for by in self.runs.values()]
            for method in self.methods
        }

    def friedman(self, key: str) -> Friedman:
        """Over data sets, by a metric; with a single one, its average ranks are over the folds."""
        return friedman(self.values(lambda run: run.metrics[key]), higher_is_better=METRICS[key].higher_is_better)

    def fold_ranks(self, key: str) -> dict[str, float]:
        """Average ranks over all pairs of all data sets."""
        table = {
            method: [run.metrics[key] for by in self.runs.values() for run in by[method].values()]
            for method in self.methods
        }
        return average_ranks(table, higher_is_better=METRICS[key].higher_is_better)

    def pairwise(self, key: str) -> tuple[Pairwise, Pairwise]:
        """Every pair of methods by a metric: Nemenyi's test, and Wilcoxon's with Holm's adjustment."""
        values = self.values(lambda run: run.metrics[key])
        return nemenyi(values), wilcoxon_holm(values, alpha=self.alpha)

    def contrasts(self, key: str) -> dict[str, Contrast]:
        """Every method against Random by a metric."""
        return self._contrasts(key, lambda run: run.metrics[key], METRICS[key].higher_is_better)

    @cached_property
    def convergence(self) -> dict[str, Contrast]:
        """By epochs until Random's best validation value: the gain is in epochs saved.

        Runs that never get there count with all their epochs, the least it can have been.
        """
        return self._contrasts(EPOCHS, lambda run: float(self.duration(run).epochs), higher_is_better=False)

    @cached_property
    def areas(self) -> dict[str, Contrast]:
        """By the mean of the validation curve over all epochs: high early is high on the whole."""
        return self._contrasts(AREA, lambda run: float(run.curve.mean()), higher_is_better=True)

    def duration(self, run: Run) -> Duration:
        """Epochs until the best validation value of Random's run of the same pair."""
        return self._durations[run.key]

    @cached_property
    def _durations(self) -> dict[str, Duration]:
        return {
            run.key: _duration(run.curve, by[BASELINE][pair].curve)
            for by in self.runs.values()
            for runs in by.values()
            for pair, run in runs.items()
        }

    def time_to_target(self, method: str, data: str | None = None) -> TimeToTarget:
        """Over the runs of a data set, or of all."""
        chosen = [self.runs[data]] if data is not None else list(self.runs.values())
        runs = [self.duration(run) for by in chosen for run in by[method].values()]
        return time_to_target(runs, confidence=1 - self.alpha)

    def _contrasts(self, measure: str, value: Value, higher_is_better: bool) -> dict[str, Contrast]:
        if not self.challengers or not self.runs:
            return {}
        sign = 1.0 if higher_is_better else -1.0
        over_data = {m: [sign * v for v in values] for m, values in self.values(value).items()}
        tests = wilcoxon_holm(over_data, baseline=BASELINE, alpha=self.alpha)
        units = self._units(value, sign)
        return {
            method: self._contrast(method, measure, units[method], tests.between(BASELINE, method))
            for method in self.challengers
        }

    def _contrast(self, method: str, measure: str, units: Sequence[Unit], test: Significance) -> Contrast:
        gains = [unit.gain for unit in units]
        confidence = 1 - self.alpha
        over_sets = test.p_value is not None
        interval = (
            bootstrap_interval(gains, confidence=confidence)
            if over_sets
            else corrected_mean([unit.test for unit in units], confidence=confidence)
        )
        sample = gains if len(units) > 1 else units[0].folds
        return Contrast(
            method=method,
            measure=measure,
            units=tuple(units),
            gain=float(np.mean(gains)),
            interval=interval,
            over="data sets" if over_sets else "folds",
            significance=test,
            record=win_tie_loss(gains),
            effect=rank_biserial(sample),
            g=hedges_g(sample),
            alpha=self.alpha,
        )

    def _units(self, value: Value, sign: float) -> dict[str, list[Unit]]:
        """Method to its data sets, their p adjusted for all of them together."""
        tests: dict[tuple[str, str], tuple[CorrectedT, tuple[float, ...]]] = {}
        for data, by in self.runs.items():
            ratio = float(np.mean([run.facts.test_to_train for run in by[BASELINE].values()]))
            for method in self.challengers:
                folds = _fold_gains(by[method], by[BASELINE], value, sign)
                test = corrected_resampled_t(folds, test_to_train=ratio, confidence=1 - self.alpha)
                tests[method, data] = test, folds
        made = [place for place, (test, _) in tests.items() if test.significance.p_value is not None]
        raw = [tests[place][0].significance.p_value or 0.0 for place in made]
        adjusted = dict(zip(made, holm(raw), strict=True)) if made else {}
        return {
            method: [
                Unit(
                    data=data,
                    gain=tests[method, data][0].mean,
                    test=tests[method, data][0],
                    folds=tests[method, data][1],
                    p_value=adjusted.get((method, data)),
                )
                for data in self.runs
            ]
            for method in self.challengers
        }


def _duration(own_E: Floats, random_E: Floats) -> Duration:
    if np.isnan(random_E).all():
        return Duration(len(own_E), False)  # a target that is undefined is never reached
    return epochs_to_target(own_E.tolist(), float(np.nanmax(random_E)))


def _fold_gains(own: Mapping[Pair, Run], base: Mapping[Pair, Run], value: Value, sign: float) -> tuple[float, ...]:
    """One difference a seed and fold, the mean over models: models share the fold's data."""
    by_fold: dict[tuple[int, int], list[float]] = {}
    for pair, run in own.items():
        by_fold.setdefault(pair[1:], []).append(sign * (value(run) - value(base[pair])))
    return tuple(float(np.mean(gains)) for gains in by_fold.values())


def scopes(study: Study, *, alpha: float) -> list[Scope]:
    """All models together (where there are several), then each; for each settings."""
    found: list[Scope] = []
    for settings in dict.fromkeys(block.settings for block in study.blocks):
        models = list(dict.fromkeys(block.model for block in study.blocks if block.settings == settings))
        chosen = [None, *models] if len(models) > 1 else models
        found += (_scope(study, settings, model, alpha) for model in chosen)
    return found


def _scope(study: Study, settings: str, model: str | None, alpha: float) -> Scope:
    by_data: dict[str, dict[str, dict[Pair, Run]]] = {}
    for block, by_method in study.blocks.items():
        if block.settings == settings and model in {None, block.model}:
            for run in (run for runs in by_method.values() for run in runs):
                by_data.setdefault(block.data, {}).setdefault(run.method, {})[run.place.pair] = run
    methods = tuple(m for m in study.methods if any(m in by for by in by_data.values()))
    notes = [f"{method}: no run has finished" for method in study.methods if method not in methods]
    kept: dict[str, dict[str, dict[Pair, Run]]] = {}
    for data, by in by_data.items():
        shared = set.intersection(*(set(by.get(method, {})) for method in methods))
        everything = {pair for runs in by.values() for pair in runs}
        if not shared:
            notes.append(f"{data}: left out, no run that all methods have finished")
            continue
        if len(shared) < len(everything):
            notes.append(f"{data}: only the {len(shared)} of {len(everything)} runs that all methods have finished")
        kept[data] = {m: {pair: run for pair, run in by[m].items() if pair in shared} for m in methods}
    return Scope(settings, model, methods, kept, tuple(notes), alpha)
