"""What becomes of the columns of a data frame: features and labels.

`kinds` says what a feature column holds, `encoder` makes numbers of it. A missing value is NaN in all columns that are
made of its own.

Shapes: N samples, D features, L labels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.readers.cells import Named, is_numeric, number_or_same, quoted
from batchsift.data.readers.problems import ColumnProblem, TableCellError, TableError, TagError, refuse
from batchsift.data.readers.tags import label_matrix
from batchsift.data.readers.targets import check_negative
from batchsift.data.schema import TableColumn, feature_columns


def labels_of_columns(frame: pd.DataFrame, *, of_lists: str, negative: float | None = None) -> Named:
    """Turn L columns of 0/1, booleans or yes/no into names and `(N, L)` of 0, 1 and NaN.

    Args:
        frame: The columns.
        of_lists: What to do with a column of lists, for the message; `{!r}` is its name.
        negative: A number other than 0 that stands for not having a label.

    Raises:
        TableError: All columns that hold something else.
    """
    check_negative(negative)
    columns = [_label(str(name), frame[name], of_lists, negative) for name in frame.columns]
    refuse([column for column in columns if isinstance(column, ColumnProblem)])
    return tuple(frame.columns), np.column_stack(
        [column for column in columns if not isinstance(column, ColumnProblem)]
    )


def labels_of_one_column(
    column: pd.Series,
    *,
    as_one_label: str,
    delimiter: str | None = None,
    known_names: Sequence[str] | None = None,
) -> Named:
    """Turn a column of tags or lists into names and `(N, L)` of 0 and 1; see `label_matrix`.

    Raises:
        TableCellError: A cell that is no tag, no number and no list of such.
        TableError: It is not clear what the cells mean.
    """
    cells = column.astype(object).where(column.notna(), None)
    try:
        matrix, names = label_matrix(
            list(cells), delimiter=delimiter, known_names=known_names, as_one_label=as_one_label
        )
    except TagError as error:
        problem = ColumnProblem(str(column.name), error.row, error.reason)
        raise TableCellError(problem, error.row) from error
    except ValueError as error:
        raise TableError([ColumnProblem(str(column.name), None, f": {error}")]) from error
    return names, matrix


def features_of(frame: pd.DataFrame, columns: Sequence[TableColumn]) -> Named:
    """Turn columns into names and `(N, D)` numbers: a sparse matrix where all columns are sparse.

    Args:
        frame: The frame; what is no feature is passed over.
        columns: What its columns hold: see `kinds`.
    """
    columns = feature_columns(columns)
    names = tuple(name for column in columns for name in column.feature_names)
    if not names:
        return names, np.empty((len(frame), 0))
    frame = frame[[column.name for column in columns]]
    if all(isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0 for dtype in frame.dtypes):
        sparse: Any = frame.sparse
        return names, sparse.to_coo().tocsr()
    if all(is_numeric(dtype) for dtype in frame.dtypes):
        return names, frame.to_numpy(dtype=np.float64, na_value=np.nan)
    from batchsift.data.readers.encoder import column_encoder  # noqa: PLC0415 (scikit-learn: only where it has work)

    return names, column_encoder(columns).fit_transform(frame)


def _label(
    name: str, column: pd.Series, of_lists: str, negative: float | None
) -> npt.NDArray[np.float64] | ColumnProblem:
    """Return `(N,)` of 0, 1 and NaN."""
    try:
        codes_N, values = pd.factorize(column)
    except TypeError:  # lists cannot be told apart
        return ColumnProblem(name, None, f"holds lists; {of_lists.format(name)}")
    meanings = [number_or_same(value) for value in values]
    known = (0, 1) if negative is None else (negative, 1)
    for code, meaning in enumerate(meanings):
        if meaning not in known:
            expected = f"{known[0]:g} or 1" + ("" if negative is not None else ", true or false, yes or no")
            reason = f"{quoted(values[code])} is no label; expected {expected}, or nothing (unknown)"
            if meaning == -1:
                reason += "; if -1 says that a sample does not have the label, give negative=-1"
            return ColumnProblem(name, int((codes_N == code).argmax()), reason)
    return np.array([*(float(meaning == 1) for meaning in meanings), np.nan])[
        codes_N
    ]  # the code of a missing one is -1
