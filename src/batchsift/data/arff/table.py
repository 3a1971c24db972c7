"""Gathers rows of cells into the features and labels of a data set.

Shape suffixes: N samples, A attributes, D features, L labels, K cells that sparse rows give.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.arff.labels import Mask
from batchsift.data.arff.layout import Cells, Integers, Layout

_NOT_LABELED = 255


@dataclass(frozen=True)
class DenseCells:
    """Rows with a cell for every attribute: `(N, A)`."""

    cells_NA: Cells


@dataclass(frozen=True)
class SparseCells:
    """Rows with some of their cells, one row after another.

    Args:
        counts_N: How many cells each row has.
        attributes_K: Whose cell it is; they rise within a row.
        cells_K: The cells.
    """

    counts_N: Integers
    attributes_K: Integers
    cells_K: Cells

    @property
    def rows(self) -> Integers:
        """The row of each cell."""
        return np.repeat(np.arange(len(self.counts_N)), self.counts_N)


Rows = DenseCells | SparseCells


def as_dense(layout: Layout, rows: Rows) -> DenseCells:
    """Return the rows with the cells that were left out filled in."""
    if isinstance(rows, DenseCells):
        return rows
    cells_NA = np.tile(layout.default_A, (len(rows.counts_N), 1))
    cells_NA[rows.rows, rows.attributes_K] = rows.cells_K
    return DenseCells(cells_NA)


def _as_sparse(rows: Rows) -> SparseCells:
    if isinstance(rows, SparseCells):
        return rows
    num_rows, num_attributes = rows.cells_NA.shape
    attributes_K = np.tile(np.arange(num_attributes), num_rows)
    return SparseCells(np.full(num_rows, num_attributes), attributes_K, rows.cells_NA.ravel())


def _append(gathered: bytearray, values: npt.NDArray[Any], dtype: npt.DTypeLike) -> None:
    """Append values as bytes, which grow in place: joining arrays at the end would hold everything twice."""
    gathered += np.ascontiguousarray(values, dtype=dtype).data


class _Labels:
    """Gathers labels, a byte a cell."""

    def __init__(self, num_labels: int) -> None:
        self._num_labels = num_labels
        self._bytes = bytearray()

    def add(self, cells_NL: Cells) -> None:
        _append(self._bytes, np.where(np.isnan(cells_NL), _NOT_LABELED, cells_NL), np.uint8)

    def finish(self) -> npt.NDArray[Any]:
        labels_NL = np.frombuffer(self._bytes, dtype=np.uint8).reshape(-1, self._num_labels)
        if (labels_NL != _NOT_LABELED).all():
            return labels_NL
        return np.where(labels_NL == _NOT_LABELED, np.float32(np.nan), labels_NL).astype(np.float32, copy=False)


class DenseTable:
    """Gathers features as an array."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._features = bytearray()
        self._labels = _Labels(len(layout.label_positions))

    def add(self, rows: Rows) -> None:
        """Add the next rows."""
        cells_NA = as_dense(self._layout, rows).cells_NA
        self._labels.add(cells_NA[:, self._layout.is_label_A])
        _append(self._features, _dense_features(self._layout, cells_NA), np.float64)

    def finish(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
        """Return features `(N, D)` and labels `(N, L)`."""
        features_ND = np.frombuffer(self._features, dtype=np.float64).reshape(-1, self._layout.num_features)
        return features_ND, self._labels.finish()


def _dense_features(layout: Layout, cells_NA: Cells) -> Cells:
    single_A, first_A = layout.width_A == 1, layout.first_features
    if layout.num_features == single_A.sum():
        return np.compress(single_A, cells_NA, axis=1)
    features_ND = np.empty((len(cells_NA), layout.num_features))
    features_ND[:, first_A[single_A]] = cells_NA[:, single_A]
    for attribute in np.flatnonzero(layout.width_A > 1):
        first, width = first_A[attribute], layout.width_A[attribute]
        cells_N = cells_NA[:, attribute, None]
        features_ND[:, first : first + width] = np.where(np.isnan(cells_N), np.nan, cells_N == np.arange(width))
    return features_ND


class SparseTable:
    """Gathers features as a sparse array, unless a dense row turns up."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._counts, self._columns, self._values = bytearray(), bytearray(), bytearray()
        self._labels = _Labels(len(layout.label_positions))
        self._is_sparse = True

    def add(self, rows: Rows) -> None:
        """Add the next rows."""
        self._is_sparse = self._is_sparse and isinstance(rows, SparseCells)
        rows = _as_sparse(rows)
        self._labels.add(_sparse_labels(self._layout, rows))
        counts_N, columns, values = _sparse_features(self._layout, rows)
        _append(self._counts, counts_N, np.int64)
        _append(self._columns, columns, np.int32)
        _append(self._values, values, np.float64)

    def finish(self) -> tuple[Any, npt.NDArray[Any]]:
        """Return features `(N, D)`, a `csr_array` unless some rows are dense, and labels `(N, L)`."""
        from scipy.sparse import csr_array  # noqa: PLC0415 (heavy)

        starts = np.concatenate([[0], np.cumsum(np.frombuffer(self._counts, dtype=np.int64))])
        if starts[-1] < np.iinfo(np.int32).max:
            starts = starts.astype(np.int32)
        columns, values = np.frombuffer(self._columns, dtype=np.int32), np.frombuffer(self._values)
        features = csr_array((values, columns, starts), shape=(len(starts) - 1, self._layout.num_features))
        return features if self._is_sparse else features.toarray(), self._labels.finish()


def _sparse_labels(layout: Layout, rows: SparseCells) -> Cells:
    labels_NL = np.tile(layout.default_A[layout.label_positions], (len(rows.counts_N), 1))
    label_of_A = np.cumsum(layout.is_label_A) - 1
    is_label_K = layout.is_label_A[rows.attributes_K]
    labels_NL[rows.rows[is_label_K], label_of_A[rows.attributes_K[is_label_K]]] = rows.cells_K[is_label_K]
    return labels_NL


def _sparse_features(layout: Layout, rows: SparseCells) -> tuple[Integers, Integers, Cells]:
    """Return how many entries each row has, their columns and their values."""
    is_plain_A = (layout.width_A == 1) & (layout.default_A == 0)
    is_entry_K = is_plain_A[rows.attributes_K] & (rows.cells_K != 0)
    entry_rows = rows.rows[is_entry_K]
    columns = layout.first_features[rows.attributes_K[is_entry_K]]
    values = rows.cells_K[is_entry_K]
    is_filled_A = (layout.width_A > 0) & ~is_plain_A
    if is_filled_A.any():
        more_rows, more_columns, more_values = _filled_features(layout, rows, is_filled_A)
        entry_rows, columns = np.concatenate([entry_rows, more_rows]), np.concatenate([columns, more_columns])
        order = np.lexsort((columns, entry_rows))
        entry_rows, columns = entry_rows[order], columns[order]
        values = np.concatenate([values, more_values])[order]
    return np.bincount(entry_rows, minlength=len(rows.counts_N)), columns, values


def _filled_features(layout: Layout, rows: SparseCells, is_filled_A: Mask) -> tuple[Integers, Integers, Cells]:
    """Return the entries of F attributes that are not 0 where a row leaves them out: rows, columns and values."""
    cells_NF = np.tile(layout.default_A[is_filled_A], (len(rows.counts_N), 1))
    filled_of_A = np.cumsum(is_filled_A) - 1
    is_given_K = is_filled_A[rows.attributes_K]
    cells_NF[rows.rows[is_given_K], filled_of_A[rows.attributes_K[is_given_K]]] = rows.cells_K[is_given_K]

    width_F, first_F = layout.width_A[is_filled_A], layout.first_features[is_filled_A]
    is_category_F = width_F > 1
    is_blank_NF = is_category_F & np.isnan(cells_NF)  # a missing category: NaN in all of its columns
    entry_rows, filled = np.nonzero(~is_blank_NF & (is_category_F | (cells_NF != 0)))
    cells = cells_NF[entry_rows, filled]
    columns = first_F[filled] + np.where(is_category_F[filled], cells, 0).astype(np.int64)
    values = np.where(is_category_F[filled], 1.0, cells)

    blank_rows, blank = np.nonzero(is_blank_NF)
    widths = width_F[blank]
    blank_columns = np.repeat(first_F[blank] - np.cumsum(widths) + widths, widths) + np.arange(widths.sum())
    return (
        np.concatenate([entry_rows, np.repeat(blank_rows, widths)]),
        np.concatenate([columns, blank_columns]),
        np.concatenate([values, np.full(len(blank_columns), np.nan)]),
    )
