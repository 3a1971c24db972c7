"""HardImbalanced: hard samples, the more so where a rare label stands among neighbours without it.

Multi-Label Adaptive Batch Selection by Highlighting Hard and Imbalanced Samples, ECML PKDD 2024, arXiv 2403.18192.

    IRLbl_j = (largest label count) / (count of label j); a minority label has one above the mean
    c_ij    = share of i's K nearest neighbours that lack j, for a sample i with the minority label j; an outlier's 1 is
              taken as 0
    omega_i = 1 + sum over minority labels j of c_ij / sum_i c_ij         local imbalance, computed once
    w_i     = omega_i sum_j l_ij                                          score; l as in `hard.py`
    P_i     proportional to exp(ln(s) / n * Q_i), Q_i = ceil(n w_i / max w)

K -> `num_neighbors`, s -> `pressure`, constant (the paper tunes 2, 4, 16, 64). It is `Hard` with weighted samples, and
written so; `refresh="step"` renews the probabilities before every block, as published.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from batchsift.functional.imbalance import local_imbalance_weights
from batchsift.functional.neighbors import given_or_nearest
from batchsift.methods.hard import Hard
from batchsift.methods.options import at_least
from batchsift.methods.registry import register


@register
@dataclass(kw_only=True, eq=False)
class HardImbalanced(Hard):
    """Draw samples with a high loss, weighted by their local imbalance.

    Attributes:
        neighbors: `(N, K)` indices of each sample's neighbours; None to find them in the features.
        num_neighbors: K, when they are to be found; at least 1.
    """

    name: ClassVar[str] = "hard_imbalanced"
    neighbors: Any = field(default=None, repr=False)
    num_neighbors: int = 5
    weight_N: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, num_neighbors=self.num_neighbors)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Weigh every sample by its neighbourhood; see `Method.setup`."""
        neighbors_NK = given_or_nearest(self.neighbors, features, self.num_neighbors, len(labels))
        super().setup(labels, epochs, features)
        y = self.labels.positive_NL
        self.weight_N = local_imbalance_weights(y, neighbors_NK.to(y.device), self.labels.known_NL).cpu()

    def scores(self) -> dict[str, Tensor]:
        """Return `loss`: omega times the sum over labels, `(N,)` float64."""
        return {"loss": self.weight_N * super().scores()["loss"]}
