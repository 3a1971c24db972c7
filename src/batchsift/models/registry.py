"""Models by name: a model is known under the name of its file."""

from typing import TypeVar

from batchsift.messages import there_are
from batchsift.models.base import BaseModel

_REGISTRY: dict[str, type[BaseModel]] = {}
_C = TypeVar("_C", bound=type[BaseModel])


def register(cls: _C) -> _C:
    """Make a model known under the name of the module it stands in: a class decorator.

    Raises:
        ValueError: The name belongs to another class. (Defining the same class again replaces it.)
    """
    name = cls.__module__.rpartition(".")[2]
    known = _REGISTRY.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a model named {name!r} is registered already: {known.__module__}.{known.__qualname__}")
    _REGISTRY[name] = cls
    return cls


def names() -> tuple[str, ...]:
    """Return the names of the registered models.

    >>> "mlp" in names()
    True
    """
    return tuple(_REGISTRY)


def class_of(name: str) -> type[BaseModel]:
    """Return the model registered under a name.

    Raises:
        ValueError: There is no such model; the message names the nearest one.
    """
    if name not in _REGISTRY:
        raise ValueError(f"unknown model {name!r}{there_are(name, _REGISTRY)}")
    return _REGISTRY[name]
