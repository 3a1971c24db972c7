"""Working outside `torch.inference_mode`: tensors made in that mode can never be changed outside it.

What the selector makes is kept and changed later, by whatever part of a training; so it leaves the mode first.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

_P = ParamSpec("_P")
_T = TypeVar("_T")


def outside_inference_mode(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Leave the inference mode, where it is on, while a function runs: a decorator."""

    @functools.wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not torch.is_inference_mode_enabled():
            return function(*args, **kwargs)
        with torch.inference_mode(mode=False):
            return function(*args, **kwargs)

    return wrapped
