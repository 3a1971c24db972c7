"""The sizes that are measured, and random data of a size.

Shapes: N samples, L labels, B rows of a block, K neighbours.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

BATCH_SIZE = 256
NUM_NEIGHBORS = 6
ROWS_AT_ONCE = 4096  # of random numbers: the data is made without a peak of memory
POOL_CELLS = 2**21  # of logits kept at hand: 8 MiB


@dataclass(frozen=True)
class Size:
    """N samples, L labels, of which each sample has so many."""

    samples: int
    labels: int
    positives: int = 3

    def __str__(self) -> str:
        dense = "" if self.positives == 3 else f" ({self.positives} positives)"
        return f"{self.samples:,} x {self.labels:,}{dense}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `82000x80`, or `20000x174x26` with 26 positives a sample."""
        return cls(*map(int, text.split("x")))

    @property
    def text(self) -> str:
        """What `of` reads."""
        return f"{self.samples}x{self.labels}x{self.positives}"

    @property
    def cells(self) -> int:
        """N x L."""
        return self.samples * self.labels

    @property
    def batches(self) -> int:
        """Blocks of an epoch."""
        return math.ceil(self.samples / BATCH_SIZE)


MAIN = Size(82_000, 80)
LARGE = Size(1_000_000, 80)
SIZES = (Size(5_000, 374), Size(20_000, 174, 26), Size(44_000, 101), MAIN, LARGE, Size(200_000, 1_000))
QUICK = (Size(5_000, 374), MAIN)


def labels_of(size: Size) -> Tensor:
    """`(N, L)` uint8: as many different labels for each sample, the first ones far more often than the last."""
    generator = torch.Generator().manual_seed(0)
    log_frequency_L = -torch.arange(10, 10 + size.labels).log()
    labels_NL = torch.zeros(size.samples, size.labels, dtype=torch.uint8)
    for rows in labels_NL.split(ROWS_AT_ONCE):
        gumbel = -torch.empty(rows.shape).exponential_(generator=generator).log()
        rows.scatter_(1, (gumbel + log_frequency_L).topk(size.positives).indices, 1)
    return labels_NL


def neighbors_of(size: Size) -> Tensor:
    """`(N, K)` int32, random: they share fewer labels, and lie further apart in memory, than true neighbours."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(size.samples, (size.samples, NUM_NEIGHBORS), generator=generator, dtype=torch.int32)


def logits_pool(size: Size, device: str) -> list[Tensor]:
    """Some blocks of logits `(B, L)`, for a pretended model to predict in turns."""
    generator = torch.Generator().manual_seed(2)
    blocks = min(size.batches, max(5, POOL_CELLS // (BATCH_SIZE * size.labels)))
    return [(2 * torch.randn(BATCH_SIZE, size.labels, generator=generator) - 2).to(device) for _ in range(blocks)]
