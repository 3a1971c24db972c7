"""Dealing the samples of an epoch into blocks whose label frequencies are all those of the whole epoch.

The law is vector balancing. A sample is the vector `z_i = y_ij / sqrt(n_j)`, n_j the number of samples with label j,
less the mean over the copies to be dealt. A block b is the sum S_b of its vectors; the smaller `|S_b|^2`, summed over
the blocks, the more alike they are. The plain greedy way takes copies by falling `|z_i| exp(0.1 eps)`, eps standard
normal, and puts each where `<S_b, z_i>` is smallest, at a cost of copies x blocks x labels.

Here the same order is dealt in rounds, in each of which every block gets one copy (a short last block takes part in
some, evenly spread). Blocks and copies of a round fall into random groups, and within a group copies go to blocks so
that the sum of `<S_b, z_i>` is as small as it can be, a linear assignment. The cost is copies x size of a group x
labels, and blocks come out more alike than the greedy way leaves them, which decides for one copy after the other.

Weights are rounded to a grid on which all sums are exact in double precision, so that a plan depends on neither the
processor nor the number of threads.

Shapes: N samples, L labels, K blocks, B copies in a block, M copies in all, R copies that are worked on at once, G
copies (and blocks) of a group.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.functional.chunks import on_one_thread, row_chunks

_GROUP = 48
_CELLS = 2**16  # worked on at once: they fit the cache
_EXACT_BITS = 53  # of a float64
_ASSIGNMENT_BITS = 8  # an assignment adds up two costs a copy of its group


@on_one_thread
def balanced_blocks(count_N: Tensor, positive_NL: Tensor, block_size: int, generator: torch.Generator) -> Tensor:
    """Deal copies of samples into blocks of about equal label frequencies, no block with the same sample twice.

    Args:
        count_N: How many copies of each sample, int64; together they are M, hence `ceil(M / block_size)` blocks.
        positive_NL: The labels, boolean, on any device.
        block_size: B, the size of all blocks but the last, which has the rest.
        generator: The only source of randomness.

    Returns:
        `(M,)` int64 on the CPU: the blocks one after the other. Full blocks, and copies in a block, in random order.

    Raises:
        ValueError: There are no copies, or a sample has so many that a block would have it twice.

    >>> labels = torch.tensor([[True], [True], [False], [False]])
    >>> plan = balanced_blocks(torch.ones(4, dtype=torch.int64), labels, 2, torch.Generator().manual_seed(0))
    >>> labels[plan].squeeze(1).reshape(2, 2).sum(1)
    tensor([1, 1])
    """
    count_N = count_N.cpu()
    num_copies = int(count_N.sum())
    num_blocks = math.ceil(num_copies / block_size)
    last_size = num_copies - (num_blocks - 1) * block_size
    everywhere = _in_every_block(count_N, num_blocks, last_size)
    random = np.random.default_rng(int(torch.randint(2**62, (), dtype=torch.int64, device="cpu", generator=generator)))
    plan_M = np.empty(num_copies, dtype=np.int64)
    slot_K = np.arange(num_blocks) * block_size
    plan_M[slot_K[:, None] + np.arange(len(everywhere))] = everywhere  # they tell no block from another
    slot_K += len(everywhere)
    rounds, last_rounds = block_size - len(everywhere), last_size - len(everywhere)
    if len(everywhere) * num_blocks < num_copies:
        count_N = count_N.where(count_N < num_blocks, 0)
        weights = _Weights.of(count_N, positive_NL, rounds)
        dealing = _Dealing(positive_NL, weights, plan_M, slot_K, rounds, random)
        copies_M = _in_order(count_N.numpy(), weights.norm_N, random)
        for number in range(rounds):
            last_takes_part = (number + 1) * last_rounds // rounds > number * last_rounds // rounds
            blocks = random.permutation(num_blocks if last_takes_part else num_blocks - 1)
            dealing.deal(copies_M[: len(blocks)], blocks)
            copies_M = copies_M[len(blocks) :]
    full_KB = plan_M[: num_copies // block_size * block_size].reshape(-1, block_size)
    random.permuted(full_KB, axis=1, out=full_KB)
    random.shuffle(plan_M[full_KB.size :])
    return torch.from_numpy(plan_M)


def _in_every_block(count_N: Tensor, num_blocks: int, last_size: int) -> NDArray[np.int64]:
    """Return the samples with a copy for every block, and check that all copies can be dealt.

    They can if and only if no sample has more copies than there are blocks, and the last block has room for the samples
    that are in every one (the condition of Gale and Ryser, for blocks of these sizes).
    """
    least, most = int(count_N.min()), int(count_N.max())
    if least < 0 or most == 0:
        raise ValueError(f"counts must not be negative, and not all 0: the least is {least}, the largest {most}")
    if most > num_blocks:
        raise ValueError(f"a sample has {most} copies for {num_blocks} blocks: a block would have it twice")
    everywhere: NDArray[np.int64] = (count_N == num_blocks).nonzero().squeeze(1).numpy()
    if len(everywhere) > last_size:
        raise ValueError(
            f"{len(everywhere)} samples have {num_blocks} copies, one for each block, but the last block has room for "
            f"{last_size}: lower their counts"
        )
    return everywhere


@dataclass(frozen=True, eq=False)
class _Weights:
    """What is needed of the vectors z.

    Attributes:
        label_L: `1 / n_j`, on the grid; 0 for a label nobody has.
        mean_L: The same times the share of copies with the label, on the grid.
        norm_N: `|z_i|`.
    """

    label_L: Tensor
    mean_L: Tensor
    norm_N: NDArray[np.float64]

    @classmethod
    def of(cls, count_N: Tensor, positive_NL: Tensor, most: int) -> Self:
        """Compute them for blocks of at most so many copies."""
        chunks = list(row_chunks(positive_NL.shape))
        samples_L, copies_L = (torch.zeros(positive_NL.shape[1], dtype=torch.float64, device="cpu") for _ in range(2))
        for rows in chunks:
            positive_RL = positive_NL[rows].cpu().double()
            samples_L += positive_RL.sum(0)
            copies_L += count_N[rows].double() @ positive_RL
        label_L = (1 / samples_L).where(samples_L > 0, 0.0)
        share_L = copies_L / count_N.sum()
        own_N = torch.empty(len(positive_NL), dtype=torch.float64, device="cpu")
        squared_N = torch.empty_like(own_N)
        for rows in chunks:
            positive_RL = positive_NL[rows].cpu().double()
            own_N[rows] = positive_RL @ label_L
            squared_N[rows] = positive_RL @ (label_L * (1 - 2 * share_L)) + label_L @ share_L**2
        # With y_i / n below 2^e, a cost is below B 2^e.
        bits = _EXACT_BITS - _ASSIGNMENT_BITS - most.bit_length()
        grid = 2.0 ** (math.frexp(float(own_N.max()))[1] - bits)
        label_L, mean_L = ((each / grid).round() * grid for each in (label_L, label_L * share_L))
        return cls(label_L, mean_L, squared_N.clamp(min=0).sqrt().numpy())


def _in_order(
    count_N: NDArray[np.int64], norm_N: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return all copies by falling `|z_i| exp(0.1 eps)`; those of a sample stand next to each other."""
    key_N = random.standard_normal(len(norm_N))
    key_N *= -0.1
    np.exp(key_N, out=key_N)
    key_N *= -norm_N
    order_N = np.argsort(key_N, kind="stable")
    return np.repeat(order_N, count_N[order_N])


