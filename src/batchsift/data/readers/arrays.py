"""Matrices in memory."""

from collections.abc import Sequence
from typing import Any

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import numbered
from batchsift.data.readers.targets import with_zeros
from batchsift.matrices import as_matrix


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

    >>> import numpy as np
    >>> from_arrays(np.eye(3), [[1, 0], [0, 1], [1, 1]]).label_names
    ('label_0', 'label_1')
    """
    matrix, label_matrix = as_matrix(features, "features"), as_matrix(labels, "labels")
    data = MultiLabelData(
        matrix,
        with_zeros(label_matrix, negative),
        _names("feature", features, matrix, feature_names),
        _names("label", labels, label_matrix, label_names),
        name,
    )
    data.check_finite()
    return data


def _names(what: str, given: Any, matrix: Any, names: Any) -> Any:
    if names is None and hasattr(given, "columns"):
        # Arrow has its columns under `columns`; pandas may call some by numbers or dates.
        named = getattr(given, "column_names", given.columns)
        return [name if isinstance(name, str | bytes) else str(name) for name in named]
    if names is not None:
        return names
    return numbered(what, matrix.shape[1] if matrix.ndim == 2 else 0)
