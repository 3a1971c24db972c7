"""What a multi-label data set is.

Shape suffixes: N samples, D features, L labels, H height, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from batchsift.data.labelled import Labelled, checked_labels, checked_matrix, checked_names, positions
from batchsift.data.schema import TableColumn, feature_columns
from batchsift.messages import count_nouns

if TYPE_CHECKING:
    from batchsift.data.describe import Description


@dataclass(frozen=True, eq=False)
class MultiLabelData(Labelled):
    """A complete data set in memory: features, labels and their names.

    Args:
        features: `(N, D)`, stored as float64; NaN where a value is missing. A scipy sparse matrix stays sparse and is
            stored as a `csr_array`.
        labels: `(N, L)` of 0 and 1, dense or sparse, stored as a uint8 array; with NaN where a cell is not labelled,
            as float32.
        feature_names: D names, one a column of `features`.
        label_names: L names, one a column of `labels`.
        name: What tables and plots call the data set.
        images: `(N, 1, H, W)`, stored as float32, where the samples are pictures; else None.
        columns: What the columns of the table hold that the data were read from; empty where there was no table.

    Raises:
        ValueError: If a shape, the number of names or a label value is not as above, or two columns have one name.

    >>> data = MultiLabelData([[0.5], [1.5]], [[1, 1], [0, 1]], ("width",), ("red", "round"))
    >>> data.num_samples, data.num_features, data.num_labels, data.cardinality
    (2, 1, 2, 1.5)
    """

    features: Any  # float64: a NumPy array, or a csr_array of scipy.sparse
    labels: npt.NDArray[Any]  # uint8, or float32 with NaN
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    name: str = ""
    images: npt.NDArray[np.float32] | None = None
    columns: tuple[TableColumn, ...] = ()

    def __post_init__(self) -> None:
        features = _checked_features(self.features)
        labels = checked_labels(self.labels)
        if features.shape[0] != len(labels):
            raise ValueError(
                f"features have {count_nouns(features.shape[0], 'row')} and labels have {len(labels)}; "
                "expected one row for each sample in both"
            )
        # The dataclass is frozen for its users; this is the one moment at which it is still being made.
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "feature_names", checked_names("feature", self.feature_names, features))
        object.__setattr__(self, "label_names", checked_names("label", self.label_names, labels))
        object.__setattr__(self, "images", _checked_images(self.images, len(labels)))
        made = tuple(name for column in self.columns for name in column.feature_names)
        if self.columns and made != self.feature_names:
            raise ValueError(
                f"columns become {count_nouns(len(made), 'feature')} ({made[:3]}, ...); expected those of feature_names"
            )

    @property
    def num_features(self) -> int:
        """D, at least 1."""
        return int(self.features.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether `features` is a `csr_array`."""
        return not isinstance(self.features, np.ndarray)

    def select(
        self,
        *,
        rows: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
    ) -> Self:
        """Return some of the samples, features or labels, in the order asked for.

        Args:
            rows: Indices, or a mask of N; all samples by default.
            features: Indices, or a mask of D; all features by default.
            labels: Indices, or a mask of L; all labels by default.

        Raises:
            IndexError: An index out of range, or a mask of another length.
            ValueError: Nothing would be left.

        >>> data = MultiLabelData([[0.5], [1.5]], [[1, 1], [0, 1]], ("width",), ("red", "round"), "toys")
        >>> data.select(rows=[1], labels=[True, False])
        MultiLabelData('toys', 1 samples x 1 features x 1 labels)
        """
        matrix, matrix_names = self.features, self.feature_names
        label_matrix, label_names, images = self.labels, self.label_names, self.images
        columns = self.columns
        if rows is not None:
            chosen = positions(rows, self.num_samples)
            matrix, label_matrix = matrix[chosen], label_matrix[chosen]
            images = None if images is None else images[chosen]
        if features is not None:
            chosen = positions(features, self.num_features)
            matrix, matrix_names = matrix[:, chosen], tuple(matrix_names[column] for column in chosen)
            columns = ()  # a column may have lost some of its features
        if labels is not None:
            chosen = positions(labels, self.num_labels)
            label_matrix, label_names = label_matrix[:, chosen], tuple(label_names[column] for column in chosen)
        return replace(
            self,
            features=matrix,
            labels=label_matrix,
            feature_names=matrix_names,
            label_names=label_names,
            images=images,
            columns=columns,
        )

    def check_finite(self) -> None:
        """Check that no feature is infinite.

        Raises:
            ValueError: One is; names the first row and column.
        """
        for column, row, value in first_infinite(self.features)[:1]:
            raise ValueError(
                f"features hold {value} in row {row}, column {self.feature_names[column]!r}; expected finite numbers "
                "(NaN: missing)"
            )

    def describe(self) -> "Description":
        """Describe what the data set is like: labels, imbalance, duplicates; see `batchsift.data.describe`."""
        from batchsift.data.describe import describe  # noqa: PLC0415 (heavy)

        return describe(self)

    def __repr__(self) -> str:
        return (
            f"MultiLabelData({self.name!r}, {self.num_samples} samples x {self.num_features} features x "
            f"{self.num_labels} labels{', sparse' if self.is_sparse else ''})"
        )


