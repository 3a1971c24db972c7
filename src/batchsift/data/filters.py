"""The two filters of the published protocol: labels with few positives go, then samples without a label.

Shape suffixes: N samples, L labels.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from batchsift.data.labelled import Labelled

_Data = TypeVar("_Data", bound=Labelled)


def drop_rare_labels(data: _Data, min_positives: int = 20) -> tuple[_Data, tuple[str, ...]]:
    """Drop the labels that have `min_positives` or fewer positive samples.

    Args:
        data: The whole data set, before it is split.
        min_positives: A label needs more positives than this to stay; at least 0.

    Returns:
        The data with the labels that stay, and the names of those removed. Samples are never removed here:
        follow with `drop_unlabelled_samples`.

    Raises:
        ValueError: If `min_positives` is negative or no label would stay.

    >>> from batchsift.data import MultiLabelData
    >>> data = MultiLabelData([[1.0], [2.0]], [[1, 0], [1, 1]], ("x",), ("often", "rarely"))
    >>> kept, removed = drop_rare_labels(data, min_positives=1)
    >>> kept.label_names, removed
    (('often',), ('rarely',))
    """
    if min_positives < 0:
        raise ValueError(f"min_positives is {min_positives}; expected 0 or more")
    positives_L = (data.labels == 1).sum(axis=0)
    keep_L = positives_L > min_positives
    if not keep_L.any():
        raise ValueError(
            f"no label has more than min_positives={min_positives} positive samples "
            f"(the commonest has {positives_L.max()}); lower min_positives"
        )
    removed = tuple(name for name, keep in zip(data.label_names, keep_L, strict=True) if not keep)
    return data.select(labels=keep_L), removed


def drop_unlabelled_samples(data: _Data) -> tuple[_Data, npt.NDArray[np.int64]]:
    """Drop the samples without any positive label; a cell that is not labelled is no positive.

    Returns:
        The data with the samples that stay, in their order, and the indices of those removed (into `data`).

    Raises:
        ValueError: If no sample would stay.

    >>> from batchsift.data import MultiLabelData
    >>> data = MultiLabelData([[1.0], [2.0]], [[0, 0], [0, 1]], ("x",), ("red", "round"))
    >>> kept, removed = drop_unlabelled_samples(data)
    >>> kept.num_samples, removed.tolist()
    (1, [0])
    """
    keep_N = (data.labels == 1).any(axis=1)
    if not keep_N.any():
        raise ValueError(f"none of the {data.num_samples} samples has a positive label; expected at least one")
    return data.select(rows=keep_N), np.flatnonzero(~keep_N)
