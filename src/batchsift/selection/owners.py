"""Which process owns which samples.

Owned are whole chunks, those that a pass over the state reads one after the other: what is computed of a chunk is then
the same to the bit, whoever owns it. Data that make one chunk only have one owner.

Shapes: N samples, R of them that this process owns.
"""

from itertools import pairwise

import torch
from torch import Tensor

from batchsift.functional.chunks import row_chunks
from batchsift.methods.parts import SamplePart
from batchsift.selection.group import Group

_FEWEST_ROWS = 8  # a last chunk of fewer belongs to the owner of the one before


def bounds_of_owners(shape: tuple[int, ...], device: torch.device | str, processes: int) -> list[int]:
    """Return where the samples of each process begin, and at last N.

    Args:
        shape: (N, L).
        device: Where the state lives.
        processes: How many there are; the last ones own no less than the first.

    >>> bounds_of_owners((1000, 200), "cpu", 3)
    [0, 320, 640, 1000]
    """
    starts = [rows.start for rows in row_chunks(shape, device)]
    if len(starts) > 1 and shape[0] - starts[-1] < _FEWEST_ROWS:
        starts.pop()
    return [*(([*starts, shape[0]])[rank * len(starts) // processes] for rank in range(processes)), shape[0]]


class OwnedPart(SamplePart):
    """The samples that this process owns; the other processes own the others.

    Args:
        bounds: Where the samples of each process begin, and at last N.
        group: The processes.
    """

    def __init__(self, bounds: list[int], group: Group) -> None:
        super().__init__(bounds[-1])
        self.bounds, self._group = bounds, group
        self._sizes = [end - start for start, end in pairwise(bounds)]
        self.rows = slice(bounds[group.rank], bounds[group.rank + 1])

    def joined(self, rows_R: Tensor, dim: int = 0) -> Tensor:
        """See `SamplePart.joined`: a collective call."""
        if dim:
            return torch.stack([self.joined(one, dim - 1) for one in rows_R]) if len(rows_R) else self._without(rows_R)
        return self._group.joined(rows_R, self._sizes)

    def _without(self, rows_R: Tensor) -> Tensor:
        """Return nothing, of as many samples as there are: a window of one has no steps."""
        return rows_R.new_empty(0, self.num_samples, *rows_R.shape[2:])

    def total(self, value: Tensor) -> Tensor:
        """See `SamplePart.total`: a collective call."""
        return self._group.total(value)

    def each(self, value: Tensor) -> list[Tensor]:
        """See `SamplePart.each`: a collective call."""
        return [one.to(value.device) for one in self._group.each(value)]

    def collected(self, values: Tensor) -> Tensor:
        """See `SamplePart.collected`: a collective call."""
        counts = self._group.each(torch.tensor([len(values)], dtype=torch.int64, device="cpu"))
        return self._group.joined(values, [int(count) for count in counts])

    def own(self, value: Tensor, dim: int = 0) -> Tensor:
        """See `SamplePart.own`."""
        has_all = not value.is_nested and value.ndim > dim and value.shape[dim] == self.num_samples
        return value.narrow(dim, self.rows.start, self.rows.stop - self.rows.start) if has_all else value
