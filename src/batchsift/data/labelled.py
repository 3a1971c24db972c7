"""What all data sets have in common: a label matrix with names, and the checks of both.

Shape suffixes: N samples, L labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from batchsift.data.readers.columns import repeated_name


class Labelled(ABC):
    """A data set whose labels are in memory.

    Attributes:
        labels: `(N, L)` of 0 and 1 as a uint8 array; with NaN where a cell is not labelled, as float32.
        label_names: L names, one a column of `labels`.
        name: What tables and plots call the data set.
    """

    labels: npt.NDArray[Any]
    label_names: tuple[str, ...]
    name: str

    @property
    def num_samples(self) -> int:
        """N, at least 1."""
        return len(self.labels)

    @property
    def num_labels(self) -> int:
        """L, at least 1."""
        return int(self.labels.shape[1])

    @property
    def cardinality(self) -> float:
        """Mean number of labels of a sample, in [0, L]; a cell that is not labelled counts as 0."""
        return float((self.labels == 1).sum() / self.num_samples)

    @abstractmethod
    def select(self, *, rows: npt.ArrayLike | None = None, labels: npt.ArrayLike | None = None) -> Self:
        """Return some of the samples or labels, in the order asked for."""

    def __len__(self) -> int:
        return self.num_samples


def positions(chosen: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """Return the indices of a mask or of what numbers may stand for.

    >>> positions([True, False, True], 3).tolist(), positions([-1], 3).tolist()
    ([0, 2], [2])
    """
    array = np.asarray(chosen)
    if array.dtype == bool and array.shape != (count,):
        raise IndexError(f"a mask has the shape {array.shape}; expected ({count},)")
    # An empty selection is refused later, as a matrix without rows or columns.
    found: npt.NDArray[np.int64] = np.arange(count)[array if array.size else array.astype(np.int64)]
    return found


def checked_matrix(what: str, values: Any) -> npt.NDArray[Any]:
    """Return numbers of two dimensions, none of them empty."""
    matrix = np.asarray(values)
    check_form(what, matrix)
    return matrix


def check_form(what: str, matrix: Any) -> None:
    """Check that a dense or sparse matrix holds numbers in two dimensions, none of them empty."""
    if matrix.dtype.kind not in "buif":
        raise ValueError(f"{what} have dtype {matrix.dtype}; expected numbers; encode text first")
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"{what} have shape {matrix.shape}; expected two dimensions, samples x {what}, none of them empty"
        )


def checked_labels(values: Any) -> npt.NDArray[Any]:
    """Return `(N, L)` labels as uint8, or as float32 with NaN where some are not labelled.

    Raises:
        ValueError: Another shape, or values other than 0, 1 and NaN.
    """
    labels = checked_matrix("labels", values.toarray() if hasattr(values, "tocsr") else values)
    unknown = np.isnan(labels)
    wrong = (labels != 0) & (labels != 1) & ~unknown
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"labels hold {labels[row, column]} in row {row}, column {column}; expected 0 or 1 "
            "(NaN: not labelled): turn classes or scores into one 0/1 column for each label"
        )
    return labels.astype(np.float32, copy=False) if unknown.any() else labels.astype(np.uint8, copy=False)


def checked_names(what: str, names: Sequence[str], matrix: Any) -> tuple[str, ...]:
    """Return names, one a column of a matrix.

    Raises:
        ValueError: There are more or fewer of them than columns, or two columns have one name.
    """
    if isinstance(names, str) or len(names) != matrix.shape[1]:
        raise ValueError(
            f"{what}_names are {len(names)} name(s) in a {type(names).__name__}; "
            f"expected a tuple of {matrix.shape[1]}, one a column of {what}s"
        )
    if (problem := repeated_name(names)) is not None:
        raise ValueError(f"{what}_names: {problem}")
    return tuple(names)
