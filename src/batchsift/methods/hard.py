"""Hard: samples with a high loss more often (the hardness part of HardImbalanced, alone).

Multi-Label Adaptive Batch Selection by Highlighting Hard and Imbalanced Samples, ECML PKDD 2024, arXiv 2403.18192.

    l_ij = binary cross-entropy of the latest prediction          loss
    w_i  = sum_j l_ij                                             score
    P_i  proportional to exp(ln(s) / n * Q_i), Q_i = ceil(n w_i / max w)

s -> `pressure`, constant (the paper tunes 2, 4, 16, 64). The loss is taken from the logits: it does not saturate. As
published every batch is drawn from the losses after the one before: `refresh="step"`, through
`Selector.batches()` only. By default the probabilities are renewed once an epoch.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.signals import binary_cross_entropy_of_logits
from batchsift.methods.options import one_of
from batchsift.methods.registry import register
from batchsift.methods.scored import ScoredMethod
from batchsift.trackers import LatestValue


@register
@dataclass(kw_only=True, eq=False)
class Hard(ScoredMethod):
    """Draw samples with a high loss.

    Attributes:
        refresh: "epoch", or "step" to renew the probabilities before every block.
    """

    name: ClassVar[str] = "hard"
    paper: ClassVar[str] = "ECML PKDD 2024, arXiv 2403.18192"
    in_parts: ClassVar[bool] = True
    pressure_falls: ClassVar[bool] = False
    skips_rows: ClassVar[bool] = True
    warmup: float = 0.03
    pressure: float = 2.0
    refresh: Literal["epoch", "step"] = "epoch"
    losses: LatestValue = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(("epoch", "step"), refresh=self.refresh)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start with the loss of p = 1/2 everywhere; see `Method.setup`."""
        super().setup(labels, epochs, features)
        self.losses = LatestValue(
            self.labels.positive_NL, math.log(2), self.storage, bounds=(0, torch.finfo(torch.float32).max)
        )

    def remember(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Replace the losses."""
        y = self.labels.positive_NL.index_select(0, indices_B)
        self.losses.update(indices_B, binary_cross_entropy_of_logits(logits_BL, y), valid_B)

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return `loss`, `(R, L)` in nats."""
        return self.masked(rows, loss=self.losses.value_NL[rows].to(self.compute))

    @on_one_thread
    def scores(self) -> dict[str, Tensor]:
        """Return `loss`: the sum over labels, `(N,)` float64."""
        return {"loss": self.summed("loss")}

    def probabilities(self, epoch: int) -> Tensor:
        """Return probabilities by the score, `(N,)` float64; uniform in the warm-up."""
        return self.selected("loss", self.select_by_maximum, epoch)
