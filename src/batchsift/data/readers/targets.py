"""Matrices of labels as other programs keep them: labels in rows or in columns, -1 for those a sample does not have.

Shapes: N samples, L labels.
"""

import math
from typing import Any

import numpy as np

from batchsift.matrices import as_dense

ROWS = ("samples", "labels")


def check_negative(negative: float | None) -> None:
    """Check the number that says that a sample does not have a label.

    Raises:
        ValueError: It is no finite number, or 1, which says that it has.
    """
    if negative is not None and (
        isinstance(negative, (bool, str)) or not math.isfinite(negative) or negative in (0, 1)
    ):
        raise ValueError(
            f"negative={negative!r}; expected the number that says that a sample does not have a label, such as -1 "
            "(0 says so anyway, and 1 that it has)"
        )


def with_zeros(labels: Any, negative: float | None) -> Any:
    """Return labels with 0 for the number that says that a sample does not have a label.

    Args:
        labels: `(N, L)` of any kind that `from_arrays` takes.
        negative: That number; None where it is 0 already.

    Raises:
        ValueError: -1 without being told what it says, or a 0 beside another number that says the same.

    >>> with_zeros([[1, -1]], -1)
    array([[1, 0]])
    """
    check_negative(negative)
    if negative is None:
        values = getattr(labels, "data", labels) if hasattr(labels, "tocsr") else labels
        if isinstance(values, np.ndarray) and values.dtype.kind in "if" and (place := _first(values == -1)) is not None:
            where = f" in row {place[0]}, column {place[1]}" if len(place) == 2 else ""
            raise ValueError(
                f"labels hold -1{where}; expected 0 or 1 (NaN: not labelled). If -1 says that a sample does not have "
                "the label, give negative=-1"
            )
        return labels
    matrix = as_dense(labels, "labels")
    if matrix.dtype.kind not in "if":
        raise ValueError(f"negative={negative} came with labels of dtype {matrix.dtype}; expected numbers")
    place = _first(matrix == 0)
    if place is not None:
        raise ValueError(
            f"labels hold 0 in place {place}, and negative={negative} says that {negative} stands for not having a "
            f"label; expected {negative} and 1, and nothing (NaN) where a cell is not labelled"
        )
    return np.where(matrix == negative, matrix.dtype.type(0), matrix)


def oriented(labels: Any, num_samples: int, label_rows: str | None) -> Any:
    """Return labels with one row for each sample.

    Args:
        labels: `(N, L)` or `(L, N)`, dense or sparse.
        num_samples: N, the rows of the features.
        label_rows: What the rows of `labels` are, "samples" or "labels"; None to see it by their number.

    Raises:
        ValueError: Neither fits, both fit, or there is no such word.
    """
    if label_rows is not None and label_rows not in ROWS:
        raise ValueError(f"label_rows={label_rows!r}; expected 'samples' or 'labels'")
    shape = labels.shape
    if len(shape) != 2:
        raise ValueError(
            f"labels have the shape {shape}; expected two dimensions, samples x labels or labels x samples"
        )
    if label_rows is None and shape[0] == shape[1] == num_samples:
        raise ValueError(
            f"labels have the shape {shape} and there are {num_samples} samples: the rows may be samples or labels; "
            "say which by label_rows='samples' or label_rows='labels'"
        )
    is_transposed = label_rows == "labels" if label_rows else shape[0] != num_samples
    if shape[1 if is_transposed else 0] != num_samples:
        raise ValueError(
            f"labels have the shape {shape}, and the features have {num_samples} rows, one for each sample; expected "
            f"labels of {num_samples} {'columns' if label_rows == 'labels' else 'rows'}"
            f"{' or columns' if label_rows is None else ''}"
        )
    return labels.T if is_transposed else labels


def _first(mask: Any) -> tuple[int, ...] | None:
    return tuple(int(position) for position in np.argwhere(mask)[0]) if mask.any() else None
