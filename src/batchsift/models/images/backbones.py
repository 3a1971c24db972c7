"""What a backbone is: a network from pictures to a feature map, one form for all of them.

Networks give a map `(B, C, H, W)`, one with the channels last, a sequence of tokens, or a single vector; heads get a
map `(B, C, H, W)`.

Shapes: B batch, C channels, H and W rows and columns of a map, N = H W places of it, P tokens that stand before them.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """A network from pictures to a feature map.

    Attributes:
        channels: C, the channels of the map.
    """

    channels: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map pictures `(B, channels of a picture, height, width)` to `(B, C, H, W)`."""

    @abstractmethod
    def enable_checkpointing(self) -> None:
        """Compute activations again in the backward pass instead of keeping them.

        Raises:
            ValueError: The network cannot.
        """


class ModuleBackbone(Backbone):
    """A network of your own, or timm's, as a backbone.

    A model of timm needs nothing else: its `forward_features` is called, and `num_features`, `num_prefix_tokens` and
    `set_grad_checkpointing` are looked up. Another network says how many channels it has.

    Args:
        module: Any network whose features are a tensor: a map `(B, C, H, W)` or `(B, H, W, C)`, tokens `(B, P + N, C)`
            of the places row by row, or a vector `(B, C)`.
        channels: C; the `num_features` of the module by default.
        prefix_tokens: P, tokens that stand before those of the places and are left out (a class token, registers);
            the `num_prefix_tokens` of the module by default, 0 where it has none.
        features: A function of module and pictures that returns the features, where it is not `forward_features`, nor,
            for a module without that, its forward pass.

    Raises:
        ValueError: It is not known how many channels there are.

    >>> import torch
    >>> ModuleBackbone(nn.Conv2d(3, 16, 8, stride=8), channels=16)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 16, 4, 4])
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        channels: int | None = None,
        prefix_tokens: int | None = None,
        features: Callable[[Any, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        channels = getattr(module, "num_features", None) if channels is None else channels
        if not isinstance(channels, int) or channels < 1:
            raise ValueError(
                f"how many channels the features of {type(module).__name__} have is not known (channels={channels!r}): "
                "pass ModuleBackbone(module, channels=C)"
            )
        self.module: Any = module
        self.channels = channels
        self.prefix_tokens = getattr(module, "num_prefix_tokens", 0) if prefix_tokens is None else prefix_tokens
        self.extract: Callable[[Any, Tensor], Any] = features or (
            _forward_features if hasattr(module, "forward_features") else _forward
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to `(B, C, H, W)`.

        Raises:
            ValueError: The features have another form.
        """
        return as_map(self.extract(self.module, x), x, self.channels, self.prefix_tokens)

    def enable_checkpointing(self) -> None:
        """Call the module's own `set_grad_checkpointing`, as timm's models have it.

        Raises:
            ValueError: It has none.
        """
        if not hasattr(self.module, "set_grad_checkpointing"):
            raise ValueError(
                f"{type(self.module).__name__} has no set_grad_checkpointing: checkpoint inside it (see "
                "torch.utils.checkpoint) and leave checkpointing=True out"
            )
        self.module.set_grad_checkpointing(True)


def _forward_features(module: Any, x: Tensor) -> Any:
    return module.forward_features(x)


def _forward(module: nn.Module, x: Tensor) -> Any:
    return module(x)


def as_map(features: Any, x: Tensor, channels: int, prefix_tokens: int = 0) -> Tensor:
    """Return features of any known form as a map `(B, C, H, W)`.

    Args:
        features: `(B, C, H, W)`, `(B, H, W, C)`, `(B, P + N, C)` or `(B, C)`.
        x: The pictures they are of, `(B, channels of a picture, height, width)`.
        channels: C.
        prefix_tokens: P, in a sequence of tokens.

    Raises:
        ValueError: They have none of these forms.
    """
    if isinstance(features, Tensor):
        if features.ndim == 4 and features.shape[1] == channels:
            return features
        if features.ndim == 4 and features.shape[3] == channels:
            return features.movedim(3, 1)
        if features.ndim == 3 and features.shape[2] == channels and features.shape[1] > prefix_tokens:
            places_BCN = features[:, prefix_tokens:].transpose(1, 2)
            return places_BCN.reshape(len(x), channels, *grid(places_BCN.shape[2], x.shape[2], x.shape[3]))
        if features.ndim == 2 and features.shape[1] == channels:
            return features[:, :, None, None]
    arrived = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
    raise ValueError(
        f"expected features (B, {channels}, H, W), (B, H, W, {channels}), ({prefix_tokens} and more tokens: "
        f"(B, tokens, {channels})) or (B, {channels}), got {arrived} for pictures {tuple(x.shape)}: pass "
        "ModuleBackbone(module, channels=C, features=function) with a function that returns one of them"
    )


def grid(places: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of the square patches that a picture was cut into.

    Of all grids with as many places the one whose shape is nearest to the picture's: the true one, whether patches that
    do not fit were left out or filled up.

    Args:
        places: N, at least 1.
        height: Of the picture, in pixels.
        width: Likewise.

    >>> grid(12, 64, 48), grid(49, 224, 224)
    ((4, 3), (7, 7))
    """
    rows = (count for count in range(1, places + 1) if places % count == 0)
    best = min(rows, key=lambda count: abs(math.log(count * count * width / (places * height))))
    return best, places // best
