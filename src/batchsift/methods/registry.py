"""Methods by name."""

from typing import Any, TypeVar

from batchsift.messages import there_are
from batchsift.methods.base import Method

_REGISTRY: dict[str, type[Any]] = {}
_C = TypeVar("_C", bound=type[Any])


def register(cls: _C) -> _C:
    """Make a method known under its `name`: a class decorator.

    Raises:
        ValueError: The name belongs to another class. (Defining the same class again replaces it.)
    """
    known = _REGISTRY.get(cls.name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a method named {cls.name!r} is registered already: {known.__module__}.{known.__qualname__}")
    _REGISTRY[cls.name] = cls
    return cls


def names() -> tuple[str, ...]:
    """Return the registered names, in the order of registration."""
    return tuple(_REGISTRY)


def create(name: str, **options: Any) -> Method:
    """Return a new instance of the method registered under `name`.

    Raises:
        ValueError: There is no such method; the message names the nearest one.
        TypeError: An option the method does not have.
    """
    if name not in _REGISTRY:
        raise ValueError(f"unknown method {name!r}{there_are(name, names())}")
    method: Method = _REGISTRY[name](**options)
    return method
