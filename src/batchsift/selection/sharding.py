"""Training in several processes: every process keeps the whole selector and trains on its share of every block."""

import os

import torch.distributed as dist

from batchsift.selection.selector import Selector
from batchsift.selection.share import Share


def shard(selector: Selector, rank: int | None = None, world_size: int | None = None) -> Selector:
    """Make a selector yield this process' share of every block.

    Call it in every process, after `torch.distributed.init_process_group`, with selectors that were made alike. Rank r
    gets the r-th slice of each block, `batch_size / world_size` samples: that is the batch size of its `DataLoader`.
    `observe` takes the share; what the processes observed is exchanged once an epoch, so that all hold the same state.

    From then on `end_epoch()`, `state_dict()`, `signals()`, `scores`, `summary()`, `counts` and `suspects()` are
    collective: every process must call them, even if only one uses the result.

    Args:
        selector: A selector with `last_batch="fill"` or `"drop"` (or `num_batches`) and a `batch_size` that the number
            of processes divides.
        rank: The rank of this process; asked of `torch.distributed` by default.
        world_size: The number of processes; asked of `torch.distributed` by default. 1 says that each of several
            processes is to train on whole blocks, which is warned of otherwise.

    Returns:
        The same selector. With one process nothing changes.

    Raises:
        ValueError: Blocks that cannot be shared equally, a selector that is sharded already, or processes that have not
            been joined into a group.

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
        rank, world_size = _rank_and_size()
    if not 0 <= rank < world_size:
        raise ValueError(f"rank must be in [0, {world_size}), got {rank}")
    if world_size > 1 or is_chosen:
        selector.restrict_to(Share(rank, world_size))
    return selector


def _rank_and_size() -> tuple[int, int]:
    """Return rank and number of processes, as the process group says."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched > 1:
        raise ValueError(
            f"this is one of {launched} processes, but they form no group yet: call "
            "torch.distributed.init_process_group() before shard(selector)"
        )
    return 0, 1
