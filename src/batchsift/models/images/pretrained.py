"""Backbones of `transformers`: by name, by folder, or from a configuration with random weights.

| family | citation |
| --- | --- |
| resnet | He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016 |
| convnext, convnextv2 | Liu et al.: A ConvNet for the 2020s, CVPR 2022; Woo et al.: ConvNeXt V2, CVPR 2023 |
| vit | Dosovitskiy et al.: An Image is Worth 16x16 Words, ICLR 2021 |
| dinov2 | Oquab et al.: DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024 |
| dinov2_with_registers | Darcet et al.: Vision Transformers Need Registers, ICLR 2024 |
| swin, swinv2 | Liu et al.: Swin Transformer, ICCV 2021; Swin Transformer V2, CVPR 2022 |

A backbone is the network without its pooling: the map, or the tokens of the places after the last normalisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from batchsift.messages import there_are
from batchsift.models.images.backbones import Backbone, as_map

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Family:
    """What differs between the families.

    Args:
        prefix_tokens: Tokens before those of the places, less registers.
        unused: Weights that the map does not depend on, by their first words.
        building: Keywords to build the network with.
        calling: Keywords to call it with.
    """

    prefix_tokens: int = 0
    unused: tuple[str, ...] = ()
    building: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    calling: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "resnet": Family(),
        "convnext": Family(unused=("layernorm.",)),
        "convnextv2": Family(unused=("layernorm.",)),
        "vit": Family(1, building={"add_pooling_layer": False}, calling={"interpolate_pos_encoding": True}),
        "dinov2": Family(1, unused=("embeddings.mask_token",)),
        "dinov2_with_registers": Family(1, unused=("embeddings.mask_token",)),
        "swin": Family(building={"add_pooling_layer": False}),
        "swinv2": Family(building={"add_pooling_layer": False}),
    }
)


class TransformersBackbone(Backbone):
    """A network of `transformers` as a backbone.

    Weights that the map does not depend on (a mask token, a normalisation of the pooled features) are frozen, so that
    every other gets a gradient.

    Args:
        module: A network of one of `FAMILIES`.

    Raises:
        ValueError: It is of another family.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        config = module.config
        self.module: Any = module
        self.family = family_of(config)
        self.prefix_tokens = self.family.prefix_tokens + getattr(config, "num_register_tokens", 0)
        stages = getattr(config, "hidden_sizes", None)
        self.channels = int(stages[-1] if stages else config.hidden_size)
        for name, parameter in module.named_parameters():
            if name.startswith(self.family.unused):
                parameter.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to `(B, C, H, W)`."""
        features = self.module(pixel_values=x, **self.family.calling).last_hidden_state
        return as_map(features, x, self.channels, self.prefix_tokens)

    def enable_checkpointing(self) -> None:
        """Keep the outputs of the layers alone for the backward pass.

        Raises:
            ValueError: The network has no checkpoints in `transformers`.
        """
        if not self.module.supports_gradient_checkpointing:
            raise ValueError(
                f"{type(self.module).__name__} of transformers has no gradient checkpointing: leave it out"
            )
        if hasattr(self.module, "activation_checkpointing_enable"):  # the name from transformers 5 on
            self.module.activation_checkpointing_enable({"use_reentrant": False})
        else:
            self.module.gradient_checkpointing_enable({"use_reentrant": False})


def family_of(config: Any) -> Family:
    """Return the family of a configuration of `transformers`.

    Raises:
        ValueError: It is none of `FAMILIES`.
    """
    name = config.model_type
    if name not in FAMILIES:
        raise ValueError(
            f"backbones of transformers of the family {name!r} are not known{there_are(name, FAMILIES)}; another "
            "network can be passed as ModuleBackbone(module, channels=C, features=function)"
        )
    return FAMILIES[name]


def load(source: str | Path, *, pretrained: bool = True, num_channels: int = 3) -> TransformersBackbone:
    """Load a backbone by the name it has on the hub, or from a folder.

    Args:
        source: A name such as `facebook/dinov2-small`, which is downloaded once, or a folder with `config.json` and
            weights.
        pretrained: Whether to load the weights; else they are drawn from torch's current generator.
        num_channels: Channels of a picture.

    Raises:
        ImportError: `transformers` is not installed.
        ValueError: There is no such backbone, its weights are missing in part or whole, it is of an unknown family, or
            takes pictures with another number of channels.
    """
    transformers = import_transformers()
    source = str(source)
    try:
        config = transformers.AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no backbone {source!r}: expected resnet-small, a folder with config.json, or a name on the hub "
            f"of Hugging Face that can be reached from here ({_first_line(error)})"
        ) from error
    if not pretrained:
        return from_config(config, num_channels=num_channels)
    family = family_of(config)
    _check_channels(config, num_channels)
    try:
        module, report = transformers.AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, output_loading_info=True, **family.building
        )
    except OSError as error:
        raise ValueError(
            f"{source}: no weights ({_first_line(error)}); pass pretrained=False to begin with random ones"
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(family.unused))
    if missing:
        raise ValueError(
            f"{source}: {len(missing)} weights are missing, {missing[0]} among them: these are not the weights of this "
            "network; pass pretrained=False to begin with random ones"
        )
    return TransformersBackbone(module)


def from_config(config: Any, *, num_channels: int = 3) -> TransformersBackbone:
    """Build a backbone from a configuration of `transformers`, its weights drawn from torch's current generator.

    Raises:
        ValueError: It is of an unknown family, or takes pictures with another number of channels.
    """
    family = family_of(config)
    _check_channels(config, num_channels)
    return TransformersBackbone(import_transformers().AutoModel.from_config(config, **family.building))


def import_transformers() -> Any:
    """Import `transformers`, which takes seconds.

    Raises:
        ImportError: It is not installed; the message names the extra.
    """
    try:
        import transformers  # noqa: PLC0415 -- an extra, and slow to import
    except ImportError as error:
        raise ImportError("backbones by name need transformers: pip install 'batchsift[images]'") from error
    return transformers


def _check_channels(config: Any, num_channels: int) -> None:
    if config.num_channels != num_channels:
        raise ValueError(
            f"this backbone takes pictures with {config.num_channels} channels, not num_channels={num_channels}: "
            "convert the pictures, or set num_channels in the configuration"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
