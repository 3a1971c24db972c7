"""Uncertainty: Batch Selection for Multi-Label Classification Guided by Uncertainty and Dynamic Label Correlations.

AAAI 2025, arXiv 2412.16521. For sample i and labels j, k:

    d_ij = mean over the window of |p_ij(t) - p_ij(t-1)|            fluctuation
    e_ij = binary entropy of the latest p_ij, in bits               entropy
    u_ij = lambda d_ij + (1 - lambda) e_ij                          uncertainty
    C_jk = mutual information of the binned columns u_j and u_k, C_jj = 1, rows divided by their maximum
    w_i  = sum_j (U C^T)_ij                                         score
    P_i  proportional to exp(-ln(s_t) / n * Q_i), Q_i the quantised rank by score, s_t falling from 8 to 1

lambda -> `fluctuation_weight`, T -> `window`, s_0 -> `pressure`, gamma -> `warmup`.

Deviations from the authors' code: the correlation is applied (there it is computed and replaced by ones) and to u
itself, not to its binned values; the pressure falls (there the arguments' order makes it grow); the warm-up is
shuffled. `correlation="none", binned=True` gives the released score, up to a constant factor.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.correlation import (
    equal_width_bins,
    information_of_counts,
    joint_counts,
    scaled_by_row_maximum,
)
from batchsift.functional.signals import entropy, uncertainty
from batchsift.methods.options import at_least, in_unit_interval, one_of
from batchsift.methods.parts import SamplePart
from batchsift.methods.passes import TwoPasses
from batchsift.methods.registry import register
from batchsift.methods.scored import ScoredMethod
from batchsift.trackers import RecentSteps

MOST_BINS = 256  # a table of L bins x L bins counts is made


@register
@dataclass(kw_only=True, eq=False)
class Uncertainty(ScoredMethod):
    """Draw samples whose labels are uncertain, the more so where uncertain labels go together.

    Attributes:
        window: T, the observations of a sample that are remembered; at least 1.
        fluctuation_weight: lambda, the share of fluctuation in the uncertainty, in [0, 1].
        bins: Equal-width bins of the uncertainty on [0, 1]; from 1 to 256.
        correlation: "mutual_information", or "none" for the plain sum over labels.
        binned: Score the bins' centres instead of the uncertainty itself, as the authors' code does.
    """

    name: ClassVar[str] = "uncertainty"
    paper: ClassVar[str] = "AAAI 2025, arXiv 2412.16521"
    in_parts: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = True
    window: int = 5
    fluctuation_weight: float = 0.5
    bins: int = 5
    correlation: Literal["mutual_information", "none"] = "mutual_information"
    binned: bool = False
    predictions: RecentSteps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, window=self.window, bins=self.bins)
        if self.bins > MOST_BINS:
            raise ValueError(
                f"bins={self.bins} must be at most {MOST_BINS}: every pair of bins of two labels is counted"
            )
        in_unit_interval(fluctuation_weight=self.fluctuation_weight)
        one_of(("mutual_information", "none"), correlation=self.correlation)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start with empty windows; see `Method.setup`."""
        super().setup(labels, epochs, features)
        y = self.labels.positive_NL
        self.predictions = RecentSteps(y, self.window, self.storage)
        self._passes = TwoPasses(self._uncertainty, y.shape, y.device)

    def keep(self, part: SamplePart) -> None:
        """Remember the samples of a part only, from now on."""
        super().keep(part)
        y = self.labels.positive_NL
        self._passes = TwoPasses(self._uncertainty, y.shape, y.device)

    def remember(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Append the predicted probabilities to the windows."""
        self.predictions.update(indices_B, logits_BL.sigmoid().to(self.storage).to(self.compute), valid_B)

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return `uncertainty`, `entropy` and `fluctuation`, each `(R, L)` in [0, 1]."""
        d = self.predictions.fluctuation(self.compute, rows)
        e = entropy(self.predictions.latest_NL[rows].to(self.compute), self.eps)
        return self.masked(rows, uncertainty=uncertainty(d, e, self.fluctuation_weight), entropy=e, fluctuation=d)

    def _uncertainty(self, rows: slice) -> tuple[Tensor]:
        """Return the uncertainty alone, `(R, L)`."""
        return (self.signals_of(rows)["uncertainty"],)

    @on_one_thread
    def scores(self) -> dict[str, Tensor]:
        """Return `uncertainty`: `sum_k (U C)_ik`, `(N,)` float64. Two passes: C depends on all samples."""
        y, known_NL = self.labels.positive_NL, self.labels.known_NL
        weight_L = torch.ones(y.shape[1], dtype=torch.float64, device=y.device)
        if self.correlation == "mutual_information":
            counts = weight_L.new_zeros(y.shape[1] * self.bins, y.shape[1] * self.bins)
            for rows, (u,) in self._passes.first():
                bins_RL = equal_width_bins(u, self.bins)
                counts += joint_counts(bins_RL, self.bins, None if known_NL is None else known_NL[rows])
            counts = self.part.total(counts)
            weight_L = scaled_by_row_maximum(information_of_counts(counts, self.bins)).sum(1)
        score_N = torch.empty(len(y), dtype=torch.float64, device="cpu")
        for rows, (u,) in self._passes.second():  # sum_k (U C)_ik = sum_j U_ij sum_k C_jk
            score_N[rows] = (self._scored(u, rows) @ weight_L).cpu()
        return {"uncertainty": self.part.joined(score_N)}

    def _scored(self, u: Tensor, rows: slice) -> Tensor:
        """Return U in float64: the uncertainty itself, or its bin's centre."""
        if not self.binned:
            return u.double()
        return self.labels.masked((equal_width_bins(u, self.bins).double() + 0.5) / self.bins, rows)

    def probabilities(self, epoch: int) -> Tensor:
        """Return probabilities by the score, `(N,)` float64; uniform in the warm-up."""
        return self.selected("uncertainty", self.select_by_range, epoch)
