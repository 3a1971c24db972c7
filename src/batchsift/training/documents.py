"""Values as JSON can hold them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any


def make_jsonable(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Dataclasses become dictionaries, tuples become lists, and numbers that are not finite become None, at any depth.

    >>> make_jsonable({"shares": (0.5, float("nan"))})
    {'shares': [0.5, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: make_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [make_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
