"""Matrices in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchsift.data.dataset import MultiLabelData
from batchsift.data.matrices import as_matrix
from batchsift.data.readers.columns import numbered
from batchsift.data.readers.targets import with_zeros


def from_arrays(
    features: Any,
    labels: Any,
    *,
    feature_names: Sequence[str] | None = None,
    label_names: Sequence[str] | None = None,
    negative: float | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of two matrices.

    Args:
        features: `(N, D)` of numbers: array, tensor, data frame, table of Arrow or polars, or a sparse matrix or
            tensor, which stays sparse.
        labels: `(N, L)` of 0 and 1, NaN where not labelled: the same kinds.
        feature_names: D names; by default those of the frame's columns, else `feature_0`, ...
        label_names: L names; the same.
        negative: The number that stands for not having a label, such as -1 where labels are -1 and 1.
        name: The data set's name.

    Raises:
        ValueError: Matrices that do not fit each other, or that hold something else.

    >>> from_arrays(np.eye(3), [[1, 0], [0, 1], [1, 1]]).label_names
    ('label_0', 'label_1')
    """
    data = MultiLabelData(
        _matrix("features", features),
        with_zeros(_matrix("labels", labels), negative),
        _names("feature", features, feature_names),
        _names("label", labels, label_names),
        name,
    )
    data.check_finite()
    return data


def _matrix(what: str, values: Any) -> Any:
    if not isinstance(values, (list, tuple)):
        return as_matrix(values)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} are lists of several lengths; expected as many numbers in each row") from error


def _names(what: str, values: Any, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        names = getattr(
            values, "column_names", getattr(values, "columns", None)
        )  # Arrow has its columns under `columns`
    if names is not None:
        if np.ndim(names) != 1:
            raise ValueError(f"{what}_names have the shape {np.shape(names)}; expected one dimension, a name for each")
        given: Sequence[Any] = list(names)
        return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in given)
    shape = np.shape(values) if not hasattr(values, "shape") else values.shape
    return numbered(what, shape[1] if len(shape) == 2 else 0)
