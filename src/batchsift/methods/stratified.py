"""Stratified ("Balance" in the papers): every batch mirrors the label frequencies of the whole set.

A shuffled pass is cut into batches by iterative stratification (Sechidis, Tsoumakas, Vlahavas: On the Stratification
of Multi-Label Data, ECML PKDD 2011; the package `iterative-stratification`), the batches being the folds; batches that
come out too large hand random samples to those that come out too small. Unlabelled cells count as absent.

A pass costs time proportional to the number of samples times the number of batches: this is the one slow method.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.functional.sampling import topped_up
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register


@register
@dataclass(kw_only=True, eq=False)
class Stratified(BaseMethod):
    """Every epoch is a new pass over the data in stratified batches."""

    name: ClassVar[str] = "stratified"
    remembers: ClassVar[bool] = False

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
        """Return stratified passes, enough for the epoch; all but a last one are filled up to whole batches."""
        num_samples = self.labels.num_samples
        batches = math.ceil(num_samples / batch_size)
        passes = [self.one_pass(batch_size, generator) for _ in range(math.ceil(num_batches / batches))]
        whole = batches * batch_size
        filled = [topped_up(flat, whole, batch_size, num_samples, generator) for flat in passes[:-1]]
        return torch.cat([*filled, passes[-1]])

    def one_pass(self, batch_size: int, generator: torch.Generator) -> Tensor:
        """Return all samples once, `(N,)`, in stratified batches of `batch_size`, the last with the remainder."""
        order = torch.randperm(self.labels.num_samples, device="cpu", generator=generator)
        if len(order) <= batch_size:
            return order
        sizes = np.array([len(batch) for batch in torch.split(order, batch_size)])
        seed = int(torch.randint(2**31, (), dtype=torch.int64, device="cpu", generator=generator))
        batch_of = stratify(self.labels.positive_NL.cpu().numpy()[order.numpy()], sizes, seed)
        return order[torch.from_numpy(np.argsort(batch_of, kind="stable"))]


def stratify(positive_NL: NDArray[np.bool_], sizes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the stratified batch of every row, `(N,)`, batch b with exactly `sizes[b]` of them."""
    from iterstrat.ml_stratifiers import IterativeStratification  # noqa: PLC0415 -- imports scikit-learn

    random_state = np.random.RandomState(seed)
    batch_of: NDArray[np.int64] = IterativeStratification(positive_NL, sizes / sizes.sum(), random_state)
    surplus = np.bincount(batch_of, minlength=len(sizes)) - sizes
    leaving = [
        random_state.permutation(np.flatnonzero(batch_of == b))[: surplus[b]] for b in np.flatnonzero(surplus > 0)
    ]
    if leaving:
        batch_of[np.concatenate(leaving)] = np.repeat(np.arange(len(sizes)), np.maximum(-surplus, 0))
    return batch_of
