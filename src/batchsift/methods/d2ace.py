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

import torch
from torch import Tensor

from batchsift.functional import signals as formulas
from batchsift.functional.chunks import on_one_thread
from batchsift.functional.correlation import (
    PositiveCells,
    correlated_sums,
    cosine_of_gram,
    gram_of_cells,
    packed_local_context,
)
from batchsift.functional.neighbors import given_or_nearest, renewed_neighbors
from batchsift.functional.sampling import uniform
from batchsift.functional.schedule import Mixture
from batchsift.methods.options import at_least, in_unit_interval, one_of
from batchsift.methods.parts import SamplePart
from batchsift.methods.passes import TwoPasses
from batchsift.methods.registry import register
from batchsift.methods.scored import ScoredMethod
from batchsift.trackers import LatestValue, RecentSteps

_FAMILIES = ("uncertainty", "hardness")


@register
@dataclass(kw_only=True, eq=False)
class D2ACE(ScoredMethod):
    """Draw uncertain samples first and hard ones later, in the light of what occurs around them.

    Attributes:
        neighbors: `(N, K)` indices of each sample's neighbours; None to find them in the features. `(N, 0)` stands for
            none yet: see `renew_neighbors`.
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
    paper: ClassVar[str] = "IJCAI 2026, arXiv 2605.09400"
    in_parts: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = True
    sample_tensors: ClassVar[tuple[str, ...]] = ("context_NW",)
    neighbors: Any = field(default=None, repr=False)
    num_neighbors: int = 6
    window: int = 5
    fluctuation_weight: float = 0.5
    flip_decay: float = 0.7
    hardness: Literal["paper", "released"] = "paper"
    label_weights: bool = True
    correlation: bool = True
    mixture: Mixture | float = field(default_factory=Mixture)
    predictions: RecentSteps = field(init=False, repr=False)
    flips: LatestValue = field(init=False, repr=False)
    cells: PositiveCells = field(init=False, repr=False)
    context_NW: Tensor = field(init=False, repr=False)

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
        if neighbors_NK is not None:
            self.context_NW = packed_local_context(y, neighbors_NK.to(y.device))
        self.predictions = RecentSteps(y, self.window, self.storage)
        self.flips = LatestValue(y, 0.0, self.storage, bounds=(0, 1))
        self._follow_labels()

    def keep(self, part: SamplePart) -> None:
        """Remember the samples of a part only, from now on; their context may belong to others and stays known."""
        super().keep(part)
        self._follow_labels()

    def _follow_labels(self) -> None:
        """Make what follows from the labels of the samples that are remembered here."""
        y = self.labels.positive_NL
        if self.correlation:
            self.cells = PositiveCells.of(y)
        self._passes = TwoPasses(self._both, y.shape, y.device)

    def check_state(self, state: Any) -> None:
        """See `BaseMethod.check_state`; of a sample's context its own labels are a part, and no bit stands for none."""
        super().check_state(state)
        if self.correlation:
            own_NW = packed_local_context(self.labels.positive_NL, self.context_NW[:, :0])
            used_W = packed_local_context(torch.ones_like(self.labels.positive_NL[:1]), self.context_NW[:1, :0])
            saved_NW = state["tensors"]["context_NW"].to(own_NW.device)
            if ((own_NW & ~saved_NW) | (saved_NW & ~used_W)).any():
                raise ValueError(
                    "tensors: context_NW: lacks labels of the samples themselves, or has others than there are"
                )

    def renew_neighbors(self, *, features: Any = None, neighbors: Any = None) -> None:
        """Put other neighbours in the place of those the correlation looks at.

        Call it between the last block of an epoch and `end_epoch`: the next epoch is then drawn in their light. What
        was observed stays as it is, and a saved state holds what was made of the neighbours. Several processes must
        be given the same.

        Args:
            features: `(N, D)`, such as embeddings of the model in training, to find `num_neighbors` of each sample in.
            neighbors: `(N, K)` indices, in place of features.

        Raises:
            ValueError: There are neither or both, they do not fit the labels, or the correlation is switched
                off, or this method serves no selector yet.
        """
        if not self.correlation or not hasattr(self, "context_NW"):
            raise ValueError(
                "no neighbours to renew: "
                + ("this method serves no selector yet" if self.correlation else "correlation=False looks at none")
            )
        y = self.all_labels.positive_NL
        neighbors_NK = renewed_neighbors(neighbors, features, self.num_neighbors, len(y))
        self.context_NW.copy_(self.part.own(packed_local_context(y, neighbors_NK.to(y.device))))

    def remember(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Append the predicted probabilities to the windows, and their change to the flip averages."""
        change = self.predictions.update(indices_B, logits_BL.sigmoid().to(self.storage).to(self.compute), valid_B)
        previous = self.flips.value_NL.index_select(0, indices_B).to(self.compute)
        self.flips.update(indices_B, formulas.flip_ema(previous, change, self.flip_decay), valid_B)

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return `uncertainty`, `entropy`, `fluctuation`, `hardness`, `flip_ema` and `loss`, each `(R, L)`."""
        u, h, p, d, e, f = self._parts(rows)
        loss = formulas.binary_cross_entropy(p, self.labels.positive_NL[rows], self.eps)
        return self.masked(rows, uncertainty=u, entropy=e, fluctuation=d, hardness=h, flip_ema=f, loss=loss)

    def _parts(self, rows: slice) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return u, h, and p, d, e, f of consecutive samples; p is kept away from 0 and 1."""
        p = formulas.clamp_probabilities(self.predictions.latest_NL[rows].to(self.compute), self.eps)
        d = self.predictions.fluctuation(self.compute, rows)
        e = formulas.entropy_inside(p)
        f = self.flips.value_NL[rows].to(self.compute)
        u = formulas.uncertainty(d, e, self.fluctuation_weight)
        y, released = self.labels.positive_NL[rows], self.hardness == "released"
        return u, formulas.hardness_of_probabilities(p, y, f, released=released), p, d, e, f

    def _both(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Return uncertainty and hardness alone, `(R, L)` each."""
        u, h, *_ = self._parts(rows)
        return self.labels.masked(u, rows), self.labels.masked(h, rows)

    @on_one_thread
    def scores(self) -> dict[str, Tensor]:
        """Return `uncertainty` and `hardness`, `w_i = sum_j v_j m_ij (1 + y_ij S_ij)` each, `(N,)` float64.

        Two passes: the label weights v depend on all samples. What the first one sees in the positive cells is all that
        the correlated part needs.
        """
        y = self.labels.positive_NL
        score_both = [torch.empty(len(y), dtype=torch.float64, device=y.device) for _ in _FAMILIES]
        v_both, positive_both = self._first_pass()
        for rows, both in self._passes.second():
            for m, v, score_N in zip(both, v_both, score_both, strict=True):
                torch.mv(m.double(), v, out=score_N[rows])
        if self.correlation:
            gram_both = [self.part.total(gram_of_cells(value_P, self.cells)) for value_P in positive_both]
            C_both = [cosine_of_gram(G).to(value_P) for G, value_P in zip(gram_both, positive_both, strict=True)]
            vC_both = [v.to(C.dtype)[:, None] * C for v, C in zip(v_both, C_both, strict=True)]
            correlated_both = correlated_sums(positive_both, self.cells, self.context_NW, vC_both)
            score_both = [score_N.add_(sum_N) for score_N, sum_N in zip(score_both, correlated_both, strict=True)]
        return {name: self.part.joined(score_N.cpu()) for name, score_N in zip(_FAMILIES, score_both, strict=True)}

    def _first_pass(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return, for both families, the label weights v and the values in the positive cells."""
        y, known_NL = self.labels.positive_NL, self.labels.known_NL
        moments: list[list[formulas.ColumnMoments]] = [[] for _ in _FAMILIES]
        count = len(self.cells.cell_P) if self.correlation else 0
        positive = [torch.empty(count, dtype=self.compute, device=y.device) for _ in _FAMILIES]
        cuts = iter(self.cells.chunks() if self.correlation else [])
        for rows, both in self._passes.first():
            if self.label_weights:
                known_RL = None if known_NL is None else known_NL[rows]
                for m, parts in zip(both, moments, strict=True):
                    parts.append(formulas.ColumnMoments.of(m, known_RL))
            if self.correlation:
                _, cut = next(cuts)
                inside = self.cells.cell_P[cut] - rows.start * y.shape[1]
                for m, value_P in zip(both, positive, strict=True):
                    torch.index_select(m.view(-1), 0, inside, out=value_P[cut])
        if self.label_weights:
            return [self._moments_of_all(parts).label_weights() for parts in moments], positive
        return [torch.ones(y.shape[1], dtype=torch.float64, device=y.device) for _ in _FAMILIES], positive

    def _moments_of_all(self, parts: list[formulas.ColumnMoments]) -> formulas.ColumnMoments:
        """Merge the moments of chunks, and of what other processes remember."""
        zeros_L = torch.zeros(self.labels.num_labels, dtype=torch.float64, device=self.labels.positive_NL.device)
        own = formulas.ColumnMoments.together(parts or [formulas.ColumnMoments(zeros_L, zeros_L, zeros_L)])
        each = self.part.each(own.as_matrix())
        return own if len(each) == 1 else formulas.ColumnMoments.together(list(map(own.of_matrix, each)))

    @on_one_thread
    def weights(self) -> dict[str, Tensor]:
        """Return the label weights v of `uncertainty` and of `hardness`, `(L,)` float64 each."""
        v_both, _ = self._first_pass()
        return dict(zip(_FAMILIES, v_both, strict=True))

    def beta(self, epoch: int) -> float:
        """Return the share of draws that follow the uncertainty."""
        return self.mixture.at(epoch, self.epochs) if isinstance(self.mixture, Mixture) else self.mixture

    def probabilities(self, epoch: int) -> Tensor:
        """Return `beta P_u + (1 - beta) P_h`, `(N,)` float64; uniform in the warm-up."""
        if not self.selecting(epoch):
            return uniform(self.part.num_samples)
        score = self.scores()
        P_u = self.select_by_range(score["uncertainty"], epoch)
        P_h = self.select_by_range(score["hardness"], epoch)
        return self.beta(epoch) * P_u + (1 - self.beta(epoch)) * P_h
