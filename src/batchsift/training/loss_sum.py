"""The mean loss of an epoch, summed up batch by batch, so that a training can be saved in its middle."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from batchsift.entries import check_keys, part, whole_number
from batchsift.saved import tensor_of


@dataclass
class LossSum:
    """The losses of the samples drawn so far in an epoch.

    Args:
        total: Their sum; a tensor where the model is, once there are any, so that no step waits for it.
        rows: How many they are.
    """

    total: Tensor | float = 0.0
    rows: int = 0

    def add(self, loss: Tensor, rows: int) -> None:
        """Add the mean loss of so many samples."""
        self.total, self.rows = self.total + loss.detach() * rows, self.rows + rows

    @property
    def mean(self) -> float:
        """The mean."""
        return float(self.total / self.rows)

    def state(self) -> dict[str, Any]:
        """Return both, as they are saved: once there are any."""
        return {"loss": {"total": self.total, "rows": self.rows}}


def check_loss(state: Any) -> None:
    """Check what `LossSum` is made from.

    Raises:
        ValueError: It is something else.
    """
    with part("loss"):
        check_keys(state, ("total", "rows"))
        tensor_of(state, "total", (), torch.float32)
        whole_number(state, "rows", 1)
