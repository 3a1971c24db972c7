"""Rows in chunks: a pass over the whole state touches each cell while it is in the cache, and needs little memory.

Shapes: N samples, L labels.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

_CELLS_ON_CPU = 2**16
_CELLS_ELSEWHERE = 2**22
_CELLS_OF_ONE_THREAD = 2**15  # PyTorch spreads an operation on more of them over its threads

_P = ParamSpec("_P")
_T = TypeVar("_T")


def on_one_thread(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a function run its operations on the CPU on one thread of PyTorch.

    For what is done once an epoch: it changes the number of threads of the whole process for a while. They are many and
    short. Spread over threads each would wait for the slowest one, and where another program keeps a
    core busy that is a thread which has been put off: the whole takes tens of times longer. On one thread it does not,
    and the result does not depend on the number of threads.
    """

    @functools.wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        before = torch.get_num_threads()
        if before == 1:
            return function(*args, **kwargs)
        torch.set_num_threads(1)
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_num_threads(before)

    return wrapped


def row_chunks(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Iterator[slice]:
    """Yield consecutive slices of the rows of a matrix, always the same for the same shape and kind of device.

    They are fixed because vectorised functions differ in the last bit between the body and the tail of an array: what
    is computed for a cell must not depend on when it is computed. All but the last have a multiple of eight rows.

    >>> list(row_chunks((1000, 80)))
    [slice(0, 816, None), slice(816, 1000, None)]
    """
    num_rows, num_columns = shape
    cells = _CELLS_ON_CPU if torch.device(device).type == "cpu" else _CELLS_ELSEWHERE
    rows = max(8, cells // max(1, num_columns) // 8 * 8)
    for start in range(0, num_rows, rows):
        yield slice(start, min(start + rows, num_rows))


def one_thread_pieces(matrix_RL: Tensor, *others: Tensor) -> Sequence[tuple[Tensor, ...]]:
    """Cut a matrix and what belongs to its rows into pieces so short that PyTorch does each in the thread that asks.

    For what is done after every block: it leaves the number of threads of the process alone, and yet never waits for a
    thread that another program has put off. Where 32 rows fit into a piece, its ends are no ends of vectors, so that
    the cutting changes no bit. There is one piece if the matrix is small, on another device than the CPU, or if PyTorch
    has one thread.
    """
    together = (matrix_RL, *others)
    if matrix_RL.numel() <= _CELLS_OF_ONE_THREAD or matrix_RL.device.type != "cpu" or torch.get_num_threads() == 1:
        return [together]
    rows = _CELLS_OF_ONE_THREAD // matrix_RL.shape[1]
    rows = rows // 32 * 32 or max(1, rows)
    return list(zip(*(torch.split(part, rows) for part in together), strict=True))
