"""D2ACE: Multi-Label Batch Selection Guided by Dual Dynamics and Adaptive Correlation Enhancement.

IJCAI 2026, arXiv 2605.09400. For sample i and labels j, k, once for the signal m = u and once for m = h:

    u_ij = lambda d_ij + (1 - lambda) e_ij                    uncertainty: fluctuation d, entropy e
    f_ij <- alpha |p_ij(t) - p_ij(t-1)| + (1 - alpha) f_ij    flip average
    h_ij = (1 - exp(-l_ij)) (1 - f_ij)                        noise-resistant hardness
    v_j  = exp(mu_j / 2 + sigma_j / 2)                        dynamic label weights, over all samples
    z_ij = 1 if i or one of its K nearest neighbours has label j
    C    = cosine similarity of the columns of m * y, rows divided by their sums
    S_ij = sum_k z_ik C_jk                                    local context-aware correlation
    w_i  = sum_j v_j m_ij (1 + y_ij S_ij)                     score
    P    = beta_t P_u + (1 - beta_t) P_h                      stage-wise Bernoulli mixture

P_u and P_h are proportional to exp(-ln(s_t) / n * Q_i), Q_i the quantised rank by score, s_t falling from 8 to 1.
lambda -> `fluctuation_weight`, T -> `window`, alpha -> `flip_decay`, K -> `num_neighbors`, beta -> `mixture`,
s_0 -> `pressure`, gamma -> `warmup`. Each part can be switched off alone.

Deviations from the authors' code: 1 - exp(-l) instead of its slip of sign, 2 - exp(-l) (`hardness="released"`); the
warm-up is shuffled. The loss is that of the stored latest p.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import Tensor

from batchsift.functional import signals as formulas
from batchsift.functional.correlation import context_strength, local_context, positive_cosine
from batchsift.functional.neighbors import given_or_nearest
from batchsift.methods.base import ScoredMethod
from batchsift.methods.options import at_least, in_unit_interval, one_of
from batchsift.methods.registry import register
from batchsift.methods.schedule import Mixture
from batchsift.trackers import LatestValue, PredictionWindow


@register
@dataclass(kw_only=True, eq=False)
class D2ACE(ScoredMethod):
    """Draw uncertain samples first and hard ones later, in the light of what occurs around them.

    Attributes:
        neighbors: `(N, K)` indices of each sample's neighbours; None to find them in the features.
        num_neighbors: K, when they are to be found; at least 1.
        window: T, the observations of a sample that are remembered; at least 1.
        fluctuation_weight: lambda, the share of fluctuation in the uncertainty, in [0, 1].
        flip_decay: alpha, in [0, 1]; 0 leaves the flips out.
        hardness: "paper", or "released" for the formula of the authors' code.
        label_weights: False for v = 1.
        correlation: False for S = 0; neighbours are then not needed.
        mixture: beta over the epochs, or a constant in [0, 1] (1: uncertainty alone, 0: hardness alone).
    """

    name: ClassVar[str] = "d2ace"
    neighbors: Any = field(default=None, repr=False)
    num_neighbors: int = 6
    window: int = 5
    fluctuation_weight: float = 0.5
    flip_decay: float = 0.7
    hardness: Literal["paper", "released"] = "paper"
    label_weights: bool = True
    correlation: bool = True
    mixture: Mixture | float = field(default_factory=Mixture)
    predictions: PredictionWindow = field(init=False, repr=False)
    flips: LatestValue = field(init=False, repr=False)
    context_NL: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, window=self.window, num_neighbors=self.num_neighbors)
        in_unit_interval(fluctuation_weight=self.fluctuation_weight, flip_decay=self.flip_decay)
        one_of(("paper", "released"), hardness=self.hardness)
        if not isinstance(self.mixture, Mixture):
            in_unit_interval(mixture=self.mixture)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start with empty trackers and look around every sample; see `Method.setup`."""
        if isinstance(self.mixture, Mixture):
            self.mixture.at(0, epochs)  # raises where the mixture does not fit the epochs
        neighbors_NK = None
        if self.correlation:
            neighbors_NK = given_or_nearest(self.neighbors, features, self.num_neighbors, len(labels))
        super().setup(labels, epochs, features)
        y = self.labels.positive_NL
        self.predictions = PredictionWindow(y, self.window, self.storage)
        self.flips = LatestValue(y, 0.0, self.storage)
        if neighbors_NK is not None:
            self.context_NL = local_context(y, neighbors_NK.to(y.device))

    def remember(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Append the predicted probabilities to the windows, and their change to the flip averages."""
        p = logits_BL.sigmoid().to(self.storage).to(self.compute)
        change = self.predictions.change(indices_B, p)
        previous = self.flips.value_NL[indices_B].to(self.compute)
        self.flips.update(indices_B, formulas.flip_ema(previous, change, self.flip_decay))
        self.predictions.update(indices_B, p)

    def signals(self) -> dict[str, Tensor]:
        """`uncertainty`, `entropy`, `fluctuation`, `hardness`, `flip_ema` and `loss`, each `(N, L)`."""
        p = self.predictions.latest().to(self.compute)
        d = self.predictions.fluctuation(self.compute)
        f = self.flips.value_NL.to(self.compute)
        e = formulas.entropy(p, self.eps)
        loss = formulas.binary_cross_entropy(p, self.labels.positive_NL, self.eps)
        u = formulas.uncertainty(d, e, self.fluctuation_weight)
        h = formulas.hardness(loss, f, released=self.hardness == "released")
        return self.masked(uncertainty=u, entropy=e, fluctuation=d, hardness=h, flip_ema=f, loss=loss)

    def scores(self) -> dict[str, Tensor]:
        """`uncertainty` and `hardness`, each `(N,)` float64."""
        signals = self.signals()
        return {name: self.score(signals[name]) for name in ("uncertainty", "hardness")}

    def score(self, m: Tensor) -> Tensor:
        """`w_i = sum_j v_j m_ij (1 + y_ij S_ij)` of a signal m `(N, L)`."""
        weighted = m.double()
        if self.label_weights:
            weighted = weighted * formulas.label_weights(m, self.labels.known_NL)
        if not self.correlation:
            return weighted.sum(1)
        y = self.labels.positive_NL
        S = context_strength(self.context_NL, positive_cosine(m, y))
        return (weighted * (1 + S.where(y, 0.0))).sum(1)

    def beta(self, epoch: int) -> float:
        """The share of draws that follow the uncertainty."""
        return self.mixture.at(epoch, self.epochs) if isinstance(self.mixture, Mixture) else self.mixture

    def probabilities(self, epoch: int) -> Tensor:
        """`beta P_u + (1 - beta) P_h`, `(N,)` float64; uniform in the warm-up."""
        score = self.scores()
        P_u = self.select_by_range(score["uncertainty"], epoch)
        P_h = self.select_by_range(score["hardness"], epoch)
        return self.beta(epoch) * P_u + (1 - self.beta(epoch)) * P_h
