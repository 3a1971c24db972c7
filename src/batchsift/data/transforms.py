"""Transformations learned from the training part alone, as scikit-learn transformers.

Shapes: N samples, D features.
"""

from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.sparsefuncs import inplace_column_scale, min_max_axis
from sklearn.utils.validation import check_is_fitted, validate_data


class MinMax(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Scales every feature to [0, 1] by its range in the training part; sparse where it can be.

    The same numbers as scikit-learn's `MinMaxScaler`, which refuses sparse matrices. A sparse matrix stays sparse where
    no zero moves, that is where every feature's minimum is 0; otherwise the rows that are asked for become dense.
    Missing values are passed over, and stay missing.

    Attributes:
        scale_: `(D,)`, 1 / (maximum - minimum), and 1 for a feature that is constant.
        min_: `(D,)`, what a zero becomes: -minimum * `scale_`.
        n_features_in_: D.

    >>> MinMax().fit([[0.0, 5.0], [2.0, 5.0]]).transform([[1.0, 5.0], [3.0, 6.0]])
    array([[0.5, 0. ],
           [1.5, 1. ]])
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the ranges.

        Args:
            X: `(N, D)` of the training part, dense or sparse.
            y: Not looked at.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan")
        # A sparse matrix has the ranges of these two rows, and the zeros it does not store are among them.
        rows = np.stack(min_max_axis(X, axis=0, ignore_nan=True)) if issparse(X) else X
        fitted = MinMaxScaler().fit(rows)
        self.scale_, self.min_ = fitted.scale_, fitted.min_
        return self

    def transform(self, X: Any) -> Any:
        """`(N, D)` scaled by the learned ranges: values outside them lie outside [0, 1]."""
        check_is_fitted(self)
        matrix: Any = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=np.float64, ensure_all_finite="allow-nan", copy=True
        )
        if isinstance(matrix, np.ndarray):
            return matrix * self.scale_ + self.min_
        inplace_column_scale(matrix, self.scale_)
        return matrix.toarray() + self.min_ if self.min_.any() else matrix

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
