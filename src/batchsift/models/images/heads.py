"""What a head is: from a feature map to one logit for each label."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from batchsift.models.settings import check_sizes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Head(nn.Module, ABC):
    """From a feature map to logits.

    Args:
        channels: C, the channels of the map.
        num_labels: L.
        hyperparameters: Some of the fields of `settings_class`; the paper's values for the others.

    Raises:
        ValueError: A hyperparameter is out of its range.
        TypeError: The head has no such hyperparameter.
    """

    settings_class: "ClassVar[type[DataclassInstance]]"

    def __init__(self, channels: int, num_labels: int, **hyperparameters: Any) -> None:
        super().__init__()
        check_sizes(channels=channels, num_labels=num_labels)
        self.settings: Any = self.settings_class(**hyperparameters)

    @abstractmethod
    def forward(self, map_BCHW: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, L)` logits."""
