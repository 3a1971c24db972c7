"""Base models: one paper, one file.

| name | model |
|---|---|
| mlp | multi-layer perceptron, binary cross-entropy |
| clif | Hang, Zhang, TPAMI 2022: label embeddings of a co-occurrence graph gate deep features |
| dela | Hang, Zhang, ICML 2022: noise on the features that do not matter to a label |
| mpvae | Bai, Kong, Gomes, IJCAI 2020: variational autoencoder with a multivariate probit likelihood |
| paca | Hang, Zhang, Feng, Song, AAAI 2022: densities of positive and negative prototypes by normalising flows |

Those of pictures are in `batchsift.models.images`, and built there.
"""

import inspect
from dataclasses import fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from batchsift.models import images
from batchsift.models.base import BaseModel
from batchsift.models.clif import CLIF
from batchsift.models.dela import DELA
from batchsift.models.mlp import MLP
from batchsift.models.mpvae import MPVAE
from batchsift.models.paca import PACA
from batchsift.models.registry import class_of, names, register

__all__ = [
    "CLIF",
    "DELA",
    "MLP",
    "MPVAE",
    "PACA",
    "BaseModel",
    "build",
    "hyperparameters",
    "images",
    "names",
    "register",
]

for _module in iter_modules(__path__):  # a file is all that a new model needs
    import_module(f"{__name__}.{_module.name}")


def hyperparameters(name: str) -> tuple[str, ...]:
    """Return the keywords that `build` takes for a model.

    Args:
        name: One of `names()`.

    Raises:
        ValueError: The name is unknown.

    >>> hyperparameters("mlp")
    ('hidden', 'dropout')
    >>> hyperparameters("clif")
    ('variant', 'hidden', 'embedding', 'feature_layers', 'dropout', 'graph_weight')
    """
    model = class_of(name)
    parameters = inspect.signature(model).parameters.values()
    keywords = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    settings = fields(model.settings_class) if model.settings_class else ()
    return (*keywords, *(field.name for field in settings))


def build(name: str, num_features: int, num_labels: int, **hyperparameters: Any) -> BaseModel:
    """Build a model, its weights drawn from torch's current generator.

    Args:
        name: One of `names()`.
        num_features: D, at least 1.
        num_labels: L, at least 1.
        hyperparameters: Some of `hyperparameters(name)`; the model's own values for the others.

    Raises:
        ValueError: The name is unknown or a hyperparameter out of its range.
        TypeError: The model has no such hyperparameter.

    >>> build("mlp", 72, 6, hidden=(16,)).head.out_features
    6
    """
    return class_of(name)(num_features, num_labels, **hyperparameters)
