"""Hyperparameters of the published models: a named variant, what the caller changes of it, and their ranges."""

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)


def choose_settings(variants: "Mapping[str, Settings]", variant: str, **given: Any) -> "Settings":
    """Return the settings of a variant, with what is given in place of its own.

    Args:
        variants: Name to settings.
        variant: One of the names.
        given: Hyperparameters by name; None keeps the variant's own.

    Raises:
        ValueError: There is no such variant, or a hyperparameter is out of its range.
        TypeError: The settings have no such hyperparameter.
    """
    if variant not in variants:
        raise ValueError(f"variant must be one of {', '.join(map(repr, variants))}, got {variant!r}")
    return replace(variants[variant], **{name: value for name, value in given.items() if value is not None})


def check_sizes(**sizes: object) -> None:
    """Check that every size is an integer of at least 1.

    Raises:
        ValueError: One is not.

    >>> check_sizes(latent=0)
    Traceback (most recent call last):
    ...
    ValueError: latent must be an integer of at least 1, got 0
    """
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, Integral) or int(size) < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {size!r}")


def check_dropout(**shares: float) -> None:
    """Check that every share of dropped units lies in [0, 1).

    Raises:
        ValueError: One does not.
    """
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be in [0, 1), got {share!r}")


def check_weights(**weights: float) -> None:
    """Check that every weight is finite and not negative.

    Raises:
        ValueError: One is not.
    """
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise ValueError(f"{name} must be at least 0 and finite, got {weight!r}")
