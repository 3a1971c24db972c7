"""Tests, effect sizes and intervals: what they say of data made for it, and when they refuse."""

import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from batchsift.statistics import (
    bootstrap_interval,
    corrected_mean,
    corrected_resampled_t,
    friedman,
    groups,
    hedges_g,
    holm,
    nemenyi,
    rank_biserial,
    wilcoxon_holm,
    win_tie_loss,
)

RNG = np.random.default_rng(0)


def methods(num_blocks, *shifts):
    base = RNG.normal(size=num_blocks)
    return {f"m{i}": (base + shift + RNG.normal(size=num_blocks) / 10).tolist() for i, shift in enumerate(shifts)}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (methods(10, 0, 1), "three methods or more, not 2"),
        (methods(4, 0, 1, 2), r"too few data sets \(4\)"),
        ({"a": [1.0] * 6, "b": [1.0] * 6, "c": [1.0] * 6}, "same average rank"),
        ({"a": [1.0] * 6, "b": [1.0] * 5 + [math.nan], "c": [1.0] * 6}, "undefined"),
        ({}, "three methods"),
    ],
)
def test_no_friedman_and_no_nemenyi_without_the_data_for_it(values, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test, posthoc = friedman(values), nemenyi(values)
    assert test.significance.p_value is None
    assert not test.significance.below(1.0)
    assert re.search(reason, test.significance.reason)
    assert posthoc.reason == test.significance.reason


def test_friedman_follows_the_direction():
    values = methods(8, 0, 5, 10)
    assert friedman(values).ranks == {"m0": 3, "m1": 2, "m2": 1}
    assert friedman(values, higher_is_better=False).ranks == {"m0": 1, "m1": 2, "m2": 3}


@pytest.mark.parametrize(
    ("num_blocks", "alpha", "made"), [(5, 0.05, False), (5, 0.1, True), (6, 0.05, True), (0, 0.05, False)]
)
def test_two_methods_are_tested_where_the_test_could_reject(num_blocks, alpha, made):
    test = wilcoxon_holm(methods(num_blocks, 0, 5), alpha=alpha).between("m1", "m0")
    assert (test.p_value is not None) == made
    assert test.below(alpha) == made
    assert made or f"too few data sets ({num_blocks})" in test.reason


def test_more_comparisons_need_more_data_sets():
    values = methods(6, 0, 5, 10)
    assert "(6; 3 comparisons)" in wilcoxon_holm(values).reason
    assert "(6; 2 comparisons)" in wilcoxon_holm(values, baseline="m0").reason
    against_one = wilcoxon_holm(methods(7, 0, 5, 10), baseline="m0")
    assert set(against_one.p_values) == {("m0", "m1"), ("m0", "m2")}
    assert set(against_one.p_values.values()) == {2 * 2 / 2**7}
    assert "nothing to compare" in wilcoxon_holm({"a": [1.0]}).reason


def test_equal_methods_are_not_told_apart():
    same = [0.1, 0.5, 0.2, 0.7, 0.3, 0.9]
    assert wilcoxon_holm({"a": same, "b": same}).between("a", "b").p_value == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert holm([]) == []


@pytest.mark.parametrize("number", range(1, 9))
def test_holm_is_that_of_statsmodels(number, monkeypatch):
    from statsmodels.stats.multitest import multipletests

    monkeypatch.setattr("gc.collect", lambda: 0)  # it calls this each time: with all that tests import, half a second
    for p_values in RNG.random((4, number)).round(RNG.integers(1, 4)):  # rounded, so that some are equal
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_the_correction_widens_the_plain_t_test_by_a_known_factor(folds):
    differences = RNG.normal(0.3, 1, size=folds)
    plain = stats.ttest_1samp(differences, 0)
    ratio = 1 / (folds - 1)
    test = corrected_resampled_t(differences, test_to_train=ratio)
    t = plain.statistic / math.sqrt(1 + folds * ratio)
    assert test.significance.p_value == pytest.approx(2 * stats.t.sf(abs(t), folds - 1))
    low, high = plain.confidence_interval()
    assert (test.high - test.low) / (high - low) == pytest.approx(math.sqrt(1 + folds * ratio))
    # The interval holds zero where the test does not reject.
    assert (test.low < 0 < test.high) == (not test.significance.below(0.05))


@pytest.mark.parametrize(
    ("differences", "p_value", "reason"),
    [
        ([0.1, 0.2], None, "too few folds (2)"),
        ([], None, "too few folds (0)"),
        ([0.1, math.nan, 0.3], None, "undefined"),
        ([0.1, 0.1, 0.1], None, "the same on all folds"),
        ([0.0, 0.0, 0.0], 1.0, None),
    ],
)
def test_no_t_test_without_the_data_for_it(differences, p_value, reason):
    test = corrected_resampled_t(differences, test_to_train=0.25)
    assert test.significance.p_value == p_value
    assert (reason is None) == (test.significance.reason is None)
    assert reason is None or reason in test.significance.reason
    assert (test.low is None) == (p_value is None)


def test_the_mean_over_given_data_sets_covers_what_it_should():
    """Three data sets of five folds, correlated as folds are: 95 % of the intervals hold the mean."""
    covariance = np.full((5, 5), 0.2) + 0.8 * np.eye(5)
    draws = np.random.default_rng(4).multivariate_normal(np.zeros(5), covariance, size=(1500, 3))
    hits = 0
    for folds in draws * np.array([1.0, 2.0, 0.5])[:, None] + np.array([0.1, 0.2, 0.3])[:, None]:
        interval = corrected_mean([corrected_resampled_t(row, test_to_train=0.25) for row in folds])
        hits += interval.low < 0.2 < interval.high
    assert hits / 1500 == pytest.approx(0.95, abs=0.02)


def test_the_mean_over_given_data_sets_of_one_is_its_own():
    test = corrected_resampled_t([0.1, 0.3, 0.2], test_to_train=0.5)
    interval = corrected_mean([test])
    assert (interval.low, interval.high) == (pytest.approx(test.low), pytest.approx(test.high))
    untested = corrected_resampled_t([0.1, 0.3], test_to_train=0.5)
    assert corrected_mean([test, untested]).reason == "too few folds (2) for a t-test"
    zero = corrected_resampled_t([0.0, 0.0, 0.0], test_to_train=0.5)
    assert (corrected_mean([zero]).low, corrected_mean([]).reason) == (0.0, "no data sets")


def test_a_ratio_of_nothing_is_refused():
    with pytest.raises(ValueError, match="positive, got 0"):
        corrected_resampled_t([1.0, 2.0, 3.0], test_to_train=0)


def test_false_alarms_where_folds_overlap():
    """Fold differences without an effect, correlated as five folds of a cross-validation are taken to be (1 / 5)."""
    covariance = np.full((5, 5), 0.2) + 0.8 * np.eye(5)
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(5), covariance, size=2000)
    corrected = np.mean([corrected_resampled_t(row, test_to_train=0.25).significance.below(0.05) for row in draws])
    plain = np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05)
    assert corrected == pytest.approx(0.05, abs=0.012)
    assert plain > 0.11


