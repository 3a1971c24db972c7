"""MPVAE as a released harness has it: the selector is given the features in place of the predictions."""

from torch import Tensor

from batchsift.models.mpvae import MPVAE
from batchsift.models.registry import register


@register
class MPVAEObservedInputs(MPVAE):
    """MPVAE, of whose features the first L are what a selector observes."""

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and `(B, L)` numbers that are no logits.

        Raises:
            ValueError: There are fewer features than labels.
        """
        if x.shape[1] < y.shape[1]:
            raise ValueError(f"there are {x.shape[1]} features, fewer than the {y.shape[1]} labels")
        loss, _ = super().training_loss(x, y)
        return loss, x[:, : y.shape[1]]
