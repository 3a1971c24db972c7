"""A multi-layer perceptron with one logit for each label: the plain base model.

Loss: binary cross-entropy on the logits, the mean over the cells whose label is known; `label_loss` replaces it.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from batchsift.models.base import BaseModel
from batchsift.models.registry import register
from batchsift.models.settings import check_dropout


@register
class MLP(BaseModel):
    """ReLU layers of the given widths and a linear head.

    Args:
        num_features: D.
        num_labels: L.
        hidden: Widths of the hidden layers; without any the model is a logistic regression.
        dropout: Share of hidden units dropped in training, in [0, 1).

    Raises:
        ValueError: A width is below 1, or the dropout outside [0, 1).

    >>> sum(weights.numel() for weights in MLP(3, 2, hidden=(4,)).parameters())
    26
    """

    takes_label_loss = True

    def __init__(
        self,
        num_features: int,
        num_labels: int,
        *,
        hidden: Sequence[int] = (512, 512),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [num_features, *hidden]
        if min(*widths, num_labels) < 1:
            raise ValueError(
                "num_features, num_labels and every hidden width must be at least 1, "
                f"got {num_features}, {num_labels} and {tuple(hidden)}"
            )
        check_dropout(dropout=dropout)
        self.body = nn.Sequential(
            *(
                layer
                for wide, narrow in pairwise(widths)
                for layer in (nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(dropout))
            )
        )
        self.head = nn.Linear(widths[-1], num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """Predict: `(B, D)` features to `(B, L)` logits, in the precision of the weights."""
        logits: Tensor = self.head(self.body(x))
        return logits.to(self.head.weight.dtype)

    def training_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `label_loss` (cross-entropy by default) over the known cells, and the logits of the same pass."""
        logits_BL = self(x)
        return self.label_loss(logits_BL, y), logits_BL
