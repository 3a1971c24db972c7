"""Base models: one paper, one file.

| name | model |
|---|---|
| mlp | multi-layer perceptron, binary cross-entropy |
"""

from difflib import get_close_matches
from typing import Any

from batchsift.models.base import BaseModel
from batchsift.models.mlp import MLP

__all__ = ["MLP", "BaseModel", "build", "names"]

_MODELS: dict[str, type[BaseModel]] = {"mlp": MLP}


def names() -> tuple[str, ...]:
    """The names `build` knows.

    >>> "mlp" in names()
    True
    """
    return tuple(_MODELS)


def build(name: str, num_features: int, num_labels: int, **hyperparameters: Any) -> BaseModel:
    """A fresh model, its weights drawn from torch's current generator.

    Args:
        name: One of `names()`.
        num_features: D.
        num_labels: L.
        hyperparameters: Keywords of that model.

    Raises:
        ValueError: for an unknown name or a hyperparameter out of range.
        TypeError: for a keyword the model does not have.

    >>> build("mlp", 72, 6, hidden=(16,)).head.out_features
    6
    """
    if name not in _MODELS:
        near = get_close_matches(name, _MODELS, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown model {name!r}; did you mean {near!r}? Known: {', '.join(_MODELS)}")
    return _MODELS[name](num_features, num_labels, **hyperparameters)
