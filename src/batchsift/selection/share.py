"""The part of every block that one of several processes trains on.

Shapes: B samples of a block.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Share:
    """The part of every block that one of several processes trains on: a contiguous slice.

    Attributes:
        rank: The rank of the process, from 0.
        world_size: The number of processes, W.

    >>> import torch
    >>> Share(rank=1, world_size=2).cut(torch.tensor([7, 3, 5, 1]))
    tensor([5, 1])
    """

    rank: int = 0
    world_size: int = 1

    def cut(self, block_B: Tensor) -> Tensor:
        """Return this process' slice of a block whose size W divides."""
        size = len(block_B) // self.world_size
        return block_B[self.rank * size : (self.rank + 1) * size]
