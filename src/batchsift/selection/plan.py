"""The plan of an epoch, which samples in which order and blocks, and the position a training has reached in it.

A plan is a pure function of the seed, the epoch and the method's probabilities (or the method's own order).
Shapes: N samples, B rows of a block.
"""

import hashlib
import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from batchsift.functional.sampling import Drawing, LastBatch, draw_blocks, topped_up
from batchsift.functional.systematic import draw_systematically
from batchsift.messages import count_nouns
from batchsift.methods import CompleteMethod
from batchsift.methods.adapter import ask_plan
from batchsift.selection.inputs import as_tensor


def generator_for(*numbers: int) -> torch.Generator:
    """Return a fresh generator whose stream depends on the numbers (seed, epoch, ...) alone."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little") >> 1)


@dataclass(frozen=True)
class Blocks:
    """How an epoch is cut: blocks of one size, the last of which may be shorter.

    Attributes:
        size: Samples in a block.
        count: Blocks in an epoch.
        length: Samples in an epoch.
        last_batch: What becomes of the remainder of an order that is shorter; "short" only where blocks may be.
    """

    size: int
    count: int
    length: int
    last_batch: LastBatch

    @classmethod
    def of(cls, num_samples: int, batch_size: int, num_batches: int | None, last_batch: LastBatch) -> Self:
        """Return the blocks of an epoch over `num_samples`.

        Raises:
            ValueError: No block at all, or blocks that must be full but are larger than the data.
            TypeError: Sizes that are not integers.
        """
        batch_size = operator.index(batch_size)  # plain ints, so that a state holds nothing of NumPy's
        num_batches = None if num_batches is None else operator.index(num_batches)
        if batch_size < 1 or (num_batches is not None and num_batches < 1):
            raise ValueError(f"batch_size={batch_size} and num_batches={num_batches} must be at least 1")
        if last_batch not in ("short", "drop", "fill"):
            raise ValueError(f'last_batch={last_batch!r} must be "short", "drop" or "fill"')
        if batch_size > num_samples and (num_batches is not None or last_batch != "short"):
            raise ValueError(
                f"batch_size={batch_size} is larger than the data ({num_samples} samples) and every block must be full"
                ': lower it, or use last_batch="short" without num_batches'
            )
        if num_batches is not None:
            remainder: LastBatch = "drop" if last_batch == "drop" else "fill"
            return cls(batch_size, num_batches, num_batches * batch_size, remainder)
        if last_batch == "drop":
            return cls(batch_size, num_samples // batch_size, num_samples // batch_size * batch_size, last_batch)
        count = math.ceil(num_samples / batch_size)
        length = num_samples if last_batch == "short" else count * batch_size
        return cls(batch_size, count, length, last_batch)

    def check_shareable(self, processes: int) -> None:
        """Check that some processes can each have the same share of every block.

        Raises:
            ValueError: They cannot.
        """
        if self.length % self.size:
            raise ValueError(
                f'{processes} processes cannot share a short last block: use last_batch="fill" or last_batch="drop"'
            )
        if self.size % processes:
            raise ValueError(
                f"batch_size={self.size} (the samples of a block over all processes together) must be "
                f"divisible by the {processes} processes"
            )


UNDRAWN = -1


@dataclass(frozen=True, eq=False)
class Plan:
    """The samples of an epoch, flat.

    Attributes:
        indices: The samples, int64 on the CPU, in blocks of `block_size`, the last of which may be shorter.
        block_size: The size of a block; less than was asked for where too few samples can be drawn.
        drawing: How it was drawn from the probabilities; None for an order of the method's own.
        stepwise: Whether each block is drawn only when the one before was observed; until then it is `UNDRAWN`.
    """

    indices: Tensor
    block_size: int
    drawing: Drawing | None
    stepwise: bool = False

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def last_size(self) -> int:
        """The size of the last block."""
        return (len(self) - 1) % self.block_size + 1


class PlanIterator(Iterator[int]):
    """The indices of a plan, one by one.

    torchdata's `StatefulDataLoader` saves a sampler and its iterator as they stood when a batch was asked for, which is
    ahead of what was trained on. Having a state of its own lets the iterator say so, before the selector's is lost.
    """

    def __init__(self, blocks: Iterable[Tensor]) -> None:
        self._indices: Iterator[int] = itertools.chain.from_iterable(block.tolist() for block in blocks)

    def __next__(self) -> int:
        return next(self._indices)

    def state_dict(self) -> dict[str, int]:
        """Return nothing: the selector keeps the position."""
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Refuse: the loader has just put an older state into the selector.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "the loader restores a position of its own, which is not that of the training: do not load the state of a "
            "StatefulDataLoader, load that of the selector; it then goes on after the last observed batch"
        )


def make_plan(
    method: CompleteMethod, epoch: int, probability_N: Tensor, blocks: Blocks, *, seed: int, drawing: Drawing
) -> Plan:
    """Plan an epoch.

    Args:
        method: The method, which is asked for an order of its own first.
        epoch: The epoch, counted from 0.
        probability_N: `(N,)` float64, drawn from if the method has no order.
        blocks: How the epoch is cut.
        seed: The seed of the drawing, together with the epoch.
        drawing: How it is drawn; block by block, as each is asked for, it is always independent.

    Raises:
        ValueError: The method's own order does not fit the epoch.
    """
    generator = generator_for(seed, epoch)
    own = ask_plan(
        method, epoch, blocks.size, blocks.count, generator, length=blocks.length, probability_N=probability_N
    )
    if own is not None:
        return Plan(_fitted(own, blocks, len(probability_N), generator), blocks.size, drawing=None)
    size = min(blocks.size, int((probability_N > 0).sum()))
    length = (blocks.count - 1) * size + min(size, blocks.length - (blocks.count - 1) * blocks.size)
    if method.refresh == "step":
        undrawn = torch.full((length,), UNDRAWN, dtype=torch.int64, device="cpu")
        return Plan(undrawn, size, "independent", stepwise=True)
    if drawing == "systematic":
        return Plan(draw_systematically(probability_N, size, blocks.count, length, generator), size, drawing)
    return Plan(draw_blocks(probability_N, size, blocks.count, generator).flatten()[:length], size, drawing)


def _fitted(own: Tensor, blocks: Blocks, num_samples: int, generator: torch.Generator) -> Tensor:
    """Return a method's order, checked and brought to the epoch's length."""
    flat = as_tensor(own, "a method's plan").detach().cpu()
    if (
        flat.ndim != 1
        or flat.is_floating_point()
        or (len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < num_samples)
    ):
        raise ValueError(
            f"a plan must be a flat tensor of indices in [0, {num_samples}), got {tuple(flat.shape)} of {flat.dtype}"
        )
    one_block = min(blocks.size, num_samples)
    if len(flat) < one_block:
        raise ValueError(f"a plan must have at least a block of {one_block} indices, got {len(flat)}")
    length = blocks.length
    if len(flat) < min(num_samples, length):  # meant to be shorter than the others
        whole_blocks, rest = divmod(len(flat), blocks.size)
        length = {
            "short": len(flat),
            "drop": whole_blocks * blocks.size,
            "fill": (whole_blocks + (rest > 0)) * blocks.size,
        }[blocks.last_batch]
    flat = topped_up(flat.long(), length, blocks.size, num_samples, generator)
    # Sorted as (block, sample), a repeat within a block stands beside its first.
    block_and_sample = np.sort((torch.arange(len(flat), device="cpu") // blocks.size * num_samples + flat).numpy())
    if (block_and_sample[1:] == block_and_sample[:-1]).any():
        raise ValueError(f"a plan must not repeat a sample within a block of {blocks.size}")
    return flat


def checked_probabilities(probability_N: Tensor, num_samples: int) -> Tensor:
    """Return a method's probabilities, checked, as float64 on the CPU.

    Raises:
        ValueError: Not `(N,)`, not finite, negative, or not summing to 1.
    """
    probability_N = probability_N.detach().to("cpu", torch.float64)
    if probability_N.shape != (num_samples,):
        raise ValueError(f"probabilities must have shape ({num_samples},), got {tuple(probability_N.shape)}")
    total = float(probability_N.sum())
    if not (probability_N >= 0).all() or not math.isclose(total, 1.0, abs_tol=1e-6):
        raise ValueError(f"probabilities must be finite, not negative and sum to 1, got a sum of {total}")
    return probability_N


@dataclass(eq=False)
class Position:
    """How far an epoch has come.

    Attributes:
        plan: The epoch's plan.
        epoch: The epoch, counted from 0.
        start: Where iteration begins: 0, or the position after a resume.
        in_order: Whether the rows came in the plan's order.
        observed: Rows observed in plan, by all processes together.
        recorded: Those of them that are counted and known to the method.
    """

    plan: Plan
    epoch: int
    start: int = 0
    in_order: bool = True
    observed: int = field(init=False)
    recorded: int = field(init=False)

    def __post_init__(self) -> None:
        self.observed = self.recorded = self.start

    def is_next(self, indices_B: Tensor) -> bool:
        """Return whether these are the very rows that the plan has next to be recorded: a block not drawn has none."""
        planned_B = self.next_rows(len(indices_B))
        return torch.equal(indices_B, planned_B) and not (self.plan.stepwise and (planned_B == UNDRAWN).any())

    def next_rows(self, count: int) -> Tensor:
        """Return the rows that the plan has next to be recorded."""
        return self.plan.indices[self.recorded : self.recorded + count]

    def record(self, count: int, *, as_planned: bool) -> None:
        """Note that some rows more are recorded."""
        self.in_order &= as_planned
        self.recorded += count

    def advance(self, indices_B: Tensor, world_size: int = 1) -> None:
        """Move on by a block, or by this process' share of one.

        Raises:
            ValueError: The epoch is over, or the rows are not a whole block.
        """
        rows, left = len(indices_B), len(self.plan) - self.observed
        size = self.plan.block_size // world_size
        if left == 0:
            raise ValueError(
                f"the {len(self.plan)} samples of epoch {self.epoch} have all been observed: call end_epoch() after "
                "every epoch, or pass in_plan=False for predictions beside the plan"
            )
        if rows != min(size, left) and not self._is_early_last_block(indices_B, left):
            if rows and torch.isin(indices_B.cpu(), self.plan.indices[self.start : self.observed]).all():
                raise ValueError(
                    f"these {count_nouns(rows, 'row')} were observed already in epoch {self.epoch}, of which "
                    f"{self.observed} of {len(self.plan)} rows are: was the plan begun again, after a DataLoader died? "
                    "Go on from a saved state (load_state_dict), or call end_epoch() before the plan is begun again"
                )
            raise ValueError(
                f"observed {count_nouns(rows, 'row')} where the plan has a block of "
                f"{min(size, left)}: the DataLoader's batch size "
                f"must be {size}; observe micro-batches of one block together, or pass in_plan=False for predictions "
                "beside the plan"
            )
        self.observed += rows * world_size

    def _is_early_last_block(self, indices_B: Tensor, left: int) -> bool:
        """Return whether this is the short last block, come early (once) from a loader that keeps no order."""
        last_B = self.plan.indices[-self.plan.last_size :]
        still_to_come = left % self.plan.block_size == len(last_B) == len(indices_B)
        return still_to_come and torch.equal(indices_B.cpu().sort().values, last_B.sort().values)