def concatenated(parts: Sequence[MultiLabelData], *, name: str | None = None) -> MultiLabelData:
    """Concatenate the samples of several parts of one data set, such as its training and test file.

    Args:
        parts: Data sets, at least one; all with the same features and labels, in the same order.
        name: The whole's name; the first part's by default.

    Returns:
        All samples, in the order of the parts; sparse if the features of any part are.

    Raises:
        ValueError: No part, names that differ, or pictures in some of the parts only.

    >>> half = MultiLabelData([[0.5]], [[1, 1]], ("width",), ("red", "round"))
    >>> concatenated([half, half], name="toys")
    MultiLabelData('toys', 2 samples x 1 features x 2 labels)
    """
    if not parts:
        raise ValueError("there is nothing to concatenate; expected at least one data set")
    first = parts[0]
    for number, part in enumerate(parts[1:], start=2):
        _check_same("feature", first.feature_names, part.feature_names, number)
        _check_same("label", first.label_names, part.label_names, number)
    images = [part.images for part in parts if part.images is not None]
    if len(images) not in (0, len(parts)) or len({image.shape[1:] for image in images}) > 1:
        raise ValueError("some parts have images, or images of another size; expected all alike")
    return replace(
        first,
        features=_stacked([part.features for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        images=np.concatenate(images) if images else None,
        columns=_common_columns(parts),
        name=first.name if name is None else name,
    )


def _common_columns(parts: Sequence[MultiLabelData]) -> tuple[TableColumn, ...]:
    """Return the columns that became features, without what was counted in one part alone.

    Raises:
        ValueError: One of them is read in another way in some part.
    """
    first, *others = [
        [TableColumn.from_document(c.document()) for c in feature_columns(part.columns)] for part in parts
    ]
    for number, columns in enumerate(others, start=2):
        for ours, theirs in zip(first, columns, strict=False):
            if ours != theirs:
                raise ValueError(
                    f"part 1 has {ours.kind} {ours.name!r} ({ours.order or 'as it is'}) where part {number} has "
                    f"{theirs.kind} {theirs.name!r} ({theirs.order or 'as it is'}); expected the same"
                )
    return tuple(first) if all(others) else ()


def _stacked(matrices: Sequence[Any]) -> Any:
    if all(isinstance(matrix, np.ndarray) for matrix in matrices):
        return np.concatenate(matrices)
    from scipy.sparse import csr_array, vstack  # noqa: PLC0415 (only sparse data needs it)

    return vstack([csr_array(matrix) for matrix in matrices], format="csr")


def _check_same(what: str, first: tuple[str, ...], other: tuple[str, ...], number: int) -> None:
    if len(first) != len(other):
        raise ValueError(f"part 1 has {len(first)} {what}s and part {number} has {len(other)}; expected the same")
    differing = next(((ours, theirs) for ours, theirs in zip(first, other, strict=True) if ours != theirs), None)
    if differing:
        raise ValueError(
            f"part 1 has the {what} {differing[0]!r} where part {number} has {differing[1]!r}; expected the same "
            f"{what}s in the same order"
        )


def _checked_features(values: Any) -> Any:
    given = checked_matrix("features", values)
    if not hasattr(given, "tocsr"):
        return given.astype(np.float64, copy=False)
    from scipy.sparse import csr_array  # noqa: PLC0415 (only sparse data needs it)

    matrix = csr_array(given).astype(np.float64, copy=False)
    if matrix.has_canonical_format:
        return matrix
    matrix = matrix.copy()  # what the caller gave stays as it was
    matrix.sum_duplicates()
    return matrix


def first_infinite(matrix_ND: Any) -> list[tuple[int, int, float]]:
    """Return the columns of a dense or sparse matrix with a number that is infinite: column, its first row, the number.

    >>> first_infinite(np.array([[1.0, 2.0], [np.inf, np.nan]]))
    [(0, 1, inf)]
    """
    is_sparse = hasattr(matrix_ND, "tocsr")
    values = matrix_ND.data if is_sparse else matrix_ND
    if values.dtype.kind != "f" or not np.isinf(values).any():
        return []
    if is_sparse:
        matrix = matrix_ND.tocoo()
        found = np.isinf(matrix.data)
        cells = zip(matrix.row[found].tolist(), matrix.col[found].tolist(), matrix.data[found].tolist(), strict=True)
    else:
        rows, columns = np.isinf(matrix_ND).nonzero()
        cells = zip(rows.tolist(), columns.tolist(), matrix_ND[rows, columns].tolist(), strict=True)
    first: dict[int, tuple[int, float]] = {}
    for row, column, value in sorted(cells):
        first.setdefault(column, (row, value))
    return [(column, row, value) for column, (row, value) in sorted(first.items())]


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
