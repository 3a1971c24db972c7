"""ActiveBias: samples whose predictions vary most.

Chang, Learned-Miller, McCallum: Active Bias: Training More Accurate Neural Networks by Emphasizing High Variance
Samples, NeurIPS 2017; for several labels as in the papers that compare batch selection.

    v_ij = sample variance (ddof 1) of the m predictions of label j so far
    a_ij = sqrt(v_ij + v_ij^2 / (m - 1)), 0 for m < 2             prediction deviation
    w_i  = sum_j a_ij                                             score
    P_i  proportional to exp(-ln(s_t) / n * Q_i), Q_i the quantised rank by score, s_t falling to 1

All observations count (by running moments); `window` keeps the last T only. s_0 -> `pressure`, gamma -> `warmup`.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.signals import prediction_deviation
from batchsift.methods.options import at_least
from batchsift.methods.registry import register
from batchsift.methods.scored import ScoredMethod
from batchsift.trackers import PredictionWindow, RunningMoments


@register
@dataclass(kw_only=True, eq=False)
class ActiveBias(ScoredMethod):
    """Draw samples whose predictions vary.

    Attributes:
        window: The observations of a sample that count, at least 2; None for all of them.
    """

    name: ClassVar[str] = "active_bias"
    paper: ClassVar[str] = "Chang et al., NeurIPS 2017"
    in_parts: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = True
    window: int | None = None
    predictions: PredictionWindow | RunningMoments = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window is not None:
            at_least(2, window=self.window)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start without observations; see `Method.setup`."""
        super().setup(labels, epochs, features)
        y = self.labels.positive_NL
        self.predictions = (
            RunningMoments(y, self.storage, bounds=(0, 1))
            if self.window is None
            else PredictionWindow(y, self.window, self.storage)
        )

    def remember(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Take in the predicted probabilities."""
        self.predictions.update(indices_B, logits_BL.sigmoid(), valid_B)

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return `prediction_deviation`, `(R, L)`."""
        v = self.predictions.variance(self.compute, rows)
        return self.masked(rows, prediction_deviation=prediction_deviation(v, self.predictions.size_N[rows]))

    @on_one_thread
    def scores(self) -> dict[str, Tensor]:
        """Return `prediction_deviation`: the sum over labels, `(N,)` float64."""
        return {"prediction_deviation": self.summed("prediction_deviation")}

    def probabilities(self, epoch: int) -> Tensor:
        """Return probabilities by the score, `(N,)` float64; uniform in the warm-up."""
        return self.selected("prediction_deviation", self.select_by_range, epoch)
