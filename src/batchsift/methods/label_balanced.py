"""LabelBalanced: pick a label uniformly, then a sample that has it. What most people use against rare labels today.

    P_i = (1 / L') sum over the L' labels that occur of y_ij / n_j        n_j the number of samples with label j

A batch is drawn without repeats (a sample that comes up again is passed over). Samples without a label are never drawn.
There is no warm-up and nothing is learned from training. Without a single label in the data all samples are equal.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from batchsift.functional.chunks import row_chunks
from batchsift.functional.sampling import uniform
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register


@register
@dataclass(kw_only=True, eq=False)
class LabelBalanced(BaseMethod):
    """Draw samples so that every label comes up equally often."""

    name: ClassVar[str] = "label_balanced"
    remembers: ClassVar[bool] = False

    def probabilities(self, epoch: int) -> Tensor:
        """Return `(N,)` float64, the same in every epoch; 0 for samples without a label."""
        y = self.labels.positive_NL
        count_L = y.sum(0).double()
        if not count_L.any():
            return uniform(len(y))
        share_L = (1 / count_L).where(count_L > 0, 0.0) / (count_L > 0).sum()
        probability_N = torch.empty(len(y), dtype=torch.float64, device="cpu")
        for rows in row_chunks(y.shape, y.device):
            probability_N[rows] = (y[rows].double() @ share_L).cpu()
        return probability_N
