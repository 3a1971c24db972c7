"""What a multi-label data set is, and the two filters of the published protocol.

Shape suffixes: N samples, D features, L labels, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class MultiLabelData:
    """A complete data set in memory: features, labels and their names.

    Args:
        features: `(N, D)`, stored as float64; NaN where a value is missing.
        labels: `(N, L)` of 0 and 1, stored as uint8; with NaN where a cell is not labelled, as float32.
        feature_names: D names, one a column of `features`.
        label_names: L names, one a column of `labels`.
        name: what tables and plots call the data set.
        images: `(N, 1, H, W)`, stored as float32, where the samples are pictures; else None.

    Raises:
        ValueError: if a shape, the number of names or a label value is not as above.

    >>> data = MultiLabelData([[0.5], [1.5]], [[1, 1], [0, 1]], ("width",), ("red", "round"))
    >>> data.num_samples, data.num_features, data.num_labels, data.cardinality
    (2, 1, 2, 1.5)
    """

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]  # uint8, or float32 with NaN
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    name: str = ""
    images: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        features = _checked_matrix("features", self.features).astype(np.float64, copy=False)
        labels = _checked_labels(self.labels)
        if len(features) != len(labels):
            raise ValueError(
                f"features have {len(features)} rows and labels have {len(labels)}; "
                "expected one row for each sample in both"
            )
        # The dataclass is frozen for its users; this is the one moment at which it is still being made.
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "feature_names", _checked_names("feature", self.feature_names, features))
        object.__setattr__(self, "label_names", _checked_names("label", self.label_names, labels))
        object.__setattr__(self, "images", _checked_images(self.images, len(features)))

    @property
    def num_samples(self) -> int:
        """N, at least 1."""
        return len(self.features)

    @property
    def num_features(self) -> int:
        """D, at least 1."""
        return int(self.features.shape[1])

    @property
    def num_labels(self) -> int:
        """L, at least 1."""
        return int(self.labels.shape[1])

    @property
    def cardinality(self) -> float:
        """Mean number of labels of a sample, in [0, L]; a cell that is not labelled counts as 0."""
        return float((self.labels == 1).sum() / self.num_samples)


def drop_rare_labels(data: MultiLabelData, min_positives: int = 20) -> tuple[MultiLabelData, tuple[str, ...]]:
    """Drops the labels that have `min_positives` or fewer positive samples.

    Args:
        data: the whole data set, before it is split.
        min_positives: a label needs more positives than this to stay; at least 0.

    Returns:
        The data with the labels that stay, and the names of those removed. Samples are never removed here:
        follow with `drop_unlabelled_samples`.

    Raises:
        ValueError: if `min_positives` is negative or no label would stay.

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
    kept_names = tuple(name for name, keep in zip(data.label_names, keep_L, strict=True) if keep)
    removed = tuple(name for name, keep in zip(data.label_names, keep_L, strict=True) if not keep)
    return replace(data, labels=data.labels[:, keep_L], label_names=kept_names), removed


def drop_unlabelled_samples(data: MultiLabelData) -> tuple[MultiLabelData, npt.NDArray[np.int64]]:
    """Drops the samples without any positive label; a cell that is not labelled is no positive.

    Returns:
        The data with the samples that stay, in their order, and the indices of those removed (into `data`).

    Raises:
        ValueError: if no sample would stay.

    >>> data = MultiLabelData([[1.0], [2.0]], [[0, 0], [0, 1]], ("x",), ("red", "round"))
    >>> kept, removed = drop_unlabelled_samples(data)
    >>> kept.num_samples, removed.tolist()
    (1, [0])
    """
    keep_N = (data.labels == 1).any(axis=1)
    if not keep_N.any():
        raise ValueError(f"none of the {data.num_samples} samples has a positive label; expected at least one")
    images = None if data.images is None else data.images[keep_N]
    kept = replace(data, features=data.features[keep_N], labels=data.labels[keep_N], images=images)
    return kept, np.flatnonzero(~keep_N)


def _checked_matrix(what: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    matrix = np.asarray(values)
    if matrix.dtype.kind not in "buif":
        raise ValueError(f"{what} have dtype {matrix.dtype}; expected numbers; encode text first")
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"{what} have shape {matrix.shape}; expected two dimensions, samples x {what}, none of them empty"
        )
    return matrix


def _checked_labels(values: npt.ArrayLike) -> npt.NDArray[Any]:
    labels = _checked_matrix("labels", values)
    unknown = np.isnan(labels)
    wrong = (labels != 0) & (labels != 1) & ~unknown
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"labels hold {labels[row, column]} in row {row}, column {column}; expected 0 or 1 "
            "(NaN: not labelled): turn classes or scores into one 0/1 column for each label"
        )
    return labels.astype(np.float32, copy=False) if unknown.any() else labels.astype(np.uint8, copy=False)


def _checked_names(what: str, names: Sequence[str], matrix: npt.NDArray[Any]) -> tuple[str, ...]:
    if isinstance(names, str) or len(names) != matrix.shape[1]:
        raise ValueError(
            f"{what}_names are {len(names)} name(s) in a {type(names).__name__}; "
            f"expected a tuple of {matrix.shape[1]}, one a column of {what}s"
        )
    return tuple(names)


def _checked_images(values: npt.NDArray[np.float32] | None, num_samples: int) -> npt.NDArray[np.float32] | None:
    if values is None:
        return None
    images = np.asarray(values, dtype=np.float32)
    if images.ndim != 4 or images.shape[:2] != (num_samples, 1):
        raise ValueError(
            f"images have shape {images.shape}; expected ({num_samples}, 1, height, width), "
            "one grey image for each sample"
        )
    return images
