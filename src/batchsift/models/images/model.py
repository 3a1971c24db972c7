"""A multi-label classifier of pictures: a backbone, and a head on its feature map.

Loss: binary cross-entropy on the logits, the mean over the cells whose label is known; `label_loss` replaces it.

Shapes: B batch, C channels of the map, L labels.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Self

import torch
from torch import Tensor

from batchsift.models.base import BaseModel
from batchsift.models.images.backbones import Backbone
from batchsift.models.images.heads import Head


class ImageModel(BaseModel):
    """A backbone and a head; `build` puts them together by name.

    Args:
        backbone: From pictures to a feature map.
        head: From the map to logits.
        autocast: Whether the passes run in bfloat16 where torch holds that to be safe; weights, logits and loss stay in
            the precision of the weights.
        checkpointing: Whether activations of the backbone are computed again in the backward pass instead of kept.

    Raises:
        ValueError: Checkpointing is asked for and the backbone has none.

    Attributes:
        backbone: `backbone.parameters()` is a group of its own for an optimiser.
        head: Likewise.
    """

    takes_label_loss = True

    def __init__(self, backbone: Backbone, head: Head, *, autocast: bool = False, checkpointing: bool = False) -> None:
        super().__init__()
        self.backbone, self.head, self.autocast = backbone, head, autocast
        self._is_frozen = False
        if checkpointing:
            backbone.enable_checkpointing()

    def freeze_backbone(self) -> None:
        """Keep the backbone as it is: no gradients, no dropout, no statistics of batches."""
        self._is_frozen = True
        self.backbone.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; a frozen backbone stays in the latter."""
        super().train(mode)
        if self._is_frozen:
            self.backbone.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Predict: pictures `(B, channels of a picture, height, width)` to `(B, L)` logits.

        Raises:
            ValueError: The pictures have another form.
        """
        with self._precision(x):
            logits_BL: Tensor = self.head(self.backbone(_checked(x)))
        return logits_BL.to(next(self.head.parameters()).dtype)

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `label_loss` (cross-entropy by default) over the known cells, and the logits of the same pass."""
        logits_BL = self(x)
        return self.label_loss(logits_BL, y), logits_BL

    def embed(self, x: Tensor) -> Tensor:
        """Return the mean of the feature map over its places, `(B, C)`: features to look for neighbors in.

        Raises:
            ValueError: The pictures have another form.
        """
        with self._precision(x):
            map_BCHW: Tensor = self.backbone(_checked(x))
        return map_BCHW.to(next(self.head.parameters()).dtype).mean((2, 3))

    def _precision(self, x: Tensor) -> AbstractContextManager[object]:
        """Return autocast to bfloat16 where this model asks for it, else what changes nothing."""
        return torch.autocast(x.device.type, dtype=torch.bfloat16) if self.autocast else nullcontext()


def _checked(x: Tensor) -> Tensor:
    if x.ndim != 4:
        raise ValueError(f"expected pictures (B, channels, height, width), got {tuple(x.shape)}")
    return x
