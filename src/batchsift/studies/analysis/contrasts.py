"""Contrasts: a method against Random by one measure, by how much, how surely, on how many data sets.

The units are data sets. With enough of them the test is over data sets; with too few, each data set is looked at by
itself, over its folds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from batchsift.statistics import (
    CorrectedT,
    Interval,
    Significance,
    WinTieLoss,
    bootstrap_interval,
    corrected_mean,
    corrected_resampled_t,
    hedges_g,
    holm,
    rank_biserial,
    wilcoxon_holm,
    win_tie_loss,
)
from batchsift.studies.analysis.runs import BASELINE

EPOCHS = "epochs_to_target"  # a measure: epochs until Random's best validation value
AREA = "mean_validation"  # a measure: the mean of the validation curve


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
class DataSetContrast:
    """A method against Random on one data set.

    Args:
        data: The name of the data set.
        gain: The mean difference to Random, signed so that above zero is better.
        test: The corrected resampled t-test over the folds.
        folds: The differences, one a fold and seed.
        p_value: The p of `test`, adjusted for the methods, data sets and measures that are looked at together (Holm);
            None without a test.
        alpha: The level at which methods are told apart.
    """

    data: str
    gain: float
    test: CorrectedT
    folds: tuple[float, ...]
    p_value: float | None
    alpha: float

    @property
    def verdict(self) -> Verdict:
        """Whether the method is told apart on this data set, and in which direction."""
        if self.p_value is None:
            return Verdict.UNTESTED
        if self.p_value >= self.alpha:
            return Verdict.OPEN
        return Verdict.BETTER if self.gain > 0 else Verdict.WORSE

    @property
    def record(self) -> WinTieLoss:
        """Folds won, tied, lost."""
        return win_tie_loss(self.folds)

    @property
    def bootstrap(self) -> Interval:
        """The paired bootstrap interval of the gain over folds, which does not allow for their overlap."""
        return bootstrap_interval(self.folds, confidence=1 - self.alpha)


@dataclass(frozen=True)
class Contrast:
    """A method against Random by one measure.

    Args:
        method: The name of the method.
        measure: The key of a metric, or `EPOCHS`, or `AREA`.
        data_sets: The same on each data set.
        gain: The mean of the data sets' gains.
        interval: The confidence interval of the gain.
        over: What the interval is over: "data sets" or "folds".
        significance: Wilcoxon's test over data sets, adjusted for the methods and measures that are looked at
            together (Holm).
        record: Data sets won, tied, lost.
        effect: Matched-pairs rank-biserial correlation over data sets (over folds where there is one data set).
        g: Hedges' g of the paired differences, over the same.
        alpha: The level of the verdict.
    """

    method: str
    measure: str
    data_sets: tuple[DataSetContrast, ...]
    gain: float
    interval: Interval
    over: str
    significance: Significance
    record: WinTieLoss
    effect: float | None
    g: float | None
    alpha: float

    @property
    def p_value(self) -> float | None:
        """The p the verdict rests on: over data sets, or of the only data set; None where there is no such one."""
        if self.significance.p_value is not None or len(self.data_sets) > 1:
            return self.significance.p_value
        return self.data_sets[0].p_value

    @property
    def reason_for_no_test(self) -> str | None:
        """Why there is no p; None where there is one."""
        if self.p_value is not None:
            return None
        return self.significance.reason if len(self.data_sets) > 1 else self.data_sets[0].test.significance.reason

    @property
    def told_apart(self) -> tuple[int, int]:
        """The numbers of data sets on which the method is told apart as better, and as worse."""
        verdicts = [one.verdict for one in self.data_sets]
        return verdicts.count(Verdict.BETTER), verdicts.count(Verdict.WORSE)

    @property
    def verdict(self) -> Verdict:
        """The verdict over data sets where that can be tested, else from the data sets one by one."""
        if self.significance.below(self.alpha):
            return Verdict.BETTER if (self.effect or 0) > 0 else Verdict.WORSE
        if self.significance.p_value is not None:
            return Verdict.OPEN
        return self._verdict_one_by_one()

    def _verdict_one_by_one(self) -> Verdict:
        if all(one.p_value is None for one in self.data_sets):
            return Verdict.UNTESTED
        better, worse = self.told_apart
        if not better and not worse:
            return Verdict.OPEN
        if better and worse:
            return Verdict.MIXED
        if max(better, worse) == len(self.data_sets):
            return Verdict.BETTER if better else Verdict.WORSE
        return Verdict.PARTLY_BETTER if better else Verdict.PARTLY_WORSE

    def document(self) -> dict[str, Any]:
        """Return the contrast as JSON can hold it; NaN is None."""
        return {
            "measure": self.measure,
            "verdict": str(self.verdict),
            "gain": None if math.isnan(self.gain) else self.gain,
            "low": self.interval.low,
            "high": self.interval.high,
            "interval_over": self.over,
            "p_value": self.p_value,
            "no_test": self.reason_for_no_test,
            "data_sets": {"won": self.record.wins, "tied": self.record.ties, "lost": self.record.losses},
            "told_apart": {"better": self.told_apart[0], "worse": self.told_apart[1]},
            "rank_biserial": self.effect,
            "hedges_g": self.g,
        }


@dataclass(frozen=True)
class PairedValues:
    """The paired values of a measure on one data set.

    Args:
        gains: Method, Random apart, to its differences to Random, one a fold and seed, above zero for the better.
        test_to_train: The size of a test part over that of the part learned from.
    """

    gains: Mapping[str, tuple[float, ...]]
    test_to_train: float


ByData = Mapping[str, PairedValues]


def contrast_methods(
    measure: str, values: ByData, *, alpha: float, others: Mapping[str, ByData] | None = None
) -> dict[str, Contrast]:
    """Compare every method with Random.

    Args:
        measure: The name of the measure.
        values: Data set to its paired values; all have the same methods.
        alpha: The level of tests; intervals are of 1 - alpha.
        others: Further measures that are looked at together with this one: p are adjusted for all of them.

    Returns:
        Method to its contrast, Random apart.
    """
    family = {measure: values, **(others or {})}
    over_data = _test_over_data_sets(family, alpha)
    by_method = _contrast_on_data_sets(measure, family, alpha)
    return {
        method: _contrast(measure, method, data_sets, over_data[measure, method], alpha)
        for method, data_sets in by_method.items()
    }


def _contrast(
    measure: str, method: str, data_sets: Sequence[DataSetContrast], test: Significance, alpha: float
) -> Contrast:
    gains = [one.gain for one in data_sets]
    over_data_sets = test.p_value is not None
    if over_data_sets:
        interval = bootstrap_interval(gains, confidence=1 - alpha)
    else:
        interval = corrected_mean([one.test for one in data_sets], confidence=1 - alpha)
    sample = gains if len(data_sets) > 1 else data_sets[0].folds
    return Contrast(
        method=method,
        measure=measure,
        data_sets=tuple(data_sets),
        gain=float(np.mean(gains)),
        interval=interval,
        over="data sets" if over_data_sets else "folds",
        significance=test,
        record=win_tie_loss(gains),
        effect=rank_biserial(sample),
        g=hedges_g(sample),
        alpha=alpha,
    )


def _test_over_data_sets(family: Mapping[str, ByData], alpha: float) -> dict[tuple[str, str], Significance]:
    """Return Wilcoxon's test of each measure and method; their p are adjusted for all of them together."""
    gains = {
        (measure, method): [float(np.mean(one.gains[method])) for one in by_data.values()]
        for measure, by_data in family.items()
        for method in next(iter(by_data.values())).gains
    }
    undefined = {place for place, values in gains.items() if np.isnan(values).any()}
    names = {place: f"{place[0]}: {place[1]}" for place in gains}
    tested = {names[place]: values for place, values in gains.items() if place not in undefined}
    zeros = [0.0] * len(next(iter(family.values())))
    tests = wilcoxon_holm({BASELINE: zeros, **tested}, baseline=BASELINE, alpha=alpha)
    return {
        place: Significance(None, "a value is undefined on a data set")
        if place in undefined
        else tests.between(BASELINE, name)
        for place, name in names.items()
    }


@lru_cache(maxsize=4096)  # of a family, each measure asks for the tests of all
def _test_folds(gains: tuple[float, ...], test_to_train: float, alpha: float) -> CorrectedT:
    return corrected_resampled_t(gains, test_to_train=test_to_train, confidence=1 - alpha)


def _contrast_on_data_sets(
    measure: str, family: Mapping[str, ByData], alpha: float
) -> dict[str, list[DataSetContrast]]:
    """Return each method's contrast on each data set; their p are adjusted for all of the family together."""
    tests = {
        (key, method, data): _test_folds(gains, one.test_to_train, alpha)
        for key, by_data in family.items()
        for data, one in by_data.items()
        for method, gains in one.gains.items()
    }
    p_values = {place: test.significance.p_value for place, test in tests.items()}
    tested = {place: p for place, p in p_values.items() if p is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True)) if tested else {}
    values = family[measure]
    return {
        method: [
            DataSetContrast(
                data=data,
                gain=tests[measure, method, data].mean,
                test=tests[measure, method, data],
                folds=one.gains[method],
                p_value=adjusted.get((measure, method, data)),
                alpha=alpha,
            )
            for data, one in values.items()
        ]
        for method in next(iter(values.values())).gains
    }
