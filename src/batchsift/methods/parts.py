"""Which samples a process remembers, and how what it knows of them is put together with what other processes know.

A process that is alone remembers all, and so does each of several that keep the same: `SamplePart` is theirs. Where
every process remembers the samples it owns, `selection.owners` has another, with the same questions. A method that is
to be kept in parts reads its own rows, and asks its part for joined rows, sums, and what each process has.

Shapes: N samples, R of them that this process remembers.
"""

from torch import Tensor


class SamplePart:
    """All samples: nothing is to be put together.

    Args:
        num_samples: N.

    Attributes:
        num_samples: N, of all processes together.
        rows: The samples that this process remembers, consecutive.
        bounds: Where the samples of each process begin, and at last N.
    """

    def __init__(self, num_samples: int) -> None:
        self.num_samples = num_samples
        self.rows = slice(0, num_samples)
        self.bounds = [0, num_samples]

    def joined(self, rows_R: Tensor, dim: int = 0) -> Tensor:
        """Return the rows of all processes, those of this one being given, in the order of the samples.

        Args:
            rows_R: A value, or some, for each sample that this process remembers.
            dim: The dimension of the samples.
        """
        return rows_R

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes, added in the order of their ranks: the same bits in each."""
        return value

    def each(self, value: Tensor) -> list[Tensor]:
        """Return what each process has, in the order of the ranks; of one shape in all of them."""
        return [value]

    def collected(self, values: Tensor) -> Tensor:
        """Return the values of all processes, however many each has, in the order of the ranks."""
        return values

    def own(self, value: Tensor, dim: int = 0) -> Tensor:
        """Return the rows of this process from those of all; what does not have those of all, as it is."""
        return value
