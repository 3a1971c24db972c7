"""What every base model offers the protocol. Shapes: N training samples, B batch, D features, L labels."""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class BaseModel(nn.Module, ABC):
    """A multi-label classifier: logits for the selector, a loss for the optimiser.

    A model neither knows its device (`model.to(device)`) nor seeds anything (its weights come from torch's
    current generator).
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The prediction: `(B, D)` features to `(B, L)` logits."""

    @abstractmethod
    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss to minimise on a batch, and the logits a selector observes.

        Args:
            x: `(B, D)` features.
            y: `(B, L)` of 0/1, NaN where a label is unknown.

        Returns:
            A scalar, and `(B, L)` logits of the weights before the step: those of the same pass where it is the
            prediction but for dropout (MLP, CLIF), else of a second one without noise and gradient.
        """

    def prepare(self, features: Tensor, labels: Tensor) -> None:
        """Derive what the model needs of the training part (a label graph); called once, before training.

        Args:
            features: `(N, D)` of the training part; a sparse tensor, scaled but not shifted, where they are sparse.
            labels: `(N, L)` of the training part.
        """


def known_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over the cells whose label is known; 0 where none is.

    Args:
        logits: `(B, L)`.
        targets: `(B, L)` of 0/1, NaN where unknown.

    >>> import torch
    >>> known_cross_entropy(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))
    tensor(0.6931)
    """
    targets = targets.to(logits.dtype)
    known = ~targets.isnan()
    total = binary_cross_entropy_with_logits(
        logits, targets.nan_to_num(0.0), weight=known.to(logits.dtype), reduction="sum"
    )
    return total / known.sum().clamp(min=1)
