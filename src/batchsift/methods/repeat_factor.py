"""RepeatFactor: repeat samples with rare labels. Gupta, Dollar, Girshick: LVIS, CVPR 2019, arXiv 1908.03195, section 4.

    r_j = max(1, sqrt(t / f_j))            f_j the share of samples with label j, t the threshold
    r_i = max over the labels of i of r_j  1 for a sample without labels
    P_i proportional to r_i

A label more frequent than t repeats nothing. There is no warm-up and nothing is learned from training.

Deviations: the paper repeats each image r_i times on average, which makes an epoch longer; here the length of an epoch
stays, and r_i is the expected number of copies up to a factor. LVIS has t = 0.001 at a thousand categories; the default
here is the median share of the labels that occur, so that half of them are repeated on any data.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchsift.entries import part
from batchsift.functional.chunks import row_chunks
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register
from batchsift.saved import check_near


@register
@dataclass(kw_only=True, eq=False)
class RepeatFactor(BaseMethod):
    """Draw a sample more often, the rarer its rarest label is.

    Attributes:
        threshold: t, the share of samples below which a label is rare, in (0, 1]; None for the median share of the
            labels that occur.
    """

    name: ClassVar[str] = "repeat_factor"
    paper: ClassVar[str] = "Gupta et al. (LVIS), CVPR 2019, arXiv 1908.03195"
    in_parts: ClassVar[bool] = True
    remembers: ClassVar[bool] = False
    threshold: float | None = None
    _probability_N: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold={self.threshold} must be in (0, 1], or None for the median share of a label")

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Count the labels; see `Method.setup`."""
        super().setup(labels, epochs, features)
        factor_N = repeat_factors(self.labels.positive_NL, self.threshold)
        self._probability_N = factor_N / factor_N.sum()

    def check_state(self, state: Any) -> None:
        """See `BaseMethod.check_state`; what follows from the labels is what it was."""
        super().check_state(state)
        with part("tensors"):
            check_near("_probability_N", state["tensors"]["_probability_N"], self._probability_N)

    def probabilities(self, epoch: int) -> Tensor:
        """Return `(N,)` float64, positive, the same in every epoch."""
        return self._probability_N.clone()


def repeat_factors(positive_NL: Tensor, threshold: float | None = None) -> Tensor:
    """Return `r_i`, how often a sample is to be repeated: `(N,)` float64 on the CPU, at least 1 (LVIS, CVPR 2019).

    Args:
        positive_NL: The labels, boolean.
        threshold: t in (0, 1]; None for the median share of the labels that occur.

    >>> positive = torch.tensor([[True, True], [True, False], [True, False], [True, False]])
    >>> repeat_factors(positive, threshold=1.0).tolist()
    [2.0, 1.0, 1.0, 1.0]
    """
    share_L = positive_NL.sum(0).double() / len(positive_NL)
    occurs_L = share_L > 0
    if threshold is None:
        threshold = float(share_L[occurs_L].quantile(0.5)) if occurs_L.any() else 1.0
    factor_L = (threshold / share_L).sqrt().clamp(min=1.0).where(occurs_L, 1.0)
    factor_N = torch.empty(len(positive_NL), dtype=torch.float64, device="cpu")
    for rows in row_chunks(positive_NL.shape, positive_NL.device):
        factor_N[rows] = torch.where(positive_NL[rows], factor_L, 1.0).amax(1).cpu()
    return factor_N
