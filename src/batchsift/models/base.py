"""The interface of a base model. Shapes: N training samples, B batch, D features, L labels."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BaseModel(nn.Module, ABC):
    """A multi-label classifier: logits for the selector, a loss for the optimiser.

    A model neither knows its device (`model.to(device)`) nor seeds anything (its weights come from torch's
    current generator). Its constructor takes `(num_features, num_labels, *, ...)`; what it accepts beside its own
    keywords are the fields of `settings_class`.
    """

    settings_class: "ClassVar[type[DataclassInstance] | None]" = None

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits."""

    @abstractmethod
    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss to minimise on a batch, and the logits a selector observes.

        Args:
            x: `(B, D)` features.
            y: `(B, L)` of 0/1, NaN where a label is unknown.

        Returns:
            A scalar, and `(B, L)` logits of the weights before the step: those of the same pass where it is the
            prediction but for dropout (MLP, CLIF), else of a second one without noise and gradient.
        """

    def prepare(self, features: Tensor, labels: Tensor) -> None:
        """Derive what the model needs of the training part (a label graph); to be called once, before training.

        Args:
            features: `(N, D)` of the training part; a sparse tensor, scaled but not shifted, where they are sparse.
            labels: `(N, L)` of the training part.
        """


def known_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy over the cells whose label is known, in nats; 0 where none is.

    Args:
        logits: `(B, L)`.
        targets: `(B, L)` of 0/1, NaN where unknown.

    Returns:
        A scalar, not negative.

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
