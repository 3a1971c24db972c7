"""Where in its plan an epoch stands.

Shapes: N samples, B rows of a block.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from batchsift.planning import Plan


@dataclass(eq=False)
class Position:
    """How far an epoch has come.

    Attributes:
        plan: The epoch's plan.
        start: Where iteration begins: 0, or the position after a resume.
        observed: Rows observed in plan, by all processes together.
        absorbed: Those of them that the method knows.
        in_order: Whether the rows came in the plan's order.
    """

    plan: Plan
    start: int = 0
    observed: int = 0
    absorbed: int = 0
    in_order: bool = True

    def is_next(self, indices_B: Tensor) -> bool:
        """Whether these are the very rows that the plan has next for the method."""
        return torch.equal(indices_B, self.next_rows(len(indices_B)))

    def next_rows(self, count: int) -> Tensor:
        """The rows that the plan has next for the method."""
        return self.plan.indices[self.absorbed : self.absorbed + count]

    def absorb(self, count: int, *, as_planned: bool) -> None:
        """Note that the method knows some rows more."""
        self.in_order &= as_planned
        self.absorbed += count

    def advance(self, indices_B: Tensor, epoch: int, world_size: int) -> None:
        """Move on by a block, or this process' share of one.

        Raises:
            ValueError: The epoch is over, or the rows are not a whole block.
        """
        rows, left = len(indices_B), len(self.plan) - self.observed
        size = self.plan.block_size // world_size
        if left == 0:
            raise ValueError(
                f"the {len(self.plan)} samples of epoch {epoch} have all been observed: call end_epoch() after "
                "every epoch, or pass in_plan=False for predictions beside the plan"
            )
        if rows != min(size, left) and not self._is_early_last_block(indices_B, left):
            raise ValueError(
                f"observed {rows} rows where the plan has a block of {min(size, left)}: the DataLoader's batch size "
                f"must be {size}; observe micro-batches of one block together, or pass in_plan=False for predictions "
                "beside the plan"
            )
        self.observed += rows * world_size

    def _is_early_last_block(self, indices_B: Tensor, left: int) -> bool:
        """Whether this is the shorter last block of the plan, come early (once) from a loader that keeps no order."""
        last_B = self.plan.indices[-self.plan.last_size :]
        still_to_come = left % self.plan.block_size == len(last_B) == len(indices_B)
        return still_to_come and torch.equal(indices_B.cpu().sort().values, last_B.sort().values)