def test_wins_ties_and_losses():
    assert str(win_tie_loss([0.2, -0.1, 0.0, math.nan])) == "1/1/1"
    assert str(win_tie_loss([0.2, -0.1, 0.0], tie_within=0.1)) == "1/2/0"
    assert win_tie_loss([]).total == 0


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_rank_biserial_is_odd_and_bounded(differences):
    r = rank_biserial(differences)
    assert -1 <= r <= 1
    assert rank_biserial([-d for d in differences]) == pytest.approx(-r)
    if all(d > 0 for d in differences):
        assert r == 1


def test_effect_sizes_without_a_value():
    assert rank_biserial([]) is rank_biserial([1.0, math.nan]) is None
    assert rank_biserial([0.0, 0.0]) == 0
    assert hedges_g([1.0, 2.0]) is hedges_g([1.0, 1.0, 1.0]) is hedges_g([1.0, 2.0, math.nan]) is None


def test_hedges_factor_takes_the_bias_away():
    draws = np.random.default_rng(0).normal(0.5, 1, size=(4000, 6))
    g = np.array([hedges_g(row) for row in draws])
    d_z = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    assert g.mean() == pytest.approx(0.5, abs=0.03)
    assert d_z.mean() > 0.55


def test_bootstrap_is_seeded_and_covers():
    values = RNG.normal(1.0, 0.5, size=30)
    interval = bootstrap_interval(values, seed=3)
    assert interval == bootstrap_interval(values, seed=3)
    assert interval != bootstrap_interval(values, seed=4)
    half = 1.96 * values.std() / math.sqrt(30)
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert interval.low > 0
    around_zero = bootstrap_interval(values - values.mean())
    assert around_zero.low < 0 < around_zero.high


def test_bootstrap_resamples_each_group_within_itself():
    interval = bootstrap_interval([0.0, 0.0, 0.0], [10.0, 10.0, 10.0])
    assert (interval.low, interval.high) == (5.0, 5.0)
    mixed = bootstrap_interval([0.0, 1.0, 2.0], [10.0, 10.0, 10.0])
    assert (mixed.low, mixed.high) == (5.0, 6.0)


@pytest.mark.parametrize(
    ("sample", "reason"), [([1.0, 2.0], "too few values (2)"), ([1.0, math.nan, 2.0], "undefined"), ([], "(0)")]
)
def test_bootstrap_says_when_it_cannot(sample, reason):
    interval = bootstrap_interval(sample)
    assert (interval.low, interval.high) == (None, None)
    assert reason in interval.reason


def test_groups_hold_only_methods_no_two_of_which_differ():
    ranks = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    differ = {frozenset("ac"), frozenset("ad"), frozenset("bd")}
    assert groups(ranks, lambda x, y: frozenset((x, y)) not in differ) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert groups(ranks, lambda x, y: True) == [("a", "b", "c", "d")]
    assert groups(ranks, lambda x, y: False) == []
