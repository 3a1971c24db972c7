"""Transformations learned from the training part alone, as scikit-learn transformers.

`MinMax` scales features, `TopFeatures` leaves most of them out. Both take dense and sparse matrices, and pass over
missing values. They are here for what scikit-learn's own do not do: `MinMaxScaler` refuses sparse matrices;
`SelectKBest` takes the later one of equal features and refuses missing values. The ranges are scikit-learn's.
In a pipeline:

>>> from sklearn.pipeline import make_pipeline
>>> before = make_pipeline(TopFeatures(share=0.5), MinMax()).fit([[0.0, 5.0], [2.0, 7.0]])
>>> before.transform([[9.0, 6.0]])
array([[0.5]])
>>> before[0].removed_
array([0])

Shapes: N samples, D features.
"""

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.sparsefuncs import inplace_column_scale, min_max_axis
from sklearn.utils.validation import check_is_fitted, validate_data

_Vector = npt.NDArray[np.float64]


class MinMax(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Scales every feature to [0, 1] by its range in the training part.

    The same numbers as scikit-learn's `MinMaxScaler`, which refuses sparse matrices. A sparse matrix stays sparse where
    every feature's minimum is 0; else the rows that are asked for become dense, so ask batch by batch.

    Attributes:
        scale_: `(D,)`, 1 / (maximum - minimum), and 1 for a feature that is constant.
        offset_: `(D,)`, what a zero becomes: -minimum * `scale_`.
        n_features_in_: D.

    >>> MinMax().fit([[0.0, 5.0], [2.0, 5.0]]).transform([[1.0, 5.0], [3.0, 6.0]])
    array([[0.5, 0. ],
           [1.5, 1. ]])
    """

    scale_: _Vector
    offset_: _Vector

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the ranges of the training part.

        Args:
            X: `(N, D)`, dense or sparse.
            y: Not looked at.
        """
        matrix = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")
        # A sparse matrix has the ranges of these two rows; the zeros it does not store are taken into account.
        rows = np.stack(min_max_axis(matrix, axis=0, ignore_nan=True)) if issparse(matrix) else matrix
        fitted = MinMaxScaler().fit(rows)
        self.scale_, self.offset_ = fitted.scale_, fitted.min_
        return self

    def transform(self, X: Any) -> Any:
        """Return `(N, D)`, transformed by what was learned."""
        check_is_fitted(self)
        matrix: Any = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan", copy=True
        )
        if isinstance(matrix, np.ndarray):
            return matrix * self.scale_ + self.offset_
        inplace_column_scale(matrix, self.scale_)
        return matrix.toarray() + self.offset_ if self.offset_.any() else matrix

    def __sklearn_tags__(self) -> Any:
        return _for_sparse_and_missing(super().__sklearn_tags__())


class TopFeatures(SelectorMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Keeps the features with the largest sums in the training part: for words, those that occur most.

    Args:
        share: The share of the features to keep, in (0, 1], rounded down but at least one. The published
            protocol keeps 0.02 of rcv1's and 0.05 of the Yahoo sets'. Of equal sums, the earlier feature is kept.

    Attributes:
        sums_: `(D,)`.
        support_: `(D,)`, whether a feature is kept.
        removed_: Positions of the others.
        n_features_in_: D.

    >>> top = TopFeatures(share=0.5).fit([[1, 0, 1, 0], [1, 0, 2, 1]])
    >>> top.get_support(), top.summary()
    (array([ True, False,  True, False]), '2 of 4 features removed: those with the smallest sums in the training part')
    """

    support_: npt.NDArray[np.bool_]

    def __init__(self, share: float = 0.02) -> None:
        self.share = share

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which features to keep.

        Args:
            X: `(N, D)` of the training part, dense or sparse.
            y: Not looked at.

        Raises:
            ValueError: `share` is not in (0, 1].
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1], got {self.share}")
        matrix = validate_data(self, X, accept_sparse="csr", ensure_all_finite="allow-nan")
        self.sums_ = _sums(matrix)
        self.support_ = np.zeros(len(self.sums_), dtype=bool)
        self.support_[np.argsort(-self.sums_, kind="stable")[: num_kept(self.share, len(self.sums_))]] = True
        return self

    @property
    def removed_(self) -> npt.NDArray[np.int64]:
        """The columns that are left out."""
        check_is_fitted(self)
        return np.flatnonzero(~self.support_)

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Any:
        return _for_sparse_and_missing(super().__sklearn_tags__())

    def summary(self) -> str:
        """Return what was removed, for people."""
        removed = f"{len(self.removed_)} of {len(self.support_)} features removed"
        return f"{removed}: those with the smallest sums in the training part"


def num_kept(share: float, count: int) -> int:
    """Return how many columns a share of them is.

    >>> num_kept(0.02, 47236), num_kept(0.02, 10)
    (944, 1)
    """
    return max(1, math.floor(share * count))


def _sums(matrix: Any) -> _Vector:
    """Return the sums of the columns, missing values passed over."""
    if isinstance(matrix, np.ndarray):
        sums_D: _Vector = np.nansum(matrix, axis=0, dtype=np.float64)
        return sums_D
    complete = matrix.copy()
    complete.data = np.nan_to_num(complete.data, nan=0.0)
    return np.asarray(complete.sum(axis=0), dtype=np.float64).ravel()


def _for_sparse_and_missing(tags: Any) -> Any:
    tags.input_tags.sparse = True
    tags.input_tags.allow_nan = True
    return tags
