"""Passes over the state, a chunk of samples at a time.

What a chunk's cells are is computed where it is needed and forgotten: at the end of an epoch nothing as large as the
state is made. Some scores need two passes, since they weigh columns by what all samples together say. `TwoPasses`
keeps what the first one computed as far as that takes little memory, and computes the rest again. It is made once and
used every epoch: memory that the system hands out anew costs more, page by page, than what is kept in it.

Shapes: N samples, L labels, M samples that are kept, R consecutive samples.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from batchsift.functional.chunks import row_chunks

_KEPT_BYTES = 52 * 2**20  # enough for two signals of 82,000 x 80 in single precision


class TwoPasses:
    """Signals of every chunk, read twice in the same order.

    Args:
        compute: The signals of some samples: `(R, L)` each.
        shape: (N, L).
        device: The device they are on.
    """

    def __init__(
        self, compute: Callable[[slice], tuple[Tensor, ...]], shape: tuple[int, ...], device: torch.device
    ) -> None:
        self._compute = compute
        self._chunks = list(row_chunks(shape, device))
        self._shape = shape
        self._kept: tuple[Tensor, ...] = ()

    def first(self) -> Iterator[tuple[slice, tuple[Tensor, ...]]]:
        """Yield each chunk of samples and their signals."""
        for rows in self._chunks:
            signals = self._compute(rows)
            if not self._kept:
                bytes_a_row = sum(one.element_size() for one in signals) * self._shape[1]
                count = min(self._shape[0], _KEPT_BYTES // bytes_a_row)
                with torch.inference_mode(mode=False):  # what is made in that mode could not be written to outside it
                    self._kept = tuple(one.new_empty(count, self._shape[1]) for one in signals)
            if rows.stop <= len(self._kept[0]):
                for kept_ML, signal_RL in zip(self._kept, signals, strict=True):
                    kept_ML[rows] = signal_RL
            yield rows, signals

    def second(self) -> Iterator[tuple[slice, tuple[Tensor, ...]]]:
        """Yield the same once more; the signals may be changed."""
        for rows in self._chunks:
            kept = self._kept and rows.stop <= len(self._kept[0])
            yield rows, tuple(one[rows] for one in self._kept) if kept else self._compute(rows)
