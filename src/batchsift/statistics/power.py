"""What a corrected resampled t-test can see: its power, the smallest effect it sees, the runs it would need.

With differences whose mean is delta and whose standard deviation over folds is s, the statistic of
`corrected_resampled_t` follows a noncentral t with N - 1 degrees of freedom and noncentrality
`delta / (s sqrt(1 / N + n_test / n_train))`, where the correction holds (differences of any two folds correlate by
`n_test / (n_test + n_train)`, Nadeau and Bengio 2003).

Repetitions with other splits narrow the first term alone: the second is there however many there are, since all of
them use the same samples. So there are effects that no number of repetitions would show.

Shapes: N folds and repetitions, Q quantiles.
"""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

POWER = 0.8  # the usual one that runs are planned for
MOST_REPETITIONS = 100
QUANTILES = 2000


def power_of(effect: float, std: float, num: int, *, test_to_train: float, alpha: float) -> float:
    """Return how often the corrected resampled t-test tells an effect apart.

    Args:
        effect: The true mean difference.
        std: The standard deviation of the differences over folds.
        num: N, at least 2.
        test_to_train: Size of a test part over that of the training part.
        alpha: The level; that of one comparison, where there are several.

    >>> round(power_of(0.02, 0.01, 5, test_to_train=0.25, alpha=0.05), 2)
    0.61
    >>> round(power_of(0.0, 0.01, 5, test_to_train=0.25, alpha=0.05), 2)
    0.05
    """
    if std == 0:
        return 1.0 if effect else alpha
    return _power_at(abs(effect) / _error(std, num, test_to_train), num, alpha)


def smallest_effect(std: float, num: int, *, test_to_train: float, alpha: float, power: float = POWER) -> float:
    """Return the smallest true difference that the test tells apart as often as `power` says.

    Args:
        std: The standard deviation of the differences over folds.
        num: N, at least 2.
        test_to_train: Size of a test part over that of the training part.
        alpha: The level; that of one comparison, where there are several.
        power: The share of cases, in (alpha, 1).

    >>> effect = smallest_effect(0.01, 5, test_to_train=0.25, alpha=0.05)
    >>> round(power_of(effect, 0.01, 5, test_to_train=0.25, alpha=0.05), 6)
    0.8
    """
    highest = 2.0
    while _power_at(highest, num, alpha) < power:
        highest *= 2
    shift = float(optimize.brentq(lambda shift: _power_at(shift, num, alpha) - power, 0.0, highest))
    return shift * _error(std, num, test_to_train)


def repetitions_needed(
    effect: float, std: float, num: int, *, test_to_train: float, alpha: float, power: float = POWER
) -> int | None:
    """Return how often runs have to be repeated, with other splits, for the test to see an effect.

    Args:
        effect: The true mean difference.
        std: The standard deviation of the differences over folds.
        num: N, the folds of one repetition, at least 2.
        test_to_train: Size of a test part over that of the training part.
        alpha: The level; that of one comparison, where there are several.
        power: How often it is to be told apart.

    Returns:
        The number of repetitions, 1 where those there are would do; None where not even 100 would.

    >>> repetitions_needed(0.02, 0.01, 5, test_to_train=0.25, alpha=0.05)
    2
    >>> repetitions_needed(0.002, 0.01, 5, test_to_train=0.25, alpha=0.05) is None
    True
    """
    found = 1 + bisect_left(
        range(1, MOST_REPETITIONS + 1),
        power,
        key=lambda count: power_of(effect, std, count * num, test_to_train=test_to_train, alpha=alpha),
    )
    return found if found <= MOST_REPETITIONS else None


def _error(std: float, num: int, test_to_train: float) -> float:
    return std * math.sqrt(1 / num + test_to_train)


def _power_at(shift: float, num: int, alpha: float) -> float:
    """Return the chance that a noncentral t lies beyond the two-sided critical value.

    Averaged over quantiles of the spread that N runs would show: SciPy's noncentral t is NaN far out.
    """
    critical = special.stdtrit(num - 1, 1 - alpha / 2)
    spread_Q = _spreads(num)
    return float((special.ndtr(shift - critical * spread_Q) + special.ndtr(-shift - critical * spread_Q)).mean())


@lru_cache(maxsize=128)
def _spreads(num: int) -> NDArray[np.float64]:
    """Return quantiles of the standard deviation of N normal numbers, over the true one."""
    shares_Q = (np.arange(QUANTILES) + 0.5) / QUANTILES
    spreads_Q: NDArray[np.float64] = np.sqrt(special.chdtri(num - 1, 1 - shares_Q) / (num - 1))
    return spreads_Q
