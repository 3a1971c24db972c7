"""How the processes of a training share the blocks of a plan, and tell each other what they observed.

Shapes: B samples of a block, b = B / W of them for each of W processes, R rows, L labels.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """The part of every block that one of several processes trains on: a contiguous slice.

    Attributes:
        rank: Which process, from 0.
        world_size: How many there are, W.

    >>> Share(rank=1, world_size=2).of(torch.tensor([7, 3, 5, 1]))
    tensor([5, 1])
    """

    rank: int = 0
    world_size: int = 1

    def of(self, block_B: Tensor) -> Tensor:
        """This process' slice of a block whose size W divides."""
        size = len(block_B) // self.world_size
        return block_B[self.rank * size : (self.rank + 1) * size]


@dataclass(frozen=True, eq=False)
class Observation:
    """One call of `observe`: `(R,)` int64 indices on the CPU, `(R, L)` logits, and whether it was in plan."""

    indices: Tensor
    logits: Tensor
    in_plan: bool


def gathered(mine: list[Observation]) -> list[Observation]:
    """What all processes observed since the last time, the same list in each: a collective call.

    The k-th calls in plan are put together in the order of the ranks, which is the k-th block; what was observed
    beside the plan follows, rank by rank.

    Raises:
        ValueError: The processes observed different numbers of blocks.
    """
    calls = [(len(one.indices), one.in_plan) for one in mine]
    wide = any(one.logits.dtype == torch.float64 for one in mine)
    outlines: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(outlines, (calls, wide, mine[0].logits.shape[1] if mine else 0))
    blocks = [sum(in_plan for _, in_plan in calls) for calls, _, _ in outlines]
    if len(set(blocks)) > 1:
        raise ValueError(
            f"the processes observed different numbers of blocks since the last exchange, by rank: {blocks}. Every "
            "process must observe its share of every block, and all must call end_epoch(), state_dict(), signals(), "
            "scores, counts and summary() together"
        )
    num_labels = max(width for _, _, width in outlines)
    if num_labels == 0:
        return []
    dtype = torch.float64 if any(wide for _, wide, _ in outlines) else torch.float32
    rows = [sum(size for size, _ in calls) for calls, _, _ in outlines]
    indices = _all_rows([one.indices for one in mine], rows, (), torch.int64)
    logits = _all_rows([one.logits for one in mine], rows, (num_labels,), dtype)
    by_rank = [
        [
            Observation(i, z, in_plan)
            for i, z, (_, in_plan) in zip(_cut(indices[rank], calls), _cut(logits[rank], calls), calls, strict=True)
        ]
        for rank, (calls, _, _) in enumerate(outlines)
    ]
    in_plan = [[one for one in calls if one.in_plan] for calls in by_rank]
    together = [
        Observation(torch.cat([one.indices for one in parts]), torch.cat([one.logits for one in parts]), in_plan=True)
        for parts in zip(*in_plan, strict=True)
    ]
    return together + [one for calls in by_rank for one in calls if not one.in_plan]


def _all_rows(mine: list[Tensor], rows: list[int], width: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    """The concatenated rows of every process, on the CPU; they travel padded to the longest."""
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    padded = torch.zeros((max(rows), *width), dtype=dtype, device=device)
    if mine:
        filled = torch.cat(mine)
        padded[: len(filled)] = filled.to(device, dtype)
    received = [torch.empty_like(padded) for _ in rows]
    dist.all_gather(received, padded)
    return [part[:count].cpu() for part, count in zip(received, rows, strict=True)]


def _cut(rows: Tensor, calls: list[tuple[int, bool]]) -> list[Tensor]:
    return list(torch.split(rows, [size for size, _ in calls])) if calls else []
