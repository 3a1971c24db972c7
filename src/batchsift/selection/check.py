"""Noticing, while an epoch is observed, that a training does not follow the plan.

A block that is the next of the plan costs nothing here. One that is not may still be the plan's: loaders that keep no
order yield the same blocks, sooner or later. What is no block of the plan, or one that was seen already, was chosen
by something else than the selector.

Shapes: N samples, B rows of a block (or of this process' share of it).
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from batchsift.messages import warn
from batchsift.selection.plan import Position
from batchsift.selection.share import Share

_MEANT = "Observations that are not meant to follow the plan: observe(..., in_plan=False)"


@dataclass(eq=False)
class PlanCheck:
    """Warns, once, of a training that does not follow the plan.

    Attributes:
        share: The part of every block that this process trains on.
        is_share_chosen: Whether the caller said how processes share the blocks, be it that they do not.
    """

    share: Share = field(default_factory=Share)
    is_share_chosen: bool = False
    _position: Position = field(init=False)
    _is_plan_taken: bool = field(init=False, default=False)
    _still_to_come: Counter[bytes] | None = field(init=False, default=None)  # None as long as the order is the plan's
    _has_warned: bool = field(init=False, default=False)

    def start(self, position: Position) -> None:
        """Begin at a position of an epoch."""
        self._position, self._still_to_come, self._is_plan_taken = position, None, False

    def take_plan(self) -> None:
        """Note that the plan of the epoch is asked for."""
        self._is_plan_taken = True
        self.warn_unless_shared()

    def look(self, rows_B: Tensor, start: int, *, as_planned: bool) -> None:
        """Look at a block, or this process' share of one, that was observed in plan.

        Args:
            rows_B: int64 on the CPU.
            start: Where in the plan its block begins, if the order is kept.
            as_planned: Whether it is the very block that the plan has there.
        """
        if (as_planned and self._still_to_come is None) or self._has_warned:
            return
        plan = self._position.plan
        if self._still_to_come is None or plan.stepwise:  # whose later blocks were not drawn before
            self._still_to_come = Counter(self._keys(plan.indices[start:]))
        key = _key(rows_B)
        if self._still_to_come[key]:
            self._still_to_come[key] -= 1
        elif not self.warn_unless_shared():
            self._warn_of_block(rows_B, start)

    def look_back(self) -> None:
        """Look back at an epoch that ends: are its blocks shared, and were some skipped after a resume?"""
        position = self._position
        if not self.warn_unless_shared() and 0 < position.start < len(position.plan) and self._is_resumed_too_late():
            self._warn(
                f"epoch {position.epoch} ended, but its blocks from sample {position.start} of the plan on were "
                "skipped: after load_state_dict() the selector itself goes on after the last observed block, so skip "
                "nothing (in Accelerate leave out skip_first_batches())"
            )

    def _is_resumed_too_late(self) -> bool:
        """Return whether the first block after a resume never came, although the last one did, or none was left."""
        position, plan = self._position, self._position.plan
        if position.observed == position.start:
            return self._is_plan_taken
        if self._still_to_come is None:
            return False
        first_B, last_B = plan.indices[position.start :][: plan.block_size], plan.indices[-plan.last_size :]
        first, last = (self._still_to_come[_key(self.share.cut(block_B))] for block_B in (first_B, last_B))
        return first > 0 == last

    def warn_unless_shared(self) -> bool:
        """Warn if several processes train on whole blocks each; return whether they do."""
        if self.is_share_chosen or not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return False
        self._warn(
            f"{dist.get_world_size()} processes train, but the blocks of the plan are not shared among them: call "
            "batchsift.shard(selector) after init_process_group() and leave out DistributedSampler; with Accelerate "
            "use prepare_loader(accelerator, loader) instead of accelerator.prepare(loader). If every process is to "
            "train on whole blocks: batchsift.shard(selector, rank=0, world_size=1)"
        )
        return True

    def _warn_of_block(self, rows_B: Tensor, start: int) -> None:
        plan, size = self._position.plan, self._position.plan.block_size
        key = _key(rows_B)
        seen = "which was observed already" if key in self._keys(plan.indices) else "which is no block of the plan"
        self._warn(
            f"the training does not follow the plan of epoch {self._position.epoch}: block {start // size + 1} of "
            f"{-(-len(plan) // size)} was to be of the samples {_few(self.share.cut(plan.indices[start:][:size]))}, "
            f"observed was one of {_few(rows_B)}, {seen}. Iterate DataLoader(dataset, batch_size="
            f"{size // self.share.world_size}, sampler=selector), without shuffle=True, DistributedSampler or another "
            f"sampler, anew after every end_epoch() and only then. {_MEANT}"
        )

    def _warn(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(message)

    def _keys(self, indices: Tensor) -> list[bytes]:
        """Return what tells blocks apart, for this process' share of each block of some rows of the plan."""
        return [_key(self.share.cut(block_B)) for block_B in torch.split(indices, self._position.plan.block_size)]


def _key(rows_B: Tensor) -> bytes:
    """Return the same bytes for the same samples, in whatever order a collate function put them."""
    return np.sort(rows_B.numpy()).tobytes()


def _few(rows_B: Tensor) -> str:
    return f"[{', '.join(map(str, rows_B[:4].tolist()))}{', ...' if len(rows_B) > 4 else ''}]"
