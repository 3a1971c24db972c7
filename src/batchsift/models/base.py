"""The interface of a base model. Shapes: N training samples, B batch, D features, L labels.

A model of pictures takes them, `(B, channels, height, width)`, where others take `(B, D)` features.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from batchsift.functional import losses

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BaseModel(nn.Module, ABC):
    """A multi-label classifier: logits for the selector, a loss for the optimiser.

    A model neither knows its device (`model.to(device)`) nor seeds anything (its weights come from torch's
    current generator). Its constructor takes `(num_features, num_labels, *, ...)`; what it accepts beside its own
    keywords are the fields of `settings_class`.

    Attributes:
        label_loss: What the model's loss has in place of binary cross-entropy by label: a function of logits and
            targets, `(B, L)` each, NaN where unknown, to a scalar, the mean over the known cells. Set before the first
            step; where `takes_label_loss` is False it is not looked at.
    """

    settings_class: "ClassVar[type[DataclassInstance] | None]" = None
    takes_label_loss: ClassVar[bool] = False  # whether `training_loss` calls `label_loss`
    unit_features: ClassVar[bool] = False  # whether features must lie in [0, 1]
    label_loss: Callable[[Tensor, Tensor], Tensor] = staticmethod(losses.bce)

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
