"""Training in several processes: each trains on its share of every block, and remembers all samples or its part."""

import operator
import os

import torch.distributed as dist

from batchsift.selection.joining import Terms
from batchsift.selection.selector import Selector
from batchsift.selection.share import Share


def shard(
    selector: Selector,
    rank: int | None = None,
    world_size: int | None = None,
    *,
    sharded: bool = False,
    exchange_every: int | None = None,
    group: dist.ProcessGroup | None = None,
) -> Selector:
    """Make a selector yield this process' share of every block.

    Call it in every process, after `torch.distributed.init_process_group`, with selectors that were made alike; where
    they were not, it says so in all of them. Rank r gets the r-th slice of each block, `batch_size / world_size`
    samples: that is the batch size of its `DataLoader`. `observe` takes the share. What the processes observed is
    exchanged every few blocks, behind the model's work, and at the end of the epoch, so that all plan the same.

    From then on `end_epoch()`, `state_dict()`, `signals()`, `scores`, `summary()`, `counts` and `suspects()` are
    collective: every process must call them, even if only one uses the result. `end_epoch` compares probabilities and
    plan of the next epoch among the processes.

    An error that says that the processes do not agree is raised in all of them, and leaves them as they are: whoever
    has observed too few blocks may observe the rest, and all repeat the call.

    Args:
        selector: A selector with `last_batch="fill"` or `"drop"` (or `num_batches`) and a `batch_size` that the number
            of processes divides.
        rank: The rank of this process; asked of `torch.distributed` by default.
        world_size: The number of processes; asked of `torch.distributed` by default. 1 says that each of several
            processes is to train on whole blocks, which is warned of otherwise.
        sharded: Let each process remember only the samples it owns: memory falls as 1 / `world_size`, and
            probabilities are those of one process (`docs/scaling.md` says where the last bit may differ). Shard before
            anything is observed or loaded. If not, every process keeps all.
        exchange_every: After how many blocks the processes exchange what they observed, the same in all; by default as
            many as fill 8 MiB.
        group: The processes among which blocks are shared, if not all: those that train on different samples.

    Returns:
        The same selector. With one process nothing changes.

    Raises:
        ValueError: Blocks that cannot be shared equally, a selector that is sharded already, processes that have not
            been joined into a group or do not agree, or `sharded=True` with a method that cannot be kept in parts.
        RuntimeError: A process does not answer.

    >>> import torch
    >>> labels = torch.ones(8, 1)
    >>> whole = Selector(labels, method="random", batch_size=4, last_batch="fill")
    >>> parts = [Selector(labels, method="random", batch_size=4, last_batch="fill") for _ in range(2)]
    >>> left, right = (shard(part, rank, 2) for rank, part in enumerate(parts))
    >>> [l + r for l, r in zip(*(map(torch.Tensor.tolist, s.batches()) for s in (left, right)))] == [
    ...     block.tolist() for block in whole.batches()
    ... ]
    True
    """
    is_chosen = rank is not None and world_size is not None
    if rank is None or world_size is None:
        rank, world_size = _rank_and_size(group)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank must be in [0, {world_size}), got {rank}")
    if world_size > 1 or is_chosen:
        every = None if exchange_every is None else operator.index(exchange_every)
        selector.restrict_to(Share(rank, world_size), Terms(sharded, every, group))
    return selector


def _rank_and_size(group: dist.ProcessGroup | None) -> tuple[int, int]:
    """Return rank and number of processes, as the process group says."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(group), dist.get_world_size(group)
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched > 1:
        raise ValueError(
            f"this is one of {launched} processes, but they form no group yet: call "
            "torch.distributed.init_process_group() before shard(selector)"
        )
    return 0, 1
