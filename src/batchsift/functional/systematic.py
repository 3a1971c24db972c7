"""Systematic drawing: every sample gets the floor or the ceiling of its expected number of copies in an epoch.

Drawn block by block afresh, an epoch reaches about 63 % of the samples even where all are equally likely. Drawn
systematically it reaches all of them then: uniform probabilities give a plain shuffled pass.

Systematic sampling: Madow, On the Theory of Systematic Sampling II, Annals of Mathematical Statistics 20, 1949. The
random order of the samples and the dealing into blocks are ours.

Shapes: N samples, B samples in a block, K blocks, M copies in an epoch, R samples that some copies are of.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_FRACTION_BITS = 44  # of expected copies in fixed point: sums are exact, and what is whole in floating point stays so


def expected_copies(probability_N: Tensor, block_size: int, num_blocks: int, length: int) -> Tensor:
    """Return how many copies of each sample an epoch has on average, `(N,)` float64, summing to `length`.

    `m_i = M P_i`, but no more than the blocks can hold without a repeat: K, or K - 1 where the last block is short.
    What this cuts off is spread over the others in proportion to P.

    Args:
        probability_N: P, float64 on the CPU, not negative; at least B of them positive.
        block_size: B.
        num_blocks: K.
        length: M, from (K - 1) B + 1 to K B.

    >>> expected_copies(torch.tensor([0.7, 0.1, 0.1, 0.1], dtype=torch.float64), block_size=2, num_blocks=2, length=4)
    tensor([2.0000, 0.6667, 0.6667, 0.6667], dtype=torch.float64)
    """
    most = num_blocks if length == num_blocks * block_size else max(1, num_blocks - 1)
    # With hardly more samples than a block holds, each is in nearly every block.
    cap = max(most, length / int((probability_N > 0).sum()))
    expected_N = probability_N * (length / float(probability_N.sum()))
    if float(expected_N.max()) <= cap:
        return expected_N
    largest_first_N = probability_N.sort(descending=True).values
    left_N = largest_first_N.flip(0).cumsum(0).flip(0)  # P of a sample and of all that are less likely
    copies_N = length - cap * torch.arange(len(probability_N), dtype=torch.float64, device="cpu")  # left for those
    within_N = (largest_first_N / left_N * copies_N <= cap) & (left_N > 0)
    if not within_N.any():
        return cap * (probability_N > 0).double()
    first = int(within_N.nonzero()[0])
    return (probability_N / left_N[first] * copies_N[first]).clamp(max=cap)


def systematic_counts(
    probability_N: Tensor, block_size: int, num_blocks: int, length: int, generator: torch.Generator
) -> Tensor:
    """Draw how many copies of each sample an epoch has.

    Args:
        probability_N: P, float64 on the CPU, not negative; at least B of them positive.
        block_size: B.
        num_blocks: K.
        length: M, from (K - 1) B + 1 to K B.
        generator: The only source of randomness.

    Returns:
        `(N,)` int64: the floor or the ceiling of `expected_copies`, which is their mean; they sum to M.

    >>> P = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    >>> systematic_counts(P, block_size=2, num_blocks=2, length=4, generator=torch.Generator())
    tensor([2, 1, 1])
    """
    expected_N = expected_copies(probability_N, block_size, num_blocks, length)
    order_N = torch.randperm(len(expected_N), device="cpu", generator=generator)
    count_N = torch.empty_like(order_N)
    count_N[order_N] = torch.from_numpy(_rounded(expected_N[order_N].numpy(), length, generator))
    return count_N


def draw_systematically(
    probability_N: Tensor, block_size: int, num_blocks: int, length: int, generator: torch.Generator
) -> Tensor:
    """Draw the plan of an epoch: copies by systematic sampling, those of a sample dealt to different blocks.

    Args:
        probability_N: P, float64 on the CPU, not negative; at least B of them positive.
        block_size: B.
        num_blocks: K.
        length: M, from (K - 1) B + 1 to K B.
        generator: The only source of randomness.

    Returns:
        `(M,)` int64 in blocks of B, the last of which may be shorter; no block has a repeat.

    Raises:
        ValueError: There are fewer positive probabilities than a block needs.

    >>> quarter = torch.full((4,), 0.25, dtype=torch.float64)
    >>> draw_systematically(quarter, 2, num_blocks=2, length=4, generator=torch.Generator()).sort().values
    tensor([0, 1, 2, 3])
    """
    available = int((probability_N > 0).sum())
    if available < block_size:
        raise ValueError(f"a block of {block_size} needs as many positive probabilities, there are {available}")
    expected_N = expected_copies(probability_N, block_size, num_blocks, length)
    order_N = torch.randperm(len(expected_N), device="cpu", generator=generator)
    count_N = _rounded(expected_N[order_N].numpy(), length, generator)
    drawn_R = np.flatnonzero(count_N)
    order_R, count_R = order_N.numpy()[drawn_R], count_N[drawn_R]
    if count_R.max() == num_blocks:  # in every block: dealt while the last, shorter one still has room
        first_R = np.argsort(count_R < num_blocks, kind="stable")
        order_R, count_R = order_R[first_R], count_R[first_R]
    blocks_KB = _dealt(np.repeat(order_R, count_R), block_size, num_blocks)
    num_full = length // block_size
    shuffled = torch.randperm(num_full, device="cpu", generator=generator).numpy()
    blocks_KB[:num_full] = blocks_KB[shuffled]  # copies of a sample were in neighbouring blocks
    return torch.from_numpy(blocks_KB.reshape(-1)[:length])


def _rounded(expected_N: NDArray[np.float64], length: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Round expected numbers up or down at random so that they sum to `length`: systematic sampling in their order.

    `c_k = floor(S_k + u) - floor(S_(k-1) + u)`, S the cumulative sums and u one number in [0, 1), in fixed point.
    """
    bits = min(_FRACTION_BITS, 62 - length.bit_length())
    fixed_N = np.rint(np.ldexp(expected_N, bits)).astype(np.int64)
    # What rounding has made too much or too little goes to those that are no whole numbers, a few units each.
    fractional = np.flatnonzero(fixed_N & ((1 << bits) - 1))
    if missing := (length << bits) - int(fixed_N.sum()):
        each, more = divmod(missing, len(fractional))
        fixed_N[fractional] += each
        fixed_N[fractional[:more]] += 1
    offset = int(torch.randint(1 << bits, (), dtype=torch.int64, device="cpu", generator=generator))
    reached_N = (fixed_N.cumsum() + offset) >> bits
    counts: NDArray[np.int64] = np.diff(reached_N, prepend=0)
    return counts


def _dealt(copies_M: NDArray[np.int64], block_size: int, num_blocks: int) -> NDArray[np.int64]:
    """Deal copies, one by one, to the blocks in turn, while the last one has room for a share of them.

    Returns:
        `(K, B)`; the last block has its copies in front, and what follows them means nothing.
    """
    last_size = len(copies_M) - (num_blocks - 1) * block_size
    blocks_KB = np.zeros((num_blocks, block_size), dtype=np.int64)
    everyone = last_size * num_blocks
    blocks_KB[:, :last_size] = copies_M[:everyone].reshape(last_size, num_blocks).T
    if everyone < len(copies_M):
        blocks_KB[:-1, last_size:] = copies_M[everyone:].reshape(-1, num_blocks - 1).T
    return blocks_KB
