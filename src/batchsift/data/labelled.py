"""What all data sets have in common: a label matrix with names, and the checks of both.

Shape suffixes: N samples, L labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from batchsift.data.readers.columns import repeated_name
from batchsift.matrices import as_matrix, check_form
from batchsift.messages import shown


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


def checked_matrix(what: str, values: Any) -> Any:
    """Return numbers of two dimensions, none of them empty: an array, or a scipy sparse matrix."""
    matrix = as_matrix(values, what)
    check_form(what, matrix)
    return matrix


def checked_labels(values: Any) -> npt.NDArray[Any]:
    """Return `(N, L)` labels as uint8, or as float32 with NaN where some are not labelled.

    Raises:
        ValueError: Another shape, or values other than 0, 1 and NaN.
    """
    matrix = checked_matrix("labels", values)
    try:
        labels = matrix.toarray() if hasattr(matrix, "tocsr") else matrix
    except (MemoryError, ValueError) as error:
        raise ValueError(f"labels of shape {matrix.shape} do not fit into memory, where they are dense") from error
    unknown = np.isnan(labels)
    wrong = (labels != 0) & (labels != 1) & ~unknown
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"labels hold {labels[row, column]} in row {row}, column {column}; expected 0 or 1 "
            "(NaN: not labelled): turn classes or scores into one 0/1 column for each label"
        )
    checked: npt.NDArray[Any] = labels.astype(np.float32 if unknown.any() else np.uint8, copy=False)
    return checked


def checked_names(what: str, names: Any, matrix: Any) -> tuple[str, ...]:
    """Return names as texts, one a column of a matrix.

    Args:
        what: What they are names of, "feature" or "label".
        names: A list, a tuple, an array or an index of pandas: texts, bytes of UTF-8, or whole numbers.
        matrix: What has the columns.

    Raises:
        ValueError: There are more or fewer of them than columns, two columns have one name, or they are something else.
    """
    is_nested = isinstance(names, Sequence) and any(isinstance(name, list) for name in names)
    if is_nested:
        raise ValueError(f"{what}_names have the shape ({len(names)}, {len(names[0])}); expected one dimension")
    if not isinstance(names, Sequence) and np.ndim(names) != 1:
        told = f"the shape {np.shape(names)}" if hasattr(names, "shape") else f"the type {type(names).__name__}"
        raise ValueError(f"{what}_names have {told}; expected one dimension, a name for each")
    if isinstance(names, str | bytes) or len(names) != matrix.shape[1]:
        raise ValueError(
            f"{what}_names are {len(names)} name(s) in a {type(names).__name__}; "
            f"expected a tuple of {matrix.shape[1]}, one a column of {what}s"
        )
    given = tuple(_name(what, name) for name in names)
    if (problem := repeated_name(given)) is not None:
        raise ValueError(f"{what}_names: {problem}")
    return given


def _name(what: str, name: Any) -> str:
    if isinstance(name, str):
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise ValueError(f"{what}_names hold {name!r}, which has half a character; expected texts")
        return str(name)  # of NumPy's texts, too
    if isinstance(name, bytes):
        return name.decode("utf-8", "backslashreplace")
    if type(name) is int or isinstance(name, np.integer | tuple):  # tuples head columns of pandas
        return str(name)
    raise ValueError(f"{what}_names hold {shown(name)} of type {type(name).__name__}; expected texts")
