"""RepeatFactor: the equations, label by label."""

import math

import numpy as np
import pytest

import batchsift as bs

LABELS = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, np.nan]])


def by_hand(labels, threshold):
    positive = labels == 1
    share = positive.mean(0)
    if threshold is None:
        threshold = np.median(share[share > 0])
    factors = [
        max([1.0] + [max(1.0, math.sqrt(threshold / share[j])) for j in range(len(share)) if row[j]])
        for row in positive
    ]
    return np.array(factors) / sum(factors)


@pytest.mark.parametrize("threshold", [None, 0.001, 0.2, 0.5, 1.0])
def test_law(threshold):
    selector = bs.Selector(LABELS, method=bs.RepeatFactor(threshold=threshold), batch_size=2)
    np.testing.assert_allclose(selector.probabilities, by_hand(LABELS, threshold), rtol=1e-12)


def test_a_low_threshold_is_random():
    selector = bs.Selector(LABELS, method=bs.RepeatFactor(threshold=0.1), batch_size=2)
    assert sorted(selector) == list(range(6))


@pytest.mark.parametrize("threshold", [0, -1.0, 1.5, float("nan")])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match="threshold"):
        bs.RepeatFactor(threshold=threshold)
