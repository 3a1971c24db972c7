"""Rows in chunks: a pass over the whole state touches each cell while it is in the cache, and needs little memory.

Shapes: N samples, L labels.
"""

from collections.abc import Iterator

import torch

# On a CPU PyTorch spreads an operation on more than 32,768 elements over threads. Below that it stays on one: slower
# than two idle cores, but no operation ever waits for a thread that another program has put off.
_CELLS_ON_CPU = 32_000
_CELLS_ELSEWHERE = 2**22


def row_chunks(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Iterator[slice]:
    """Consecutive slices of the rows of a matrix, always the same ones for the same shape and kind of device.

    They are fixed because vectorised functions differ in the last bit between the body and the tail of an array: what
    is computed for a cell must not depend on when it is computed. All but the last have a multiple of eight rows.

    >>> list(row_chunks((1000, 80)))
    [slice(0, 400, None), slice(400, 800, None), slice(800, 1000, None)]
    """
    num_rows, num_columns = shape
    cells = _CELLS_ON_CPU if torch.device(device).type == "cpu" else _CELLS_ELSEWHERE
    rows = max(8, cells // max(1, num_columns) // 8 * 8)
    for start in range(0, num_rows, rows):
        yield slice(start, min(start + rows, num_rows))
