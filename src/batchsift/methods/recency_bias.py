"""RecencyBias: samples whose recent decisions are inconsistent.

Song, Kim, Kim, Lee: Carpe Diem, Seize the Samples Uncertain "at the Moment" for Adaptive Batch Selection, CIKM 2020;
for several labels as in the papers that compare batch selection.

    q_ij = share of the predictions in the window above 0.5
    r_ij = binary entropy of q_ij, in bits                        decision entropy
    w_i  = sum_j r_ij                                             score
    P_i  proportional to exp(-ln(s_t) / n * Q_i), Q_i the quantised rank by score, s_t falling to 1

T -> `window`, s_0 -> `pressure`, gamma -> `warmup`.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from batchsift.functional.chunks import on_one_thread
from batchsift.functional.signals import entropy
from batchsift.methods.options import at_least
from batchsift.methods.registry import register
from batchsift.methods.scored import ScoredMethod
from batchsift.trackers import PredictionWindow


@register
@dataclass(kw_only=True, eq=False)
class RecencyBias(ScoredMethod):
    """Draw samples whose recent decisions differ from each other.

    Attributes:
        window: T, the observations of a sample that are remembered; at least 1.
    """

    name: ClassVar[str] = "recency_bias"
    paper: ClassVar[str] = "Song et al., CIKM 2020"
    in_parts: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = True
    window: int = 5
    predictions: PredictionWindow = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, window=self.window)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start with empty windows; see `Method.setup`."""
        super().setup(labels, epochs, features)
        self.predictions = PredictionWindow(self.labels.positive_NL, self.window, self.storage)

    def remember(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Append the predicted probabilities to the windows."""
        self.predictions.update(indices_B, logits_BL.sigmoid(), valid_B)

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return `decision_entropy`, `(R, L)` in [0, 1]."""
        share = self.predictions.share_above(0.5, self.compute, rows)
        return self.masked(rows, decision_entropy=entropy(share, eps=0.0))

    @on_one_thread
    def scores(self) -> dict[str, Tensor]:
        """Return `decision_entropy`: the sum over labels, `(N,)` float64."""
        return {"decision_entropy": self.summed("decision_entropy")}

    def probabilities(self, epoch: int) -> Tensor:
        """Return probabilities by the score, `(N,)` float64; uniform in the warm-up."""
        return self.selected("decision_entropy", self.select_by_range, epoch)
