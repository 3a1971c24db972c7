"""Whether a saved plan, and the position in it, are such as this selector could have come to.

Shapes: N samples, M indices of a plan, B samples of a block.
"""

import numpy as np
import torch
from torch import Tensor

from batchsift.functional.sampling import Drawing
from batchsift.saved import check_within
from batchsift.selection.plan import UNDRAWN, Blocks, Plan, checked_probabilities


def check_plan(plan: Plan, probability_N: Tensor, blocks: Blocks, drawing: Drawing, *, by_step: bool) -> None:
    """Check a plan against the blocks of an epoch and the probabilities that it was drawn from.

    Args:
        plan: The plan, of the right types.
        probability_N: `(N,)` float64.
        blocks: How the selector cuts an epoch.
        drawing: How the selector draws.
        by_step: Whether its method renews the probabilities before every block.

    Raises:
        ValueError: They do not fit together; the message names the key.
    """
    checked_probabilities(probability_N, len(probability_N))
    if plan.stepwise and not by_step:
        raise ValueError("plan_stepwise: is True, but the method of this selector draws no block by itself")
    expected = "independent" if by_step else drawing
    if plan.drawing not in (None, expected) or (plan.drawing is None and plan.stepwise):
        raise ValueError(f"plan_drawing: must be {expected!r}, or None for an order of the method's own")
    if plan.drawing is not None and not plan.stepwise and by_step:
        raise ValueError("plan_stepwise: is False, but the method of this selector draws block by block")
    _check_lengths(plan, probability_N, blocks)
    _check_indices(plan, len(probability_N))
    if plan.drawing is not None and not plan.stepwise and not (probability_N[plan.indices] > 0).all():
        raise ValueError("plan: has samples whose probability is 0")


def _check_lengths(plan: Plan, probability_N: Tensor, blocks: Blocks) -> None:
    """Check the size of a block, and of the plan."""
    size, length = plan.block_size, len(plan)
    if plan.drawing is None:
        if size != blocks.size:
            raise ValueError(f"plan_block_size: must be {blocks.size}, got {size}")
        shortest = min(size, len(probability_N))
        if not shortest <= length <= blocks.length or (blocks.last_batch != "short" and length % size):
            raise ValueError(f"plan: must have from {shortest} to {blocks.length} indices, in blocks; it has {length}")
        return
    positive = int((probability_N > 0).sum())
    if size != min(blocks.size, positive) and not (plan.stepwise and 1 <= size <= blocks.size):
        raise ValueError(
            f"plan_block_size: must be {min(blocks.size, positive)} where {positive} samples have a positive "
            f"probability, got {size}"
        )
    expected = (blocks.count - 1) * size + min(size, blocks.length - (blocks.count - 1) * blocks.size)
    if length != expected:
        raise ValueError(f"plan: must have {expected} indices, it has {length}")


def _check_indices(plan: Plan, num_samples: int) -> None:
    """Check that the indices are samples, different ones in each block; blocks not drawn yet are so as a whole."""
    starts = torch.arange(0, len(plan), plan.block_size, device="cpu")
    is_drawn_K = torch.ones(len(starts), dtype=torch.bool, device="cpu")
    if plan.stepwise:
        is_drawn_K = plan.indices[starts] != UNDRAWN
    block_M = torch.arange(len(plan), device="cpu") // plan.block_size
    is_drawn_M = is_drawn_K[block_M]
    if (plan.indices[~is_drawn_M] != UNDRAWN).any():
        raise ValueError("plan: has a block that is drawn in part")
    check_within("plan", plan.indices[is_drawn_M], 0, num_samples - 1)
    # Sorted as (block, sample), a repeat within a block stands beside its first.
    block_and_sample = np.sort((block_M * num_samples + plan.indices)[is_drawn_M].numpy())
    if (block_and_sample[1:] == block_and_sample[:-1]).any():
        raise ValueError(f"plan: repeats a sample within a block of {plan.block_size}")


def check_position(plan: Plan, position: int, *, in_order: bool) -> None:
    """Check a position in a plan.

    Raises:
        ValueError: No block ends there, or what is left of the epoch is not known; the message names the key.
    """
    if not in_order and position < len(plan):
        raise ValueError(
            "in_order: the state is of the middle of an epoch whose blocks were not observed in the plan's order: what "
            "is left of it is not known; save at the end of an epoch, or let the DataLoader keep the order"
        )
    if position > len(plan) or (position < len(plan) and position % plan.block_size):
        raise ValueError(
            f"position: must stand between blocks of {plan.block_size} in a plan of {len(plan)}, got {position}"
        )
    if plan.stepwise and in_order:
        if (plan.indices[:position] == UNDRAWN).any():
            raise ValueError(f"position: is {position}, but the blocks before it are not all drawn")
        if (plan.indices[position + plan.block_size :] != UNDRAWN).any():
            raise ValueError(f"position: is {position}, but later blocks than the next are drawn")
