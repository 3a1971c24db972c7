"""Correlation of labels, as the methods measure it.

Shapes: N samples, L labels, K neighbours, R consecutive rows, P cells with a positive label, W = ceil(L / 8) bytes.

What concerns positives alone is computed from a list of them: with c positives a sample the work grows with N c^2 and
N L c, never with N L^2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from batchsift.functional.chunks import row_chunks

_CELLS_AT_ONCE = 2**17


def equal_width_bins(signal: Tensor, bins: int) -> Tensor:
    """Return the index of the equal-width bin on [0, 1] that holds each value, from 0 to `bins - 1` (AAAI-25).

    A value of 1 is in the last bin.

    >>> equal_width_bins(torch.tensor([0.0, 0.19, 0.2, 1.0]), 5)
    tensor([0, 0, 1, 4])
    """
    return (signal * bins).floor().long().clamp(0, bins - 1)


def mutual_information(bins_NL: Tensor, bins: int, known_NL: Tensor | None = None) -> Tensor:
    """Return the mutual information (nats) between every two binned columns (AAAI-25).

    It is `sum_bc P(b, c) ln(P(b, c) / (P(b) P(c)))`; of a column with itself, its entropy.

    Args:
        bins_NL: Bin of every cell, 0 to `bins - 1`.
        bins: How many bins there are.
        known_NL: Boolean: a pair of columns is compared over the samples in which both are known.

    Returns:
        `(L, L)` float64, symmetric, not negative; 0 for a pair that has no sample in common.

    >>> mutual_information(torch.tensor([[0, 1], [1, 0]]), bins=2)  # ln 2
    tensor([[0.6931, 0.6931],
            [0.6931, 0.6931]], dtype=torch.float64)
    """
    size = bins_NL.shape[1] * bins
    counts = torch.zeros(size, size, dtype=torch.float64, device=bins_NL.device)
    for rows in row_chunks(bins_NL.shape, bins_NL.device):
        counts += joint_counts(bins_NL[rows], bins, None if known_NL is None else known_NL[rows])
    return information_of_counts(counts, bins)


def joint_counts(bins_RL: Tensor, bins: int, known_RL: Tensor | None = None) -> Tensor:
    """Count how often bin b of column j goes with bin c of column k: all joint histograms at once.

    It is one product of one-hot columns with themselves: of integers of 8 bits where the processor multiplies those
    (ten times as fast as single precision, which is exact too as long as no count reaches 2^24).

    Returns:
        `(L bins, L bins)`, int32 or float32.

    >>> joint_counts(torch.tensor([[0, 1]]), bins=2).int().tolist()
    [[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    """
    dtype = torch.uint8 if bins <= 256 else torch.int32
    codes_b = torch.arange(bins, dtype=dtype, device=bins_RL.device)
    one_hot_RLb = bins_RL.to(dtype)[:, :, None] == codes_b
    if known_RL is not None:
        one_hot_RLb &= known_RL[:, :, None]
    flat = one_hot_RLb.flatten(1)
    has_mkldnn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if flat.device.type == "cpu" and has_mkldnn and flat.shape[1] > 1:
        flat = flat.view(torch.int8)
        return torch._int_mm(flat.T, flat)
    flat = flat.float()
    return flat.T @ flat


def information_of_counts(counts: Tensor, bins: int) -> Tensor:
    """Return the mutual information (nats) of all joint histograms, `(L, L)` float64; see `mutual_information`.

    Args:
        counts: `(L bins, L bins)`, as from `joint_counts`.
        bins: Bins of each column.

    >>> information_of_counts(torch.tensor([[1, 0], [0, 1]]), bins=2)  # of one column with itself: ln 2
    tensor([[0.6931]], dtype=torch.float64)
    """
    counts_LbLb = counts.double().reshape(len(counts) // bins, bins, len(counts) // bins, bins)
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


@dataclass(frozen=True, eq=False)
class PositiveCells:
    """The cells that hold a positive label, row by row.

    Attributes:
        cell_P: Flat indices `i L + j`, ascending; int32 where they fit, on the device of the labels.
        start_N: `(N + 1,)`: where each row's cells begin; the same type, on the same device.
        num_labels: L.
    """

    cell_P: Tensor
    start_N: Tensor
    num_labels: int

    @classmethod
    def of(cls, positive_NL: Tensor) -> Self:
        """List the positive cells of a boolean matrix.

        >>> cells = PositiveCells.of(torch.tensor([[True, False], [True, True]]))
        >>> cells.cell_P.tolist(), cells.start_N.tolist()
        ([0, 2, 3], [0, 1, 3])
        """
        num_samples, num_labels = positive_NL.shape
        dtype = torch.int32 if positive_NL.numel() < 2**31 else torch.int64
        start_N = torch.zeros(num_samples + 1, dtype=dtype, device=positive_NL.device)
        start_N[1:] = positive_NL.sum(1).cumsum(0)
        cell_P = torch.empty(int(start_N[-1]), dtype=dtype, device=positive_NL.device)
        done = 0
        for rows in row_chunks(positive_NL.shape, positive_NL.device):
            cells = positive_NL[rows].flatten().nonzero()[:, 0] + rows.start * num_labels
            cell_P[done : done + len(cells)] = cells
            done += len(cells)
        return cls(cell_P, start_N, num_labels)

    def chunks(self) -> list[tuple[slice, slice]]:
        """Return consecutive samples and where their cells stand; always the same."""
        rows = list(row_chunks((len(self.start_N) - 1, self.num_labels), self.cell_P.device))
        bounds = self.start_N[[0, *(chunk.stop for chunk in rows)]].tolist()
        return [(chunk, slice(*bounds[k : k + 2])) for k, chunk in enumerate(rows)]


def positive_cosine(signal_NL: Tensor, positive_NL: Tensor) -> Tensor:
    """Return the cosine similarity of the labels' signals over their positives, rows divided by their sums (IJCAI-26).

    Args:
        signal_NL: M, a signal that is not negative.
        positive_NL: y, boolean. Only cells with a present label count.

    Returns:
        `(L, L)` float64; rows sum to 1, or are 0 for a label with nothing to compare (0/0 is 0).

    >>> positive_cosine(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), torch.tensor([[True, True], [True, False]]))
    tensor([[0.5858, 0.4142],
            [0.4142, 0.5858]], dtype=torch.float64)
    """
    return cosine_of_cells(signal_NL[positive_NL], PositiveCells.of(positive_NL))


def cosine_of_cells(value_P: Tensor, cells: PositiveCells) -> Tensor:
    """Return `positive_cosine` by the signal's values in the positive cells alone; on the CPU.

    Args:
        value_P: M in the positive cells, not negative.
        cells: The positive cells.

    >>> cells = PositiveCells.of(torch.tensor([[True, True], [True, False]]))
    >>> cosine_of_cells(torch.ones(3), cells)  # the cosine of (1, 1) and (1, 0) is 0.7071
    tensor([[0.5858, 0.4142],
            [0.4142, 0.5858]], dtype=torch.float64)
    """
    return cosine_of_gram(gram_of_cells(value_P, cells))


def gram_of_cells(value_P: Tensor, cells: PositiveCells) -> Tensor:
    """Return the inner products of the columns of a signal over the positives, `(L, L)` float64 on the CPU.

    Those of all samples are the sum of those of parts of them.

    >>> cells = PositiveCells.of(torch.tensor([[True, True], [True, False]]))
    >>> gram_of_cells(torch.tensor([1.0, 2.0, 3.0]), cells)
    tensor([[10.,  2.],
            [ 2.,  4.]], dtype=torch.float64)
    """
    return _gram(value_P.cpu(), cells.cell_P.cpu(), cells.num_labels)


def cosine_of_gram(gram_LL: Tensor) -> Tensor:
    """Return `positive_cosine` by the inner products of the columns alone, `(L, L)` float64."""
    norm_L = gram_LL.diagonal().sqrt()
    norms_LL = norm_L[:, None] * norm_L[None, :]
    cosine_LL = (gram_LL / norms_LL).where(norms_LL > 0, 0.0)
    sum_L1 = cosine_LL.sum(1, keepdim=True)
    return (cosine_LL / sum_L1).where(sum_L1 > 0, 0.0)


def _gram(value_P: Tensor, cell_P: Tensor, num_labels: int) -> Tensor:
    """Return the inner products of the columns of a sparse matrix, pairing cells of a row by their distance in it.

    Cell p and cell p + d, where both are of one row, add to the entry of their two labels; d goes from 1 until no row
    is so long.
    """
    gram = torch.zeros(num_labels * num_labels, dtype=torch.float64, device="cpu")
    squares_L = torch.zeros(num_labels, dtype=torch.float64, device="cpu")
    cells: Any = cell_P.numpy()
    values: Any = value_P.numpy()
    for first in range(0, len(cells), _CELLS_AT_ONCE):
        at: Any = np.arange(first, min(first + _CELLS_AT_ONCE, len(cells)))
        value, label = values[at].astype(np.float64), cells[at] % num_labels
        row_start = cells[at] - label
        squares_L.scatter_add_(0, torch.from_numpy(label.astype(np.int64)), torch.from_numpy(value * value))
        for distance in range(1, num_labels):
            other = cells[np.minimum(at + distance, len(cells) - 1)] - row_start
            kept = np.flatnonzero((other < num_labels) & (at + distance < len(cells)))
            if not len(kept):
                break
            at, value, label, row_start, other = (part[kept] for part in (at, value, label, row_start, other))
            entry = torch.from_numpy(label.astype(np.int64) * num_labels + other)
            gram.scatter_add_(0, entry, torch.from_numpy(value * values[at + distance]))
    gram_LL = gram.view(num_labels, num_labels)
    return gram_LL + gram_LL.T + squares_L.diag()


def local_context(positive_NL: Tensor, neighbors_NK: Tensor) -> Tensor:
    """Tell which labels occur among a sample and its neighbours: z (IJCAI-26), boolean `(N, L)`.

    >>> local_context(torch.tensor([[True, False], [False, True], [False, False]]), torch.tensor([[1], [2], [1]]))
    tensor([[ True,  True],
            [False,  True],
            [False,  True]])
    """
    return unpacked(packed_local_context(positive_NL, neighbors_NK), positive_NL.shape[1])


def packed_local_context(positive_NL: Tensor, neighbors_NK: Tensor) -> Tensor:
    """Return `local_context` with eight labels in a byte, `(N, W)` uint8; the first label is the lowest bit.

    >>> packed_local_context(torch.tensor([[True, False], [False, True]]), torch.tensor([[1], [1]]))
    tensor([[3],
            [2]], dtype=torch.uint8)
    """
    width = -(-positive_NL.shape[1] // 8)
    own_NW = torch.empty(len(positive_NL), width, dtype=torch.uint8, device=positive_NL.device)
    for rows in row_chunks(positive_NL.shape, positive_NL.device):
        own_NW[rows] = packed(positive_NL[rows])
    context_NW = own_NW.clone()
    for neighbor_N in neighbors_NK.unbind(1):
        for rows in row_chunks(own_NW.shape, own_NW.device):
            context_NW[rows] |= own_NW.index_select(0, neighbor_N[rows])
    return context_NW


def packed(flags_RL: Tensor) -> Tensor:
    """Pack boolean columns `(R, L)` in bits, eight to a byte; `(R, W)` uint8.

    >>> packed(torch.tensor([[True, False, True, False, False, False, False, False, True]]))
    tensor([[5, 1]], dtype=torch.uint8)
    """
    return torch.from_numpy(np.packbits(flags_RL.cpu().numpy(), axis=1, bitorder="little")).to(flags_RL.device)


def unpacked(bits_RW: Tensor, num_labels: int) -> Tensor:
    """Unpack boolean columns `(R, L)` from bits; what `packed` has packed.

    >>> unpacked(torch.tensor([[5]], dtype=torch.uint8), 3)
    tensor([[ True, False,  True]])
    """
    if bits_RW.device.type == "cpu":
        flags: Any = np.unpackbits(bits_RW.numpy(), axis=1, count=num_labels, bitorder="little")
        return torch.from_numpy(flags).view(torch.bool)
    places_8 = torch.arange(8, dtype=torch.uint8, device=bits_RW.device)
    return (bits_RW[:, :, None] >> places_8).bitwise_and_(1).view(torch.bool).flatten(1)[:, :num_labels]


def correlated_sums(
    weights_P: Sequence[Tensor], cells: PositiveCells, context_NW: Tensor, correlations_LL: Sequence[Tensor]
) -> list[Tensor]:
    """Return `sum_j w_ij S_ij` over the positive labels j, `S_ij = sum_k z_ik C_jk` (IJCAI-26), for some w and C.

    It is computed in the other order: first `q_ik = sum_j w_ij C_jk`, a weighted sum of as many rows of C as the
    sample has positives; then the sum of `q_ik` over the labels k of its context.

    Args:
        weights_P: Some w, in the positive cells.
        cells: The positive cells.
        context_NW: z, packed.
        correlations_LL: A matrix C for each w, in its type.

    Returns:
        `(N,)` for each w, in its type.

    >>> cells, context = PositiveCells.of(torch.tensor([[True, False]])), torch.tensor([[3]], dtype=torch.uint8)
    >>> correlated_sums([torch.tensor([2.0])], cells, context, [torch.tensor([[0.7, 0.1], [0, 1]])])  # 2 (0.7 + 0.1)
    [tensor([1.6000])]
    """
    sums_N = [weight_P.new_empty(len(context_NW)) for weight_P in weights_P]
    for rows, cut in cells.chunks():
        starts_R = cells.start_N[rows.start : rows.stop + 1] - cut.start
        labels = cells.cell_P[cut] % cells.num_labels
        z_RL = unpacked(context_NW[rows], cells.num_labels).to(weights_P[0].dtype)
        for weight_P, C, sum_N in zip(weights_P, correlations_LL, sums_N, strict=True):
            q_RL = torch.embedding_bag(C, labels, starts_R, False, 0, False, weight_P[cut], True)[0]
            torch.sum(q_RL.mul_(z_RL), 1, out=sum_N[rows])
    return sums_N
