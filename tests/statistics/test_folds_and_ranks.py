"""Means and ranks against values worked out by hand."""

import math

import pytest

from batchsift.statistics import (
    average_ranks,
    overall_ranks,
    signed_rank_p,
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


def test_metrics_that_do_not_differ_enter_no_rank():
    constant = {"a": [0.0, 0.0], "b": [0.0, 0.0]}
    table = {"macro_auc": {"a": [0.9, 0.9], "b": [0.8, 0.8]}, "one_error": constant}
    directions = {"macro_auc": True, "one_error": False}
    assert overall_ranks(table, higher_is_better=directions) == {"a": 1.0, "b": 2.0}
    alone = overall_ranks({"one_error": constant}, higher_is_better=directions)
    assert all(math.isnan(rank) for rank in alone.values())


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_smallest_p_is_that_of_differences_of_one_sign(folds):
    assert signed_rank_p([float(i + 1) for i in range(folds)]) == pytest.approx(smallest_p(folds))
