"""Checks of options, so that every method refuses them in the same words."""

from collections.abc import Sequence

import numpy as np


def at_least(lowest: int, **options: int) -> None:
    """Check that each option is an int of at least `lowest`.

    Raises:
        TypeError: One is no int.
        ValueError: One is too small.
    """
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be an int, got {value!r}")
        if value < lowest:
            raise ValueError(f"{name}={value} must be at least {lowest}")


def in_unit_interval(**options: float) -> None:
    """Check that each option lies in [0, 1].

    Raises:
        ValueError: One does not.
    """
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}={value} must lie in [0, 1]")


def one_of(allowed: Sequence[str], **options: str) -> None:
    """Check that each option is one of the allowed words.

    Raises:
        ValueError: One is not.
    """
    for name, value in options.items():
        if value not in allowed:
            raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")
