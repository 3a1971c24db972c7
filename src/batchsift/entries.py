"""Checks of what was saved, entry by entry: the message begins with the key that it is about. Torch is not imported."""

import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from batchsift.messages import cut_short

LARGEST = 2**53  # of counts: whole numbers up to it are exact in double precision too
_LONGEST = 200  # bits of a number that is written out in a message


@contextmanager
def part(key: str) -> Iterator[None]:
    """Put a key before the message of a ValueError that is raised inside.

    >>> with part("trackers"):
    ...     raise ValueError("it is empty")
    Traceback (most recent call last):
    ...
    ValueError: trackers: it is empty
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def described(value: Any) -> str:
    """Return a value in few words, whatever it is.

    >>> described("a"), described(True), described([1, 2])
    ("'a'", 'True', 'list')
    """
    torch = sys.modules.get("torch")  # where it was never imported, nothing is a tensor
    if torch is not None and isinstance(value, torch.Tensor):
        return f"{value.dtype} of shape {'(nested)' if value.is_nested else tuple(value.shape)}"
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return f"an int of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float | str):
        return cut_short(repr(value))
    return type(value).__name__


def check_keys(state: Any, keys: Collection[str], *, others: bool = False) -> None:
    """Check that something is a dictionary with these keys.

    Args:
        state: What to check.
        keys: The keys it must have.
        others: Whether it may have others too.

    Raises:
        ValueError: It is none, lacks one, or has another.
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"must be a dictionary, got {described(state)}")
    missing = [key for key in keys if key not in state]
    if missing:
        raise ValueError(f"it does not hold the {' and the '.join(missing)}")
    unknown = [] if others else [key for key in state if key not in keys]
    if unknown:
        raise ValueError(f"it holds {', '.join(map(described, unknown))}, which is unknown here")


def whole_number(state: Mapping[str, Any], key: str, lowest: int = 0, highest: int = LARGEST) -> int:
    """Return the entry of a key, an int within bounds.

    Raises:
        ValueError: It is something else.
    """
    value = state[key]
    if type(value) is not int:  # True is an int to Python, but no number anyone saved
        raise ValueError(f"{key}: must be an int, got {described(value)}")
    if not lowest <= value <= highest:
        raise ValueError(f"{key}: must be from {described(lowest)} to {described(highest)}, got {described(value)}")
    return value


def real_number(state: Mapping[str, Any], key: str, lowest: float = -math.inf, highest: float = math.inf) -> float:
    """Return the entry of a key, a finite number within bounds.

    Raises:
        ValueError: It is something else.
    """
    value = state[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key}: must be a number, got {described(value)}")
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise ValueError(f"{key}: must be a finite number from {lowest} to {highest}, got {described(value)}")
    return value


def truth(state: Mapping[str, Any], key: str) -> bool:
    """Return the entry of a key, True or False.

    Raises:
        ValueError: It is something else.
    """
    value = state[key]
    if type(value) is not bool:
        raise ValueError(f"{key}: must be True or False, got {described(value)}")
    return value


def mapped(state: Any, change: Callable[[str, Any], Any], path: str = "") -> Any:
    """Return a state in which every value that is no dictionary is changed by a function of its keys and itself.

    >>> mapped({"a": {"b": 1}, "c": 2}, lambda path, value: f"{path} was {value}")
    {'a': {'b': 'a.b was 1'}, 'c': 'c was 2'}
    """
    if not isinstance(state, Mapping):
        return change(path, state)
    return {key: mapped(value, change, f"{path}.{key}" if path else str(key)) for key, value in state.items()}


def put(state: dict[str, Any], path: str, value: Any) -> None:
    """Set an entry of a dictionary of dictionaries.

    Args:
        state: The dictionary.
        path: The keys, joined by dots; all but the last are there.
        value: The entry.

    Raises:
        ValueError: A key is missing on the way.

    >>> state = {"a": {}}
    >>> put(state, "a.b", 1)
    >>> state
    {'a': {'b': 1}}
    """
    *folders, name = path.split(".")
    for key in folders:
        inner = state.get(key)
        if not isinstance(inner, dict):
            raise ValueError(f"{path}: there is no {key} to put it in")
        state = inner
    state[name] = value
