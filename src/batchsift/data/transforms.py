"""Transformations learned from the training part alone, as scikit-learn transformers.

`MinMax` and `Standard` scale features, `TopFeatures` leaves most of them out, `KnownCategories` takes what the training
part does not have for missing. They pass over missing values. They are here for what scikit-learn's own do not do:
`MinMaxScaler` and `StandardScaler` refuse sparse matrices that are to be moved; `SelectKBest` takes the later one of
equal features and refuses missing values; `OneHotEncoder` takes a missing value for a category. The numbers are
scikit-learn's. In a pipeline:

>>> from sklearn.pipeline import make_pipeline
>>> before = make_pipeline(TopFeatures(share=0.5), MinMax()).fit([[0.0, 5.0], [2.0, 7.0]])
>>> before.transform([[9.0, 6.0]])
array([[0.5]])
>>> before[0].removed_
array([0])

Shapes: N samples, D features.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.sparsefuncs import inplace_column_scale, min_max_axis
from sklearn.utils.validation import check_is_fitted, validate_data

from batchsift.messages import there_are

_Vector = npt.NDArray[np.float64]


class _Scaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Multiplies every feature by a number and adds another one.

    A sparse matrix stays sparse where nothing is added; else the rows that are asked for become dense, so ask batch by
    batch.
    """

    scale_: _Vector
    offset_: _Vector

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the two numbers of each feature from the training part.

        Args:
            X: `(N, D)`, dense or sparse.
            y: Not looked at.
        """
        matrix = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")
        self.scale_, self.offset_ = self._numbers_of(matrix)
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

    @abstractmethod
    def _numbers_of(self, matrix: Any) -> tuple[_Vector, _Vector]:
        """Return what to multiply by and what to add, `(D,)` each."""

    def __sklearn_tags__(self) -> Any:
        return _for_sparse_and_missing(super().__sklearn_tags__())


class MinMax(_Scaler):
    """Scales every feature to [0, 1] by its range in the training part.

    The same numbers as scikit-learn's `MinMaxScaler`, which refuses sparse matrices. A sparse matrix stays sparse where
    every feature's minimum is 0.

    Attributes:
        scale_: `(D,)`, 1 / (maximum - minimum), and 1 for a feature that is constant.
        offset_: `(D,)`, what a zero becomes: -minimum * `scale_`.
        n_features_in_: D.

    >>> MinMax().fit([[0.0, 5.0], [2.0, 5.0]]).transform([[1.0, 5.0], [3.0, 6.0]])
    array([[0.5, 0. ],
           [1.5, 1. ]])
    """

    def _numbers_of(self, matrix: Any) -> tuple[_Vector, _Vector]:
        # A sparse matrix has the ranges of these two rows; the zeros it does not store are taken into account.
        rows = np.stack(min_max_axis(matrix, axis=0, ignore_nan=True)) if issparse(matrix) else matrix
        fitted = MinMaxScaler().fit(rows)
        return fitted.scale_, fitted.min_


class Standard(_Scaler):
    """Scales every feature to mean 0 and standard deviation 1 in the training part.

    The same numbers as scikit-learn's `StandardScaler`. Zeros of a sparse matrix stay zeros, unless asked for.

    Args:
        center_sparse: Whether the mean is taken off sparse features too.

    Attributes:
        scale_: `(D,)`, 1 / standard deviation (ddof 0), and 1 for a feature that is constant.
        offset_: `(D,)`, what a zero becomes: -mean * `scale_`, or 0.
        n_features_in_: D.

    >>> Standard().fit([[0.0, 5.0], [2.0, 5.0]]).transform([[1.0, 5.0], [3.0, 6.0]])
    array([[0., 0.],
           [2., 1.]])
    """

    def __init__(self, center_sparse: bool = False) -> None:
        self.center_sparse = center_sparse

    def _numbers_of(self, matrix: Any) -> tuple[_Vector, _Vector]:
        is_dense = isinstance(matrix, np.ndarray)
        fitted = StandardScaler(with_mean=is_dense).fit(matrix)
        scale_D: _Vector = 1 / fitted.scale_.astype(np.float64)
        return scale_D, -fitted.mean_ * scale_D if is_dense or self.center_sparse else np.zeros(len(scale_D))


class KnownCategories(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Takes a category that the training part does not have for a missing one: nothing is learned of it.

    Args:
        blocks: Where among the features the 0/1 columns of each category are.

    Attributes:
        seen_: `(D,)`, whether the training part has the value; True for what is in no block.
        n_features_in_: D.

    >>> known = KnownCategories((slice(0, 2),)).fit([[1.0, 0.0], [1.0, 0.0]])
    >>> known.transform([[1.0, 0.0], [0.0, 1.0]])
    array([[ 1.,  0.],
           [nan, nan]])
    """

    def __init__(self, blocks: tuple[slice, ...] = ()) -> None:
        self.blocks = blocks

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which categories there are.

        Args:
            X: `(N, D)` of the training part, dense or sparse; sparse features have no blocks.
            y: Not looked at.
        """
        matrix = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")
        self.seen_ = np.ones(matrix.shape[1], dtype=bool)
        for block in self.blocks:
            self.seen_[block] = (matrix[:, block] == 1).any(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        """Return `(N, D)`; NaN where a category is missing or was not seen."""
        check_is_fitted(self)
        matrix = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan"
        )
        return unseen_as_missing(matrix, self.blocks, self.seen_)

    def __sklearn_tags__(self) -> Any:
        return _for_sparse_and_missing(super().__sklearn_tags__())


def unseen_as_missing(matrix_ND: Any, blocks: Sequence[slice], seen_D: npt.NDArray[np.bool_]) -> Any:
    """Return the features with NaN in the whole of a block where its category is one that was not seen.

    Args:
        matrix_ND: `(N, D)`; it stays as it is.
        blocks: Where the 0/1 columns of each category are.
        seen_D: Which of the features were seen.
    """
    for block in blocks:
        if not seen_D[block].all():
            is_unseen_N = (matrix_ND[:, block][:, ~seen_D[block]] == 1).any(axis=1)
            matrix_ND = matrix_ND.copy()
            matrix_ND[is_unseen_N, block] = np.nan
    return matrix_ND


def make_steps(scaling: str, *, center_sparse: bool = False, blocks: tuple[slice, ...] = ()) -> Pipeline:
    """Return the steps from encoded features to what a model takes, to be fitted on the training part alone.

    Args:
        scaling: `"standard"`, `"minmax"` or `"none"`.
        center_sparse: Whether `"standard"` takes the mean off sparse features too.
        blocks: Where among the features the 0/1 columns of each category are.

    Returns:
        A pipeline of `known` categories, `impute` (the mean in place of a missing value) and `scale`.

    Raises:
        ValueError: There is no such scaling.
    """
    scalers: dict[str, Any] = {"standard": Standard(center_sparse), "minmax": MinMax(), "none": "passthrough"}
    if scaling not in scalers:
        raise ValueError(f"scaling={scaling!r}{there_are(scaling, scalers)}")
    imputer = SimpleImputer(strategy="mean", keep_empty_features=True)
    return Pipeline([("known", KnownCategories(blocks)), ("impute", imputer), ("scale", scalers[scaling])])


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
