"""The ColumnTransformer that makes features of the columns of a table: what it has learned is a `TableColumn` for each.

One 0/1 feature for each value of a category, a few for a date, one for a number; NaN where a cell is missing. Means and
scales are learned later, from a training part alone (`batchsift.data.transforms`).

Shapes: N samples, C columns, D features.
"""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from batchsift.data.readers.cells import numbers_in, quoted, texts_in, vectors_in
from batchsift.data.readers.dates import AmbiguousDatesError, NoDateError, features_of_dates, times_of
from batchsift.data.readers.problems import ColumnProblem, refuse
from batchsift.data.schema import TableColumn, Unknown, category_blocks

_Matrix = npt.NDArray[np.float64]


def column_encoder(columns: Sequence[TableColumn], unknown: Unknown = "error") -> ColumnTransformer:
    """Return the transformer from frames with these columns to `(N, D)` float64, in the order of the columns.

    Args:
        columns: Columns that become features.
        unknown: What a value that is none of its category is: an error, or missing.

    >>> hue = TableColumn("hue", "category", values=("g", "r"))
    >>> column_encoder([hue]).fit_transform(pd.DataFrame({"hue": ["r", None]}))
    array([[ 0.,  1.],
           [nan, nan]])
    """
    steps: list[tuple[str, AsNumbers, list[str]]] = []
    for kind, group in groupby(columns, key=lambda column: column.kind):  # thousands of numbers are one step
        alike = tuple(group)
        step = OneHot(alike, unknown) if kind == "category" else AsNumbers(alike)
        steps.append((f"{kind}-{len(steps)}", step, [column.name for column in alike]))
    return ColumnTransformer(steps, sparse_threshold=0, verbose_feature_names_out=False)


def problems_with(frame: pd.DataFrame, columns: Sequence[TableColumn]) -> list[ColumnProblem]:
    """Return all cells that cannot be encoded, one a column; unknown categories apart."""
    results = [
        _numbers_of(column, frame[column.name]) for column in columns if column.kind in ("number", "date", "vector")
    ]
    return [result for result in results if isinstance(result, ColumnProblem)]


def unknown_values(column: TableColumn, cells: pd.Series, unseen: Collection[str] = ()) -> "pd.Series[int]":
    """Return the values that a category does not have, and how often each occurs, in the order of the cells.

    Args:
        column: The category.
        cells: The cells.
        unseen: Names of features that count as if they were not there.
    """
    pairs = zip(column.values, column.feature_names, strict=True)
    known = {value for value, name in pairs if name not in unseen}
    values = [text for text in texts_in(cells) if text is not None and text not in known]
    return pd.Series(values, dtype=object).value_counts(sort=False)


class AsNumbers(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Makes numbers of columns of numbers, dates or vectors; what it must know was found when the table was read.

    Args:
        columns: C of them.
    """

    def __init__(self, columns: tuple[TableColumn, ...]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Do nothing: `columns` has all there is to know."""
        return self

    def transform(self, X: pd.DataFrame) -> _Matrix:
        """Return `(N, D)`.

        Raises:
            TableError: A cell that does not fit its column.
        """
        results = [_numbers_of(column, X[column.name]) for column in self.columns]
        refuse([result for result in results if isinstance(result, ColumnProblem)])
        return np.column_stack([result for result in results if not isinstance(result, ColumnProblem)])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return D names."""
        return np.array([name for column in self.columns for name in column.feature_names], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class OneHot(AsNumbers):
    """Makes one 0/1 column of each value; a missing value is missing in all of them.

    Args:
        columns: C categories.
        unknown: What another value is: an error, or missing.
    """

    def __init__(self, columns: tuple[TableColumn, ...], unknown: Unknown = "error") -> None:
        super().__init__(columns)
        self.unknown = unknown

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Make the encoder, whose categories are given."""
        categories = [np.array(column.values, dtype=object) for column in self.columns]
        encoder = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
        self.encoder_ = encoder.fit(np.array([[values[0] for values in categories]], dtype=object))
        return self

    def transform(self, X: pd.DataFrame) -> _Matrix:
        """Return `(N, D)` of 0, 1 and NaN.

        Raises:
            TableError: A value that is none of its category, unless such are missing.
        """
        if self.unknown == "error":
            refuse([problem for column in self.columns for problem in _unknown(column, X[column.name])])
        matrix: _Matrix = self.encoder_.transform(np.column_stack([texts_in(X[c.name]) for c in self.columns]))
        for block in category_blocks(self.columns):
            matrix[~matrix[:, block].any(axis=1), block] = np.nan
        return matrix


def _numbers_of(column: TableColumn, cells: pd.Series) -> _Matrix | ColumnProblem:
    """Return `(N,)` or `(N, width)` of one column that is no category."""
    if column.kind == "number":
        return numbers_in(column.name, cells)
    if column.kind == "vector":
        return vectors_in(column.name, cells, column.width)
    try:
        times_N, _ = times_of(cells, column.order)
    except NoDateError as error:
        reason = f"{quoted(cells.iloc[error.row])} is no date, in a column of dates: correct it"
        return ColumnProblem(column.name, error.row, reason, is_feature=True)
    except AmbiguousDatesError as error:
        return ColumnProblem(column.name, None, f"holds dates, and {error}: write them as 2021-04-03", is_feature=True)
    features = features_of_dates(times_N)
    return np.column_stack([features[part] for part in column.parts])


def _unknown(column: TableColumn, cells: pd.Series) -> list[ColumnProblem]:
    found = unknown_values(column, cells)
    if not len(found):
        return []
    row = int(np.isin(texts_in(cells), [found.index[0]]).argmax())
    return [ColumnProblem(column.name, row, f"{quoted(found.index[0])} did not occur in training", is_feature=True)]
