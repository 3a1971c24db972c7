"""Whether training was over when it ended, of made-up curves. F folds, E epochs."""

import numpy as np
import pytest

from batchsift.studies.analysis.convergence import rising_methods
from studies.made_runs import scope_of

FOLDS = 5


def is_rising(curves_FE):
    values = {"random": {"macro_auc": [0.5] * len(curves_FE)}}
    return "random" in rising_methods(scope_of(values, curves={"random": curves_FE}))


def saturating(epochs, speed, noise=0.0, rng=None):
    """0.5 to 0.9 with that speed; `noise` of an epoch."""
    curve_E = 0.9 - 0.4 * np.exp(-speed * np.arange(1, epochs + 1))
    return curve_E + (rng or np.random.default_rng(0)).normal(size=(FOLDS, epochs)) * noise


@pytest.mark.parametrize("epochs", [2, 3, 5, 10, 20, 60, 100])
def test_a_curve_that_rises_to_its_end_is_rising(epochs):
    assert is_rising(saturating(epochs, 1 / epochs, noise=0.0005))


@pytest.mark.parametrize("epochs", [10, 20, 60, 100])
def test_a_plateau_is_seldom_taken_for_a_rise(epochs):
    rng = np.random.default_rng(0)
    wrong = sum(is_rising(saturating(epochs, 20 / epochs, noise=0.004, rng=rng)) for _ in range(100))
    assert wrong <= 8


@pytest.mark.parametrize("epochs", [10, 20, 60])
def test_a_learning_rate_that_falls_to_zero_ends_on_a_plateau(epochs):
    """The best epoch is late since the noise is gone, and the last steps are tiny: nothing rises."""
    left_E = np.linspace(1, 1 / epochs, epochs)
    curve_E = 0.9 - 0.4 * np.exp(-20 / epochs * np.arange(1, epochs + 1)) - 0.002 * left_E**2
    assert curve_E.argmax() == epochs - 1
    assert not is_rising(np.tile(curve_E, (FOLDS, 1)))


def test_a_curve_that_falls_after_its_best_is_not_rising():
    assert not is_rising(np.tile(np.r_[np.linspace(0.5, 0.9, 10), np.linspace(0.89, 0.8, 20)], (FOLDS, 1)))


@pytest.mark.parametrize("epochs", [1, 2, 4, 5])
def test_fewer_than_five_epochs_show_no_end(epochs):
    assert is_rising(np.full((FOLDS, epochs), 0.7)) == (epochs < 5)


def test_undefined_curves_are_not_judged():
    assert not is_rising(np.full((FOLDS, 10), np.nan))
    assert is_rising(np.r_[saturating(10, 0.1), np.full((1, 10), np.nan)])


def test_one_run_is_judged_by_its_own_curve():
    assert is_rising(saturating(20, 0.05)[:1])
