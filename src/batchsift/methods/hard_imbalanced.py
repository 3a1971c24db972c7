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

from batchsift.entries import part
from batchsift.functional.imbalance import local_imbalance_weights
from batchsift.functional.neighbors import given_or_nearest, renewed_neighbors
from batchsift.methods.hard import Hard
from batchsift.methods.options import at_least
from batchsift.methods.registry import register
from batchsift.saved import check_within


@register
@dataclass(kw_only=True, eq=False)
class HardImbalanced(Hard):
    """Draw samples with a high loss, weighted by their local imbalance.

    Attributes:
        neighbors: `(N, K)` indices of each sample's neighbours; None to find them in the features. `(N, 0)` stands for
            none yet: see `renew_neighbors`.
        num_neighbors: K, when they are to be found; at least 1.
    """

    name: ClassVar[str] = "hard_imbalanced"
    paper: ClassVar[str] = "ECML PKDD 2024, arXiv 2403.18192"
    in_parts: ClassVar[bool] = True
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
        self.weight_N = self._weights(neighbors_NK)

    def check_state(self, state: Any) -> None:
        """See `BaseMethod.check_state`; weights are 1, and at most 1 more for every label."""
        super().check_state(state)
        with part("tensors"):
            check_within("weight_N", state["tensors"]["weight_N"], 1, 1 + self.labels.num_labels)

    def renew_neighbors(self, *, features: Any = None, neighbors: Any = None) -> None:
        """Put other neighbours in the place of those the samples are weighted by.

        Call it between the last block of an epoch and `end_epoch`: the next epoch is then drawn in their light. What
        was observed stays as it is, and a saved state holds what was made of the neighbours. Several processes must
        be given the same.

        Args:
            features: `(N, D)`, such as embeddings of the model in training, to find `num_neighbors` of each sample in.
            neighbors: `(N, K)` indices, in place of features.

        Raises:
            ValueError: There are neither or both, they do not fit the labels, or this method serves no
                selector yet.
        """
        if not hasattr(self, "weight_N"):
            raise ValueError("no neighbours to renew: this method serves no selector yet")
        self.weight_N.copy_(
            self._weights(renewed_neighbors(neighbors, features, self.num_neighbors, len(self.weight_N)))
        )

    def _weights(self, neighbors_NK: Tensor) -> Tensor:
        """Return omega, `(N,)` float64 on the CPU."""
        y = self.all_labels.positive_NL
        return local_imbalance_weights(y, neighbors_NK.to(y.device), self.all_labels.known_NL).cpu()

    def scores(self) -> dict[str, Tensor]:
        """Return `loss`: omega times the sum over labels, `(N,)` float64."""
        return {"loss": self.weight_N * super().scores()["loss"]}
