"""Joining a selector to those of the other processes: who remembers what, and what all must have in common."""

from dataclasses import dataclass

import torch.distributed as dist

from batchsift.methods import BaseMethod, Method
from batchsift.selection.exchange import ReplicatedObserver, SharedObserver
from batchsift.selection.group import Group, digest
from batchsift.selection.observer import Call, Progress
from batchsift.selection.owners import OwnedPart, bounds_of_owners
from batchsift.selection.owning import OwnerObserver
from batchsift.selection.planner import Planner
from batchsift.selection.share import Share
from batchsift.selection.state import SelectorSettings

_PENDING_BYTES = 8 * 2**20  # of logits that wait for an exchange, in each process


@dataclass(frozen=True)
class Terms:
    """On what terms processes share the blocks.

    Attributes:
        sharded: Whether each remembers only the samples it owns.
        exchange_every: After how many blocks they exchange what they observed; None for as many as fill 8 MiB.
        group: The group of `torch.distributed`; None for the default one.
    """

    sharded: bool = False
    exchange_every: int | None = None
    group: dist.ProcessGroup | None = None

    def interval(self, block_size: int, share: Share, num_labels: int) -> int:
        """Return the number of blocks between exchanges.

        Raises:
            ValueError: It is not positive.
        """
        if self.exchange_every is None:
            return max(1, _PENDING_BYTES // (block_size // share.world_size * num_labels * 4))
        if self.exchange_every < 1:
            raise ValueError(f"exchange_every={self.exchange_every} must be at least 1 block, or None")
        return self.exchange_every


def joined(
    progress: Progress, planner: Planner, settings: SelectorSettings, share: Share, terms: Terms
) -> SharedObserver:
    """Return an observer that exchanges with other processes; on the terms, part with the samples that others own.

    Raises:
        ValueError: Blocks that cannot be shared equally, a method that cannot be kept in parts, or a group of another
            number of processes.
    """
    planner.blocks.check_shareable(share.world_size)
    is_group = dist.is_available() and dist.is_initialized()
    if is_group and dist.get_world_size(terms.group) != share.world_size:
        raise ValueError(
            f"the group has {dist.get_world_size(terms.group)} processes, world_size={share.world_size}: pass the "
            "group of those that share the blocks, group=..."
        )
    group = Group(share, terms.group)
    labels, method = progress.labels, progress.method
    every = terms.interval(planner.blocks.size, share, labels.num_labels)
    facts = {
        "label matrix": digest(settings.labels),
        "method (or options of it)": digest(settings.method, repr(method) if isinstance(method, BaseMethod) else ""),
        "batch size or number of batches": digest(planner.blocks),
        "number of epochs": digest(settings.epochs),
        "drawing": digest(settings.drawing),
        "way of sharing": digest(terms.sharded, every, progress.course is None),
    }
    if not terms.sharded:
        return _agreed(ReplicatedObserver(progress, planner, group, facts, every), is_group=is_group)
    if not is_group:
        raise ValueError("sharded=True needs a process group: call torch.distributed.init_process_group() before it")
    parted = refuse_unless_in_parts(method)
    observer = _agreed(OwnerObserver(progress, planner, group, facts, every), is_group=True)
    device = progress.count_N.device
    progress.part = OwnedPart(bounds_of_owners(tuple(labels.positive_NL.shape), device, share.world_size), group)
    rows = progress.part.rows
    parted.keep(progress.part)
    progress.count_N = progress.count_N[rows].clone()
    if progress.course is not None:
        progress.course.keep(rows)
    return observer


def _agreed(observer: SharedObserver, *, is_group: bool) -> SharedObserver:
    """Return an observer that begins where the selector is, having checked that all processes are alike."""
    observer.start(observer.progress.position)
    if is_group:
        observer.agree(Call.SHARD)
    return observer


def refuse_unless_in_parts(method: Method) -> BaseMethod:
    """Return a method that can be kept in parts.

    Raises:
        ValueError: It does not say of itself that it can.
    """
    if isinstance(method, BaseMethod) and vars(type(method)).get("in_parts") is True:
        return method
    raise ValueError(
        f"sharded=True: the method {method.name!r} does not say that each process may remember a part of its samples "
        "(in_parts = True in a class derived from BaseMethod, see docs/scaling.md): leave out sharded=True, every "
        "process then keeps all"
    )
