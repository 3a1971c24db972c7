"""Rarity of labels, over all samples and among neighbours.

Shapes: N samples, L labels, K neighbours, R consecutive samples.
"""

import torch
from torch import Tensor

from batchsift.functional.chunks import row_chunks


def imbalance_ratio(positive_NL: Tensor) -> Tensor:
    """Return `IRLbl_j`, the largest label count over the count of label j (Charte et al., Neurocomputing 163, 2015).

    Args:
        positive_NL: The labels, boolean.

    Returns:
        `(L,)` float64, at least 1; NaN for a label that no sample has.

    >>> imbalance_ratio(torch.tensor([[True, False], [True, True]]))
    tensor([1., 2.], dtype=torch.float64)
    """
    count_L = positive_NL.sum(0).double()
    return (count_L.max() / count_L).where(count_L > 0, float("nan"))


def minority_labels(positive_NL: Tensor) -> Tensor:
    """Tell which labels have an imbalance ratio above the mean over the labels that occur; `(L,)` boolean (ECML-24).

    >>> minority_labels(torch.tensor([[True, False], [True, True]]))  # ratios 1 and 2
    tensor([False,  True])
    """
    ratio_L = imbalance_ratio(positive_NL)
    return ratio_L > ratio_L.nanmean()


def rarity_weights(positive_NL: Tensor, power: float, *, floor: bool) -> Tensor:
    """Return weights of the samples with rare labels: `w_i` proportional to `sum_j y_ij n_j ** -power`.

    Args:
        positive_NL: The labels, boolean.
        power: How much more a rare label counts; 1 makes all labels count alike in total, 0 every positive alike.
        floor: Whether samples without a label get the smallest positive weight, not 0.

    Returns:
        `(N,)` float64 on the CPU, not negative, summing to 1; equal where there is no positive at all.

    >>> positive = torch.tensor([[True, False], [True, True], [False, False]])
    >>> rarity_weights(positive, 1.0, floor=False)  # labels that 2 and 1 samples have
    tensor([0.2500, 0.7500, 0.0000], dtype=torch.float64)
    """
    count_L = positive_NL.sum(0).double()
    label_weight_L = count_L.pow(-power).where(count_L > 0, 0.0)
    weight_N = torch.empty(len(positive_NL), dtype=torch.float64, device="cpu")
    for rows in row_chunks(positive_NL.shape, positive_NL.device):
        weight_N[rows] = (positive_NL[rows].double() @ label_weight_L).cpu()
    positive_N = weight_N > 0
    if not positive_N.any():
        return torch.full_like(weight_N, 1 / len(weight_N))
    if floor:
        weight_N[~positive_N] = weight_N[positive_N].min()
    return weight_N / weight_N.sum()


def local_imbalance_weights(positive_NL: Tensor, neighbors_NK: Tensor, known_NL: Tensor | None = None) -> Tensor:
    """Return `omega_i = 1 + sum over minority labels j of c_ij / sum_i c_ij` (ECML-24), `(N,)` float64, at least 1.

    For a sample that has the minority label j, `c_ij` is the share of its neighbours that lack j. A share of 1 is taken
    for an outlier and, like 0, does not count.

    Args:
        positive_NL: The labels, boolean.
        neighbors_NK: Indices; the sample itself among them is passed over.
        known_NL: Boolean: neighbours whose label is not known are left out of the share.

    >>> positive = torch.tensor([[True, True], [True, True], [True, False], [True, False]])
    >>> local_imbalance_weights(positive, torch.tensor([[1, 2], [0, 2], [0, 1], [0, 1]]))  # 1 + 0.5 / (0.5 + 0.5)
    tensor([1.5000, 1.5000, 1.0000, 1.0000], dtype=torch.float64)
    """
    minority_L = minority_labels(positive_NL)
    total_L = torch.zeros(positive_NL.shape[1], dtype=torch.float64, device=positive_NL.device)
    parts = []  # of each chunk: sample, label and share of the cells that count
    for rows in row_chunks(positive_NL.shape, positive_NL.device):
        share_RL = _share_lacking(positive_NL, neighbors_NK, known_NL, rows)
        share_RL = share_RL.where(positive_NL[rows] & minority_L & (share_RL < 1), 0.0)
        total_L += share_RL.sum(0)
        row, label = share_RL.nonzero().unbind(1)
        parts.append((row + rows.start, label, share_RL[row, label]))
    omega_N = torch.ones(len(positive_NL), dtype=torch.float64, device=positive_NL.device)
    for sample, label, share in parts:
        omega_N.index_add_(0, sample, share / total_L[label])
    return omega_N


def _share_lacking(positive_NL: Tensor, neighbors_NK: Tensor, known_NL: Tensor | None, rows: slice) -> Tensor:
    """Return the share of each sample's neighbours that lack a label, `(R, L)` float64."""
    own_R1 = torch.arange(rows.start, rows.stop, device=positive_NL.device)[:, None]
    lacking_RL = torch.zeros_like(positive_NL[rows], dtype=torch.float64)
    compared_RL = torch.zeros_like(lacking_RL)
    for neighbor_R in neighbors_NK[rows].unbind(1):
        counts_RL = own_R1 != neighbor_R[:, None]
        if known_NL is not None:
            counts_RL = counts_RL & known_NL[neighbor_R]
        compared_RL += counts_RL
        lacking_RL += counts_RL & ~positive_NL[neighbor_R]
    return lacking_RL / compared_RL.clamp(min=1)
