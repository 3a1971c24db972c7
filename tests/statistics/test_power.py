"""Power of the corrected resampled t-test: against SciPy's noncentral t, and against tests of drawn folds."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binom

from batchsift.statistics import corrected_resampled_t, power_of, repetitions_needed, smallest_effect


@pytest.mark.parametrize("num", [3, 5, 20])
@pytest.mark.parametrize("shift", [0.5, 2.0, 4.0])
def test_power_is_that_of_a_noncentral_t(num, shift):
    effect = shift * math.sqrt(1 / num + 0.25)
    critical = stats.t.ppf(0.975, num - 1)
    expected = stats.nct.sf(critical, num - 1, shift) + stats.nct.cdf(-critical, num - 1, shift)
    assert power_of(effect, 1.0, num, test_to_train=0.25, alpha=0.05) == pytest.approx(expected, abs=1e-4)
    assert power_of(-effect, 1.0, num, test_to_train=0.25, alpha=0.05) == pytest.approx(expected, abs=1e-4)


def test_the_corrected_test_rejects_as_often():
    """Folds that correlate as the correction takes them to."""
    rng, correlation = np.random.default_rng(0), 0.2
    effect = smallest_effect(math.sqrt(1 - correlation), 5, test_to_train=0.25, alpha=0.05)
    rejected = 0
    for _ in range(1000):
        folds = effect + math.sqrt(correlation) * rng.normal() + math.sqrt(1 - correlation) * rng.normal(size=5)
        rejected += corrected_resampled_t(folds, test_to_train=0.25).significance.below(0.05)
    assert binom.ppf(0.001, 1000, 0.8) <= rejected <= binom.ppf(0.999, 1000, 0.8)


def test_repetitions_are_the_fewest_that_do():
    options = {"test_to_train": 0.25, "alpha": 0.05}
    needed = repetitions_needed(0.017, 0.01, 5, **options)
    assert needed > 1
    assert power_of(0.017, 0.01, 5 * needed, **options) >= 0.8 > power_of(0.017, 0.01, 5 * (needed - 1), **options)
    assert repetitions_needed(1.0, 0.01, 5, **options) == 1
    assert repetitions_needed(0.01, 0.01, 5, **options) is None


def test_without_any_spread_every_effect_is_seen():
    assert power_of(0.1, 0.0, 5, test_to_train=0.25, alpha=0.05) == 1.0
    assert power_of(0.0, 0.0, 5, test_to_train=0.25, alpha=0.05) == 0.05
    assert repetitions_needed(0.1, 0.0, 5, test_to_train=0.25, alpha=0.05) == 1


def test_far_out_it_is_still_a_number():
    assert smallest_effect(1.0, 3, test_to_train=0.5, alpha=1e-4) < 1000
    assert power_of(100.0, 1.0, 5, test_to_train=0.25, alpha=0.001) == pytest.approx(1.0)
