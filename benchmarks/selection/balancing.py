"""Dealing a pass into balanced blocks: time, memory, and how much less label counts differ than in a shuffled pass.

Shapes: N samples, L labels, B samples in a block, K blocks.
"""

import statistics
from dataclasses import dataclass

import torch

from batchsift.functional.balancing import balanced_blocks
from benchmarks.selection import memory
from benchmarks.selection.clock import Clock
from benchmarks.selection.sizes import Size, labels_of

ROUNDS = 3
BALANCED_SIZE = 128  # samples in a block


@dataclass(frozen=True)
class Balancing:
    """What it takes to plan an epoch.

    Attributes:
        seconds: Median over rounds.
        memory: The most memory the call takes, over that of its plan (int64) and the labels (uint8).
        variance: Of the number of positives between full blocks, summed over labels, over that of a shuffled pass.
    """

    seconds: float
    memory: float
    variance: float


def balancing(size: Size) -> Balancing:
    """In this process, which should be a fresh one."""
    labels_NL, once_N = labels_of(size), torch.ones(size.samples, dtype=torch.int64)
    generator, clock = torch.Generator().manual_seed(0), Clock()

    def deal() -> torch.Tensor:
        return balanced_blocks(once_N, labels_NL.view(torch.bool), BALANCED_SIZE, generator)

    balanced_blocks(once_N[:1000], labels_NL[:1000].view(torch.bool), BALANCED_SIZE, generator)  # loads libraries
    before = memory.resident("cpu")
    plan = deal()
    taken = memory.peak("cpu") - before
    seconds = statistics.median(clock.seconds(deal) for _ in range(ROUNDS))
    shuffled = torch.randperm(size.samples, generator=generator)
    return Balancing(
        seconds=seconds,
        memory=taken / (plan.nbytes + labels_NL.nbytes),
        variance=_variance(labels_NL, plan) / _variance(labels_NL, shuffled),
    )


def _variance(labels_NL: torch.Tensor, plan: torch.Tensor) -> float:
    full = plan.split(BALANCED_SIZE)[: len(plan) // BALANCED_SIZE]
    sums_KL = torch.stack([labels_NL[block].sum(0) for block in full]).double()
    return float(sums_KL.var(0, unbiased=False).sum())
