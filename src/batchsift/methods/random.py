"""Random: a shuffled pass, the baseline of every comparison."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from batchsift.functional.sampling import shuffled_passes
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register


@register
@dataclass(kw_only=True, eq=False)
class Random(BaseMethod):
    """Every epoch is a new shuffled pass over the data."""

    name: ClassVar[str] = "random"
    paper: ClassVar[str] = "the baseline"
    in_parts: ClassVar[bool] = True
    remembers: ClassVar[bool] = False

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
        """Return shuffled passes, enough for the epoch."""
        return shuffled_passes(self.labels.num_samples, batch_size, num_batches, generator)
