"""BalancedPass: nearly a pass over the data, with more of what is rare at first, in balanced batches. Ours.

For short trainings (fine-tuning, a few epochs). Nothing is observed. In epoch t of T:

    w_i = sum_j y_ij n_j ** -power      n_j the number of samples with label j; samples without a label get the smallest
                                        positive w; scaled to sum to 1, and uniform without a single label
    a_t = share (1 - t / T)             without `anneal`: a_t = share
    P_i = a_t w_i + (1 - a_t) / N

Every sample gets the floor or the ceiling of its expected number of copies (`functional/systematic.py`), and the copies
are dealt into batches by vector balancing (`functional/balancing.py`). With a = 0 that is Stratified. Unlabelled cells
count as absent. There is no warm-up.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchsift.entries import part
from batchsift.functional.balancing import balanced_blocks
from batchsift.functional.imbalance import rarity_weights
from batchsift.functional.sampling import uniform
from batchsift.functional.systematic import expected_copies, systematic_counts
from batchsift.methods.base import BaseMethod
from batchsift.methods.options import in_unit_interval
from batchsift.methods.registry import register
from batchsift.saved import check_near


@register
@dataclass(kw_only=True, eq=False)
class BalancedPass(BaseMethod):
    """Every epoch is nearly a pass in stratified batches; samples with rare labels come more often, at first.

    Attributes:
        share: a_0, the share of the first epoch that is drawn by rarity, in [0, 1].
        power: How much rare labels gain: 0 (every positive counts alike) to 1 (every label counts alike), or more.
        anneal: Let the share fall to 0 over the epochs; if not, it stays.
    """

    name: ClassVar[str] = "balanced_pass"
    paper: ClassVar[str] = "ours"
    in_parts: ClassVar[bool] = True
    remembers: ClassVar[bool] = False
    share: float = 0.5
    power: float = 0.5
    anneal: bool = True
    _rarity_N: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        in_unit_interval(share=self.share)
        if not 0 <= self.power < math.inf:
            raise ValueError(f"power={self.power} must be a finite number of at least 0")

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Count the labels; see `Method.setup`.

        Raises:
            ValueError: The instance serves a selector already, or the share is to fall over an unknown length.
        """
        if self.anneal and epochs is None:
            raise ValueError(
                "BalancedPass lets its share fall over the training: pass epochs=, the number of epochs, to the "
                "selector, or BalancedPass(anneal=False), whose share stays"
            )
        super().setup(labels, epochs, features)
        self._rarity_N = rarity_weights(self.labels.positive_NL, self.power, floor=True)

    def check_state(self, state: Any) -> None:
        """See `BaseMethod.check_state`; what follows from the labels is what it was."""
        super().check_state(state)
        with part("tensors"):
            check_near("_rarity_N", state["tensors"]["_rarity_N"], self._rarity_N)

    def probabilities(self, epoch: int) -> Tensor:
        """Return `(N,)` float64, positive; uniform after the last epoch, if the share falls."""
        share = self.share
        if self.anneal and self.epochs is not None:
            share *= max(0.0, 1 - epoch / self.epochs)
        equal_N = uniform(self.labels.num_samples)
        return share * self._rarity_N + (1 - share) * equal_N if share else equal_N

    def plan(
        self,
        epoch: int,
        batch_size: int,
        num_batches: int,
        generator: torch.Generator,
        *,
        probabilities: Tensor | None = None,
        length: int | None = None,
    ) -> Tensor:
        """Return an epoch of balanced batches; see `Method.plan`.

        Without `length` it has as many samples as there are, if they make `num_batches`; else these are all full.
        """
        if probabilities is None:
            probabilities = self.probabilities(epoch)
        if length is None:
            num_samples = self.labels.num_samples
            is_pass = math.ceil(num_samples / batch_size) == num_batches
            length = num_samples if is_pass else num_batches * batch_size
        count_N = systematic_counts(probabilities, batch_size, num_batches, length, generator)
        return balanced_blocks(count_N, self.labels.positive_NL, batch_size, generator)

    def importance_weights(self, probabilities: Tensor, batch_size: int, num_batches: int, length: int) -> Tensor:
        """Return `1 / (N P_i)`, `(N,)` float64; what a sample lacks that has a copy in every batch is made up for."""
        expected_N = expected_copies(probabilities, batch_size, num_batches, length)
        return length / (self.labels.num_samples * expected_N)
