"""What cannot be avoided: the bytes that must be moved, and the elementary operations.

Shapes: N samples, L labels, B rows of a block.
"""

import statistics
from collections.abc import Callable

import torch

from benchmarks.selection.clock import Clock
from benchmarks.selection.sizes import BATCH_SIZE, Size

ROUNDS = 5
COPIED_BYTES = 2**28  # far more than any cache holds
CHUNK_CELLS = 2**16  # 256 KiB of float32: in the cache

# Arrays of (N, L) in the storage type that `observe` reads or writes row by row, and that the end of an epoch reads
# whole. A window has T = 5 of them.
OBSERVE_ARRAYS = {"hard": 1, "hard_imbalanced": 1, "active_bias": 4, "recency_bias": 1, "uncertainty": 1, "d2ace": 4}
END_ARRAYS = {"hard": 1, "hard_imbalanced": 1, "active_bias": 1, "recency_bias": 5, "uncertainty": 5, "d2ace": 6}


def copy_bandwidth(device: str) -> float:
    """Bytes read and written each second by a plain copy; the median of five."""
    source = torch.ones(COPIED_BYTES // 4, device=device)  # written, hence truly in memory
    target = torch.ones_like(source)
    clock = Clock(device)
    target.copy_(source)
    return 2 * COPIED_BYTES / statistics.median(clock.seconds(lambda: target.copy_(source)) for _ in range(ROUNDS))


def bytes_moved(method: str, size: Size, itemsize: int) -> tuple[int, int]:
    """The bytes of an epoch's observations (float32 logits and state) and of its end (state and labels)."""
    if method not in OBSERVE_ARRAYS:
        return 0, 0
    return size.cells * (4 + OBSERVE_ARRAYS[method] * itemsize), size.cells * (END_ARRAYS[method] * itemsize + 1)


def elementary_operations(size: Size, pool: list[torch.Tensor], device: str) -> Callable[[], None]:
    """D2ACE's over one epoch: a sigmoid of each block, the two gathers of its rows, and two logarithms of each cell.

    Nothing is allocated, nothing is written back, and what is worked on fits the cache.
    """
    latest_NL, flips_NL = (torch.rand(size.samples, size.labels, device=device) for _ in range(2))
    blocks = torch.randperm(size.samples).to(device).split(BATCH_SIZE)
    block_BL = torch.empty(BATCH_SIZE, size.labels, device=device)
    rows = size.samples if device.startswith("cuda") else max(1, CHUNK_CELLS // size.labels)
    chunk_CL = torch.empty(rows, size.labels, device=device)

    def run() -> None:
        for number, indices in enumerate(blocks):
            out = block_BL[: len(indices)]
            torch.sigmoid(pool[number % len(pool)][: len(indices)], out=out)
            torch.index_select(latest_NL, 0, indices, out=out)
            torch.index_select(flips_NL, 0, indices, out=out)
        for values_NL in (latest_NL, flips_NL):
            for chunk in values_NL.split(rows):
                torch.log(chunk, out=chunk_CL[: len(chunk)])

    return run
