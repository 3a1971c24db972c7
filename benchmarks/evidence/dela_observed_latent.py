"""DELA as a released harness has it: the selector is given the mean of the latent in place of the predictions."""

import torch
from torch import Tensor

from batchsift.models.dela import DELA
from batchsift.models.registry import register


@register
class DELAObservedLatent(DELA):
    """DELA, of whose latent mean the first L numbers are what a selector observes."""

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and `(B, L)` numbers that are no logits.

        Raises:
            ValueError: The latent is narrower than the labels are many.
        """
        if self.settings.latent < y.shape[1]:
            raise ValueError(f"the latent has {self.settings.latent} numbers, fewer than the {y.shape[1]} labels")
        loss, _ = super().training_loss(x, y)
        with torch.no_grad():
            z_Bd, _ = self.heads(self.encoder(x, noisy=False))
        return loss, z_Bd[:, : y.shape[1]]
