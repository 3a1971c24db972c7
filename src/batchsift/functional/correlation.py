"""How labels go together, as the methods measure it.

Shapes: N samples, L labels, K neighbours.
"""

import torch
from torch import Tensor


def equal_width_bins(signal: Tensor, bins: int) -> Tensor:
    """Index of the equal-width bin on [0, 1] that holds each value, from 0 to `bins - 1` (1 is in the last).

    >>> equal_width_bins(torch.tensor([0.0, 0.19, 0.2, 1.0]), 5)
    tensor([0, 0, 1, 4])
    """
    return (signal * bins).floor().long().clamp(0, bins - 1)


def mutual_information(bins_NL: Tensor, bins: int, known_NL: Tensor | None = None) -> Tensor:
    """Mutual information (nats) between every two binned columns.

    All joint histograms at once: one product of one-hot columns with themselves.

    Args:
        bins_NL: Bin of every cell, 0 to `bins - 1`.
        bins: How many bins there are.
        known_NL: Boolean: a pair of columns is compared over the samples in which both are known.

    Returns:
        `(L, L)` float64, symmetric, not negative; 0 for a pair that has no sample in common.
    """
    num_samples, num_labels = bins_NL.shape
    one_hot_NLb = torch.nn.functional.one_hot(bins_NL, bins).double()
    if known_NL is not None:
        one_hot_NLb *= known_NL[:, :, None]
    flat = one_hot_NLb.reshape(num_samples, num_labels * bins)
    counts_LbLb = (flat.T @ flat).reshape(num_labels, bins, num_labels, bins)
    joint = counts_LbLb / counts_LbLb.sum((1, 3), keepdim=True).clamp(min=1)
    expected = joint.sum(3, keepdim=True) * joint.sum(1, keepdim=True)
    ratio = joint / expected.where(joint > 0, 1.0)
    information_LL: Tensor = torch.special.xlogy(joint, ratio).sum((1, 3)).clamp(min=0)
    return information_LL


def scaled_by_row_maximum(information_LL: Tensor) -> Tensor:
    """Set the diagonal to 1, then divide every row by its maximum (AAAI-25): values in [0, 1].

    >>> scaled_by_row_maximum(torch.tensor([[9.0, 2.0], [0.5, 9.0]]))
    tensor([[0.5000, 1.0000],
            [0.5000, 1.0000]])
    """
    correlation_LL = information_LL.clone().fill_diagonal_(1)
    return correlation_LL / correlation_LL.amax(1, keepdim=True)


def positive_cosine(signal_NL: Tensor, positive_NL: Tensor) -> Tensor:
    """Cosine similarity of the labels' signals over their positives, each row divided by its sum (IJCAI-26).

    Args:
        signal_NL: M, a signal that is not negative.
        positive_NL: y, boolean. Only cells with a present label count.

    Returns:
        `(L, L)` float64; rows sum to 1, or are 0 for a label with nothing to compare (0/0 is 0).

    >>> positive_cosine(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), torch.tensor([[True, True], [True, False]]))
    tensor([[0.5858, 0.4142],
            [0.4142, 0.5858]], dtype=torch.float64)
    """
    masked_NL = signal_NL.double().where(positive_NL, 0.0)
    gram_LL = masked_NL.T @ masked_NL
    norm_L = gram_LL.diagonal().sqrt()
    norms_LL = norm_L[:, None] * norm_L[None, :]
    cosine_LL = (gram_LL / norms_LL).where(norms_LL > 0, 0.0)
    sum_L1 = cosine_LL.sum(1, keepdim=True)
    return (cosine_LL / sum_L1).where(sum_L1 > 0, 0.0)


def local_context(positive_NL: Tensor, neighbors_NK: Tensor) -> Tensor:
    """Which labels occur among a sample and its neighbours: z (IJCAI-26), boolean `(N, L)`.

    >>> local_context(torch.tensor([[True, False], [False, True], [False, False]]), torch.tensor([[1], [2], [1]]))
    tensor([[ True,  True],
            [False,  True],
            [False,  True]])
    """
    context_NL = positive_NL.clone()
    for neighbor_N in neighbors_NK.unbind(1):
        context_NL |= positive_NL[neighbor_N]
    return context_NL


def context_strength(context_NL: Tensor, correlation_LL: Tensor) -> Tensor:
    """`S_ij = sum_k z_ik C_jk`: how strongly a sample's neighbourhood speaks for label j (IJCAI-26); `(N, L)`."""
    return context_NL.to(correlation_LL.dtype) @ correlation_LL.T