@dataclass(eq=False)
class _Dealing:
    """Blocks that are being filled.

    Attributes:
        positive_NL: The labels, boolean, on any device.
        weights: Of the labels.
        plan_M: Where the copies are written to.
        slot_K: The place in it where each block's next copy goes.
        rounds: The most copies a block gets.
        random: The source of randomness.
    """

    positive_NL: Tensor
    weights: _Weights
    plan_M: NDArray[np.int64]
    slot_K: NDArray[np.int64]
    rounds: int
    random: np.random.Generator

    def __post_init__(self) -> None:
        num_blocks, num_labels = len(self.slot_K), self.positive_NL.shape[1]
        self._latest_K = np.full(num_blocks, -1)
        self._size_K = torch.zeros(num_blocks, dtype=torch.float64, device="cpu")
        # With small blocks, the counts of their labels are as many as the labels.
        count_type = torch.uint8 if self.rounds < 2**8 else torch.int32
        self._labels_KL = torch.zeros(num_blocks, num_labels, dtype=count_type, device="cpu")

    def deal(self, copies: NDArray[np.int64], blocks: NDArray[np.int64]) -> None:
        """Give each of some blocks, in random order, one copy: a round. The copies go on where those of the last ended.

        A sample has fewer copies than there are blocks, so that they lie in two rounds at most. Those left from the
        last round come first in this one, and go to blocks that have none. There are enough of these: a round has at
        least as many blocks as a sample has copies.
        """
        has_first = self._latest_K[blocks] == copies[0]
        if has_first.any():
            left = int((copies == copies[0]).sum())
            free = blocks[~has_first]
            self._put(copies[:left], free[:left], self._positive(copies[:left]))
            copies = copies[left:]
            blocks = self.random.permutation(np.concatenate([free[left:], blocks[has_first]]))
        copies = self.random.permutation(copies)
        pieces = math.ceil(len(copies) / max(_GROUP, _CELLS // self.positive_NL.shape[1]))
        for piece in zip(np.array_split(copies, pieces), np.array_split(blocks, pieces), strict=True):
            self._assign(*piece)

    def _assign(self, copies: NDArray[np.int64], blocks: NDArray[np.int64]) -> None:
        """Give each block one of as many copies so that the sum of `<S_b, z_i>` in a group is as small as it can be."""
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 -- slow to import

        positive_RL, at = self._positive(copies), torch.from_numpy(blocks)
        y_RL, sums_RL = positive_RL.double(), self._labels_KL[at] * self.weights.label_L
        own_R, size_R = y_RL @ self.weights.mean_L, self._size_K[at]
        for group in np.array_split(np.arange(len(copies)), math.ceil(len(copies) / _GROUP)):
            these = slice(group[0], group[-1] + 1)
            # What is the same for all copies of a group, or for all its blocks, moves no assignment, and is left out.
            cost_GG = torch.addmm(torch.outer(own_R[these], -size_R[these]), y_RL[these], sums_RL[these].T)
            _, chosen = linear_sum_assignment(cost_GG.numpy())
            blocks[these] = blocks[these][chosen]
        self._put(copies, blocks, positive_RL)

    def _put(self, copies: NDArray[np.int64], blocks: NDArray[np.int64], positive_RL: Tensor) -> None:
        """Put copies into blocks that are all different."""
        at = torch.from_numpy(blocks)
        self.plan_M[self.slot_K[blocks]] = copies
        self.slot_K[blocks] += 1
        self._latest_K[blocks] = copies
        self._size_K[at] += 1
        self._labels_KL[at] += positive_RL

    def _positive(self, copies: NDArray[np.int64]) -> Tensor:
        """Return the labels of copies, `(R, L)` boolean on the CPU."""
        return self.positive_NL[torch.from_numpy(copies).to(self.positive_NL.device)].cpu()
