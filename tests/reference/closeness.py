"""What "the same probabilities" means where scores lie on the edge of a quantisation level."""

import math

import numpy as np


def assert_same_probabilities(actual, expected, pressure, *, share=0.98, tolerance=1e-3):
    """At least `share` of the entries agree to `tolerance` (relative), and none is further than one level.

    Samples that fell one level aside change the norm of all others a little: less than a level, which
    is allowed for.
    """
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert actual.shape == expected.shape
    assert math.isclose(actual.sum(), 1, abs_tol=1e-9)
    away = np.abs(np.log(actual) - np.log(expected))
    close = away <= tolerance
    level = math.log(pressure) / len(expected)
    assert close.mean() >= share, f"only {close.mean():.1%} agree to {tolerance}"
    assert away.max() <= level * 1.05 + 1e-6, f"{away.max() / level:.2f} levels away" if level else f"{away.max()} away"
