"""Means, ranks and paired differences against values worked out by hand."""

import math

import pytest

from batchsift.statistics import (
    average_ranks,
    overall_ranks,
    paired_difference,
    smallest_p,
    summarize,
)


def test_standard_deviation_is_the_samples():
    summary = summarize([1.0, 2.0, 6.0])
    assert (summary.mean, summary.std) == (3.0, pytest.approx(math.sqrt(7)))
    assert math.isnan(summarize([1.0]).std)
    assert math.isnan(summarize([1.0, math.nan]).mean)


def test_ranks_share_ties_and_follow_the_direction():
    values = {"a": [0.9, 0.5], "b": [0.8, 0.5], "c": [0.1, 0.7]}
    assert average_ranks(values, higher_is_better=True) == {"a": 1.75, "b": 2.25, "c": 2.0}
    assert average_ranks(values, higher_is_better=False) == {"a": 2.25, "b": 1.75, "c": 2.0}


def test_overall_ranks_leave_out_undefined_metrics():
    table = {
        "macro_auc": {"a": [0.9], "b": [0.8]},
        "micro_auc": {"a": [math.nan], "b": [0.8]},
        "coverage": {"a": [3.0], "b": [2.0]},
    }
    directions = {"macro_auc": True, "micro_auc": True, "coverage": False}
    assert overall_ranks(table, higher_is_better=directions) == {"a": 1.5, "b": 1.5}
    undefined = overall_ranks({"macro_auc": {"a": [math.nan], "b": [0.8]}}, higher_is_better=directions)
    assert all(math.isnan(rank) for rank in undefined.values())


@pytest.mark.parametrize(
    ("values", "baseline", "mean", "p_value"),
    [
        ([2, 3, 4, 5, 6], [1, 1, 1, 1, 1], 3, 0.0625),
        ([1, 1, 1, 1, 1], [2, 3, 4, 5, 6], -3, 0.0625),
        # Signed ranks 1, -2, 3: as far from even as 4 of the 8 sign patterns on either side.
        ([1, -2, 3], [0, 0, 0], 2 / 3, 0.75),
        ([0.5, 0.5], [0.5, 0.5], 0, 1.0),
        ([0.5], [0.4], 0.1, math.nan),
        ([0.5, math.nan], [0.5, 0.5], math.nan, math.nan),
    ],
)
def test_paired_difference(values, baseline, mean, p_value):
    difference = paired_difference(values, baseline)
    assert difference.mean == pytest.approx(mean, nan_ok=True)
    assert difference.p_value == pytest.approx(p_value, nan_ok=True)


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_smallest_p_is_that_of_differences_of_one_sign(folds):
    difference = paired_difference([float(i + 1) for i in range(folds)], [0.0] * folds)
    assert difference.p_value == pytest.approx(smallest_p(folds))


def test_values_of_other_folds_are_refused():
    with pytest.raises(ValueError, match="same folds"):
        paired_difference([1.0, 2.0], [1.0])
