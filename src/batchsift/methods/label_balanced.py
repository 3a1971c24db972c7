"""LabelBalanced: pick a label, then a sample that has it. What most people use against rare labels today.

    P_i proportional to sum_j y_ij n_j ** -power        n_j the number of samples with label j

With a power of 1 every label is picked equally often; with 1/2 rare labels still gain, but less. There is no warm-up
and nothing is learned from training. Without a single label in the data all samples are equal.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from batchsift.entries import part
from batchsift.functional.imbalance import rarity_weights
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register
from batchsift.saved import check_near


@register
@dataclass(kw_only=True, eq=False)
class LabelBalanced(BaseMethod):
    """Draw samples so that rare labels come up more often, up to equally often.

    Attributes:
        power: From 0 (every positive counts alike) to 1 (every label counts alike), or more.
        floor: Give samples without a label the smallest chance of those with one. If not, they are never drawn.
    """

    name: ClassVar[str] = "label_balanced"
    paper: ClassVar[str] = "common practice"
    in_parts: ClassVar[bool] = True
    remembers: ClassVar[bool] = False
    power: float = 1.0
    floor: bool = False
    _probability_N: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.power < math.inf:
            raise ValueError(f"power={self.power} must be a finite number of at least 0")

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Count the labels; see `Method.setup`."""
        super().setup(labels, epochs, features)
        self._probability_N = rarity_weights(self.labels.positive_NL, self.power, floor=self.floor)

    def check_state(self, state: Any) -> None:
        """See `BaseMethod.check_state`; what follows from the labels is what it was."""
        super().check_state(state)
        with part("tensors"):
            check_near("_probability_N", state["tensors"]["_probability_N"], self._probability_N)

    def probabilities(self, epoch: int) -> Tensor:
        """Return `(N,)` float64, the same in every epoch; 0 for samples without a label, unless there is a floor."""
        return self._probability_N.clone()
