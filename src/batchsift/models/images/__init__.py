"""Models for pictures: a backbone, and a head on its feature map; one paper, one file.

| head | class | source |
|---|---|---|
| linear | `LinearHead` | global average pooling and a linear layer |
| ml_decoder | `MLDecoder` | Ridnik et al., WACV 2023 |
| query2label | `Query2Label` | Liu et al., 2021 |

| backbone | |
|---|---|
| resnet-small | `SmallResNet`, for a processor and small pictures |
| a name or a folder | a network of `transformers`: ResNet, ConvNeXt, ViT, DINOv2, Swin |
| a configuration of `transformers` | the same with random weights |
| a `torch.nn.Module` | a network of your own, or timm's: `ModuleBackbone` |
"""

import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from batchsift.messages import there_are
from batchsift.models.images.averaging import averaged
from batchsift.models.images.backbones import Backbone, ModuleBackbone
from batchsift.models.images.heads import Head
from batchsift.models.images.linear import LinearHead
from batchsift.models.images.ml_decoder import MLDecoder
from batchsift.models.images.model import ImageModel
from batchsift.models.images.pretrained import TransformersBackbone, from_config, load
from batchsift.models.images.query2label import Query2Label
from batchsift.models.images.resnet_small import SmallResNet

__all__ = [
    "BACKBONES",
    "HEADS",
    "Backbone",
    "Head",
    "ImageModel",
    "LinearHead",
    "MLDecoder",
    "ModuleBackbone",
    "Query2Label",
    "SmallResNet",
    "TransformersBackbone",
    "averaged",
    "build",
    "hyperparameters",
]

BACKBONES: Mapping[str, type[Backbone]] = MappingProxyType({"resnet-small": SmallResNet})
HEADS: Mapping[str, type[Head]] = MappingProxyType(
    {"linear": LinearHead, "ml_decoder": MLDecoder, "query2label": Query2Label}
)


def hyperparameters(head: str) -> tuple[str, ...]:
    """Return the keywords that `build` takes for a head.

    Raises:
        ValueError: The name is unknown.

    >>> hyperparameters("ml_decoder")
    ('groups', 'width', 'heads', 'inner', 'dropout')
    """
    return tuple(field.name for field in fields(_head(head).settings_class))


def build(
    backbone: str | Path | nn.Module | Any,
    num_labels: int,
    *,
    head: str = "linear",
    num_channels: int = 3,
    pretrained: bool = True,
    autocast: bool = False,
    checkpointing: bool = False,
    **hyperparameters: Any,
) -> ImageModel:
    """Build a model for pictures; weights that are not loaded are drawn from torch's current generator.

    Args:
        backbone: One of the kinds in the table above. A module that is no `Backbone` yet becomes one by
            `ModuleBackbone` (its `num_features` channels, as timm's models have it).
        num_labels: L, at least 1.
        head: One of `HEADS`.
        num_channels: Channels of a picture.
        pretrained: Whether the weights of a backbone by name or folder are loaded; False draws them.
        autocast: Whether the passes run in bfloat16 where torch holds that to be safe.
        checkpointing: Whether activations of the backbone are computed again in the backward pass instead of kept.
        hyperparameters: Some of `hyperparameters(head)`; the paper's values for the others.

    Raises:
        ValueError: There is no such backbone or head, the weights are missing, or a hyperparameter is out of its range.
        TypeError: The head has no such hyperparameter.
        ImportError: The backbone needs `transformers`, which is not installed.

    >>> import torch
    >>> model = build("resnet-small", 10, head="ml_decoder", num_channels=1, width=64)
    >>> model(torch.zeros(2, 1, 18, 18)).shape
    torch.Size([2, 10])
    """
    head_class = _head(head)
    body = _backbone(backbone, num_channels, pretrained=pretrained)
    return ImageModel(
        body,
        head_class(body.channels, num_labels, **hyperparameters),
        autocast=autocast,
        checkpointing=checkpointing,
    )


def _backbone(given: Any, num_channels: int, *, pretrained: bool) -> Backbone:
    """Return a backbone of any kind that `build` takes."""
    if isinstance(given, Backbone):
        return given
    if isinstance(given, str) and given in BACKBONES:
        return BACKBONES[given](num_channels)
    if isinstance(given, str | Path):
        return load(given, pretrained=pretrained, num_channels=num_channels)
    transformers = sys.modules.get("transformers")  # where it is not imported, nobody has anything of it
    if transformers is not None and isinstance(given, transformers.PreTrainedModel):
        return TransformersBackbone(given)
    if transformers is not None and isinstance(given, transformers.PretrainedConfig):
        return from_config(given, num_channels=num_channels)
    if isinstance(given, nn.Module):
        return ModuleBackbone(given)
    raise TypeError(
        "backbone must be a name, a folder, a torch.nn.Module or a configuration of transformers, "
        f"got {type(given).__name__}"
    )


def _head(name: str) -> type[Head]:
    if name not in HEADS:
        raise ValueError(f"unknown head {name!r}{there_are(name, HEADS)}")
    return HEADS[name]
