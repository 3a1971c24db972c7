"""Models by name, for features and for pictures alike: what a training builds, and what it may be told."""

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

from batchsift import models
from batchsift.models import BaseModel, images
from batchsift.models.images import ImageModel
from batchsift.models.registry import class_of
from batchsift.training.pictures import MODELS, takes_pictures

_NOT_CHOSEN = ("backbone", "num_labels", "num_channels", "hyperparameters")  # of `images.build`


def names() -> tuple[str, ...]:
    """Return the names of models: those of features, then those of pictures that are not on a hub."""
    return (*models.names(), *MODELS)


def hyperparameters(model: str) -> tuple[str, ...]:
    """Return the hyperparameters that a model may be given; of pictures those of all heads.

    Raises:
        ValueError: For an unknown model.

    >>> hyperparameters("resnet-small")[:4]
    ('head', 'pretrained', 'autocast', 'checkpointing')
    """
    if not takes_pictures(model):
        return models.hyperparameters(model)
    own = [name for name in signature(images.build).parameters if name not in _NOT_CHOSEN]
    return tuple(dict.fromkeys([*own, *(name for head in images.HEADS for name in images.hyperparameters(head))]))


def takes_label_loss(model: str) -> bool:
    """Return whether the loss by label of a model can be another than cross-entropy."""
    return _class_of(model).takes_label_loss


def takes_unit_features(model: str) -> bool:
    """Return whether the features of a model must lie in [0, 1]."""
    return _class_of(model).unit_features


def create(model: str, num_features: int, num_labels: int, hyperparameters: Mapping[str, Any]) -> BaseModel:
    """Build a model, its weights drawn from torch's current generator where none are loaded.

    Args:
        model: A name of `batchsift.models`, or a backbone for pictures: see `batchsift.models.images.build`.
        num_features: D; 0 for pictures.
        num_labels: L.
        hyperparameters: Hyperparameters of the model, by name; its own defaults for the others.

    Raises:
        ValueError: For an unknown name, weights that are not there, or a hyperparameter out of its range.
        TypeError: For a hyperparameter that the model, or the head, has not.
        ImportError: The backbone needs a package that is not installed.
    """
    if not takes_pictures(model):
        return models.build(model, num_features, num_labels, **hyperparameters)
    return images.build(model, num_labels, **normalized(hyperparameters))


def normalized(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters of a model of pictures with heads under the names they have in Python.

    >>> normalized({"head": "ml-decoder", "width": 64})
    {'head': 'ml_decoder', 'width': 64}
    """
    return {
        name: value.replace("-", "_") if name == "head" and isinstance(value, str) else value
        for name, value in hyperparameters.items()
    }


def is_pretrained(model: str, hyperparameters: Mapping[str, Any]) -> bool:
    """Return whether the weights of a backbone are loaded, and not drawn.

    >>> is_pretrained("resnet-small", {}), is_pretrained("facebook/dinov2-small", {"pretrained": False})
    (False, False)
    """
    return takes_pictures(model) and model not in MODELS and bool(hyperparameters.get("pretrained", True))


def check_fits(model: str, num_features: int, name: str) -> None:
    """Check that a model takes what the samples of a data set are.

    Args:
        model: The name of the model.
        num_features: D of the data set; 0 where its samples are pictures.
        name: How the message calls the data set.

    Raises:
        ValueError: Features for a model of pictures, or the reverse.
    """
    if takes_pictures(model) and num_features:
        raise ValueError(
            f"{model} takes pictures, and {name} has {num_features} features: choose the model "
            f"{_either(models.names())}, or load a data set of pictures"
        )
    if not takes_pictures(model) and not num_features:
        raise ValueError(
            f"{model} takes features, and {name} holds pictures: choose the model {_either(MODELS)}, or a backbone "
            "of transformers by its name or folder; or make features of the pictures by a backbone's embed()"
        )


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _class_of(model: str) -> type[BaseModel]:
    return ImageModel if takes_pictures(model) else class_of(model)
