"""Epochs to target: censored runs count for what they tell."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsift.statistics import Duration, epochs_to_target, time_to_target

reached = st.builds(Duration, st.integers(1, 50), st.just(True))


def durations(*epochs, never=0, horizon=100):
    return [Duration(e, True) for e in epochs] + [Duration(horizon, False)] * never


def test_first_epoch_at_the_target():
    curve = [0.3, 0.5, 0.4, 0.6]
    assert epochs_to_target(curve, 0.5) == Duration(2, True)
    assert epochs_to_target(curve, 0.7) == Duration(4, False)
    assert epochs_to_target(curve, 0.3, higher_is_better=False) == Duration(1, True)
    assert epochs_to_target([math.nan, 0.5], 0.5) == Duration(2, True)
    for bad in (([], 0.5), ([0.5], math.nan)):
        with pytest.raises(ValueError, match="one epoch or more"):
            epochs_to_target(*bad)


def test_kaplan_and_meier_by_hand():
    """Freireich's 6-MP arm (1963), the textbook example: 21 patients, 9 relapses, median 23 weeks."""
    times = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    censored = [0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]
    result = time_to_target([Duration(t, not c) for t, c in zip(times, censored, strict=True)])
    assert (result.median, result.num_runs, result.num_reached) == (23.0, 21, 9)
    # R, survfit(conf.type = "log-log"): 13 to not reached.
    assert (result.low, result.high) == (13.0, None)


def test_half_of_the_runs_never_there_and_fewer():
    half = time_to_target(durations(10, 20, never=2))
    assert half.median == 20
    most = time_to_target(durations(10, never=3))
    assert (most.median, most.high, most.num_reached, most.horizon) == (None, None, 1, 100)
    none = time_to_target(durations(never=3))
    assert (none.median, none.low, none.high, none.restricted_mean) == (None, None, None, 100.0)
    with pytest.raises(ValueError, match="no runs"):
        time_to_target([])


def test_runs_that_end_early_are_not_taken_for_slow_ones():
    """A run cut off at epoch 2 says only that it needs more than 2."""
    with_it = time_to_target([Duration(2, False), *durations(10, 20, 30)])
    assert with_it.median == 20


@given(st.lists(reached, min_size=1, max_size=15))
def test_without_censoring_it_is_the_sample_median(runs):
    result = time_to_target(runs)
    epochs = sorted(run.epochs for run in runs)
    assert result.median == epochs[math.ceil(len(epochs) / 2) - 1]
    assert result.low is None or result.low <= result.median
    assert result.high is None or result.high >= result.median
    assert result.restricted_mean == pytest.approx(np.mean(epochs))


@given(st.lists(reached, min_size=1, max_size=10), st.integers(1, 5))
def test_runs_that_never_got_there_never_make_it_faster(runs, never):
    without, result = time_to_target(runs), time_to_target(runs + durations(never=never))
    assert result.median is None or result.median >= without.median
