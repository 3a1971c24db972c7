"""InfoBatch: leave out part of what is learned already. Qin et al., ICLR 2024, arXiv 2303.04947.

After a first full epoch every sample whose latest loss is below the mean of all is left out of the next epoch with
probability r; those of them that stay count 1 / (1 - r) times, so that the gradient is that of all samples on average.
Towards the end of the training epochs are full again.

    P_i proportional to 1 - r where the loss is below the mean, else to 1
    weight of i: max P / P_i, through `Selector.importance_weights`: multiply it into the loss of each sample

Epochs are shorter than the data: the saving is the number of steps. The weights are left to the training loop, as all
importance weights are; without them the frequent repetition of hard samples changes what is learned.

Deviations: the loss of a sample is the mean of the cross-entropy over its labelled cells; below the mean means by more
than rounding; a sample that was never observed is not left out; at least one block of samples always stays.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchsift.functional.sampling import uniform
from batchsift.functional.schedule import resolve
from batchsift.functional.signals import binary_cross_entropy_of_logits
from batchsift.methods.base import BaseMethod
from batchsift.methods.registry import register
from batchsift.trackers import LatestValue, distinct_rows

ROUNDING = 1e-6  # share of the mean by which a loss is below it
_LARGEST = torch.finfo(torch.float32).max  # of logits, and so of losses, in double precision: sums of them are finite


@register
@dataclass(kw_only=True, eq=False)
class InfoBatch(BaseMethod):
    """Train on a random part of the samples with a small loss, and weigh them up.

    Attributes:
        prune_ratio: r, the chance to be left out of an epoch, in [0, 1).
        full_from: delta, the epoch from which on epochs are full again: an int, or a float share of the epochs.
    """

    name: ClassVar[str] = "info_batch"
    paper: ClassVar[str] = "Qin et al., ICLR 2024, arXiv 2303.04947"
    in_parts: ClassVar[bool] = True
    flags: ClassVar[tuple[str, ...]] = ("observed",)
    prune_ratio: float = 0.5
    full_from: float = 0.875
    losses: LatestValue = field(init=False, repr=False)
    observed: bool = field(init=False, repr=False, default=False)
    full_from_epoch: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        if not 0 <= self.prune_ratio < 1:
            raise ValueError(f"prune_ratio={self.prune_ratio} must be in [0, 1)")
        resolve(self.full_from, 1, "full_from")

    @property
    def awaits_observations(self) -> bool:
        """Whether nothing was observed yet."""
        return not self.observed

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Start with no loss known; see `Method.setup`.

        Raises:
            ValueError: The instance serves a selector already, or `epochs` is None and `full_from` a share of them.
        """
        full_from_epoch = resolve(self.full_from, epochs, "full_from")
        super().setup(labels, epochs, features)
        self.full_from_epoch = full_from_epoch
        self.losses = LatestValue(self.labels.positive_NL[:, :1], torch.nan, torch.float64, bounds=(0, _LARGEST))

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Remember the loss of every sample; of one that occurs twice, the later."""
        for rows in distinct_rows(indices_B):
            self.observe_distinct(indices_B.index_select(0, rows), logits_BL.index_select(0, rows))

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Remember the loss of every sample; see `CompleteMethod.observe_distinct`."""
        y, known_NL = self.labels.positive_NL, self.labels.known_NL
        logits_BL = logits_BL.to(y.device, torch.float64).clamp(-_LARGEST, _LARGEST)
        cell_BL = binary_cross_entropy_of_logits(logits_BL, y.index_select(0, indices_B))
        if known_NL is None:
            loss_B = cell_BL.mean(1)
        else:
            known_BL = known_NL.index_select(0, indices_B)
            loss_B = cell_BL.where(known_BL, 0.0).sum(1) / known_BL.sum(1).clamp(min=1)
        self.losses.update(indices_B, loss_B[:, None], valid_B)
        self.observed = True

    def probabilities(self, epoch: int) -> Tensor:
        """Return `(N,)` float64: less, by 1 - r, where the loss is below the mean; equal in full epochs."""
        if not 0 < epoch < self.full_from_epoch or not self.observed:
            return uniform(self.part.num_samples)
        loss_N = self._latest_losses()
        small_N = loss_N < loss_N.nanmean() * (1 - ROUNDING)
        weight_N = 1 - self.prune_ratio * small_N.double()
        return weight_N / weight_N.sum()

    def plan(
        self,
        epoch: int,
        batch_size: int,
        num_batches: int,
        generator: torch.Generator,
        *,
        probabilities: Tensor | None = None,
    ) -> Tensor:
        """Return the samples that stay, shuffled; see `Method.plan`."""
        if probabilities is None:
            probabilities = self.probabilities(epoch)
        order_N = torch.randperm(len(probabilities), device="cpu", generator=generator)
        chance_N = torch.rand(len(probabilities), dtype=torch.float64, device="cpu", generator=generator)
        stays_N = chance_N < (probabilities / probabilities.max())[order_N]
        missing = min(batch_size, len(order_N)) - int(stays_N.sum())
        if missing > 0:
            stays_N[(~stays_N).nonzero().flatten()[:missing]] = True
        return order_N[stays_N]

    def importance_weights(self, probabilities: Tensor, batch_size: int, num_batches: int, length: int) -> Tensor:
        """Return 1 / (1 - r) where a sample could be left out, else 1: `(N,)` float64."""
        return probabilities.max() / probabilities

    def scores(self) -> dict[str, Tensor]:
        """Return `loss`, the latest of each sample in nats, `(N,)` float64; ln 2 where never observed."""
        return {"loss": self._latest_losses().nan_to_num(nan=math.log(2))}

    def _latest_losses(self) -> Tensor:
        """Return the latest loss of every sample, `(N,)` float64 on the CPU; NaN where never observed."""
        return self.part.joined(self.losses.value_NL[:, 0].cpu())
