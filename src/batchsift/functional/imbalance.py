"""How rare labels are, over all samples and among neighbours.

Shapes: N samples, L labels, K neighbours.
"""

import torch
from torch import Tensor


def imbalance_ratio(positive_NL: Tensor) -> Tensor:
    """`IRLbl_j`: the largest label count over the count of label j; `(L,)` float64, NaN for a label nobody has.

    >>> imbalance_ratio(torch.tensor([[True, False], [True, True]]))
    tensor([1., 2.], dtype=torch.float64)
    """
    count_L = positive_NL.sum(0).double()
    return (count_L.max() / count_L).where(count_L > 0, float("nan"))


def minority_labels(positive_NL: Tensor) -> Tensor:
    """The labels whose imbalance ratio is above the mean over the labels that occur; `(L,)` boolean."""
    ratio_L = imbalance_ratio(positive_NL)
    return ratio_L > ratio_L.nanmean()


def local_imbalance_weights(positive_NL: Tensor, neighbors_NK: Tensor, known_NL: Tensor | None = None) -> Tensor:
    """`omega_i = 1 + sum over minority labels j of c_ij / sum_i c_ij` (ECML 2024), `(N,)` float64, at least 1.

    For a sample that has the minority label j, `c_ij` is the share of its neighbours that lack j. A share of 1 is taken
    for an outlier and, like 0, does not count.

    Args:
        positive_NL: The labels, boolean.
        neighbors_NK: Indices; the sample itself among them is passed over.
        known_NL: Boolean: neighbours whose label is not known are left out of the share.
    """
    own_N1 = torch.arange(len(positive_NL), device=positive_NL.device)[:, None]
    lacking_NL = torch.zeros(positive_NL.shape, dtype=torch.float64, device=positive_NL.device)
    compared_NL = torch.zeros_like(lacking_NL)
    for neighbor_N in neighbors_NK.unbind(1):
        counts_NL = own_N1 != neighbor_N[:, None]
        if known_NL is not None:
            counts_NL = counts_NL & known_NL[neighbor_N]
        compared_NL += counts_NL
        lacking_NL += counts_NL & ~positive_NL[neighbor_N]
    share_NL = (lacking_NL / compared_NL.clamp(min=1)).where(positive_NL & minority_labels(positive_NL), 0.0)
    share_NL = share_NL.where(share_NL < 1, 0.0)
    total_L = share_NL.sum(0)
    return 1 + (share_NL / total_L).where(total_L > 0, 0.0).sum(1)
