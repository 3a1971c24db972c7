"""The plain head: the mean over the map's places, then one linear layer.

Shapes: B batch, C channels, H and W rows and columns of the map, L labels.

Logits: s_bl = W_l · mean_hw F_b + c_l, weights and biases uniform in ±1/√C.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import dropout

from batchsift.models.images.heads import Head
from batchsift.models.settings import check_dropout


@dataclass(frozen=True, kw_only=True)
class LinearSettings:
    """Hyperparameters of the linear head.

    Args:
        dropout: Share of the pooled features dropped in training, in [0, 1).
    """

    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_dropout(dropout=self.dropout)


class LinearHead(Head):
    """Global average pooling and a linear layer; see `Head` for the arguments.

    >>> sum(weights.numel() for weights in LinearHead(8, 3).parameters())
    27
    """

    settings_class = LinearSettings
    settings: LinearSettings

    def __init__(self, channels: int, num_labels: int, **hyperparameters: Any) -> None:
        super().__init__(channels, num_labels, **hyperparameters)
        self.classifier = nn.Linear(channels, num_labels)

    def forward(self, map_BCHW: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, L)` logits."""
        pooled_BC = dropout(map_BCHW.mean((2, 3)), self.settings.dropout, training=self.training)
        logits_BL: Tensor = self.classifier(pooled_BC)
        return logits_BL
