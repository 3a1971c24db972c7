"""Stratified ("Balance" in the papers): every batch mirrors the label frequencies of the whole set.

A pass over the data is dealt into batches by vector balancing (`functional/balancing.py`): each sample goes where the
labels it has are missing. The papers cut theirs by iterative stratification (Sechidis, Tsoumakas, Vlahavas: On the
Stratification of Multi-Label Data, ECML PKDD 2011), which takes time in proportion to the number of samples times the
number of batches. Unlabelled cells count as absent.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from batchsift.functional.balancing import balanced_blocks
from batchsift.functional.sampling import topped_up
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register


@register
@dataclass(kw_only=True, eq=False)
class Stratified(BaseMethod):
    """Every epoch is a new pass over the data in stratified batches."""

    name: ClassVar[str] = "stratified"
    paper: ClassVar[str] = "Sechidis et al., ECML PKDD 2011"
    in_parts: ClassVar[bool] = True
    remembers: ClassVar[bool] = False

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
        """Return stratified passes, enough for the epoch; all but a last one are filled up to whole batches."""
        num_samples = self.labels.num_samples
        batches = math.ceil(num_samples / batch_size)
        once_N = torch.ones(num_samples, dtype=torch.int64, device="cpu")
        passes = [
            balanced_blocks(once_N, self.labels.positive_NL, batch_size, generator)
            for _ in range(math.ceil(num_batches / batches))
        ]
        whole = batches * batch_size
        filled = [topped_up(flat, whole, batch_size, num_samples, generator) for flat in passes[:-1]]
        return torch.cat([*filled, passes[-1]])
