"""Base models: one paper, one file.

| name | model |
|---|---|
| mlp | multi-layer perceptron, binary cross-entropy |
| clif | Hang, Zhang, TPAMI 2022: label embeddings of a co-occurrence graph gate deep features |
| dela | Hang, Zhang, ICML 2022: noise on the features that do not matter to a label |
| mpvae | Bai, Kong, Gomes, IJCAI 2020: variational autoencoder with a multivariate probit likelihood |
| paca | Hang, Zhang, Feng, Song, AAAI 2022: densities of positive and negative prototypes by normalising flows |
"""

import inspect
from typing import Any

from batchsift.messages import there_are
from batchsift.models.base import BaseModel
from batchsift.models.clif import CLIF
from batchsift.models.dela import DELA
from batchsift.models.mlp import MLP
from batchsift.models.mpvae import MPVAE
from batchsift.models.paca import PACA

__all__ = ["CLIF", "DELA", "MLP", "MPVAE", "PACA", "BaseModel", "build", "hyperparameters", "names"]

_MODELS: dict[str, type[BaseModel]] = {"mlp": MLP, "clif": CLIF, "dela": DELA, "mpvae": MPVAE, "paca": PACA}


def names() -> tuple[str, ...]:
    """The names `build` knows.

    >>> "mlp" in names()
    True
    """
    return tuple(_MODELS)


def hyperparameters(name: str) -> tuple[str, ...]:
    """The keywords `build` takes for a model.

    Raises:
        ValueError: for an unknown name.

    >>> hyperparameters("mlp")
    ('hidden', 'dropout')
    """
    keywords = inspect.signature(_known(name)).parameters.values()
    return tuple(one.name for one in keywords if one.kind is inspect.Parameter.KEYWORD_ONLY)


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
    return _known(name)(num_features, num_labels, **hyperparameters)


def _known(name: str) -> type[BaseModel]:
    if name not in _MODELS:
        raise ValueError(f"unknown model {name!r}{there_are(name, _MODELS)}")
    return _MODELS[name]
