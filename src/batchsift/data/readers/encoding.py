"""What becomes of the columns of a data frame: features and labels.

A feature column is taken as it is where it holds numbers or booleans; it becomes one 0/1 column for each value where
it holds few different texts (or is a pandas categorical); vectors of one length become as many columns; anything else
(free text, identifiers, dates) is refused by name. A missing value is NaN in all columns that are made of its own.

Shapes: N samples, D features, L labels, V values of a category.
"""

import datetime
import numbers
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.dataset import first_infinite
from batchsift.data.readers.columns import numbered
from batchsift.data.readers.problems import ColumnProblem, TableCellError, TableError, TagError, refuse
from batchsift.data.readers.tags import label_matrix
from batchsift.data.readers.targets import check_negative
from batchsift.messages import cut_short

MOST_CATEGORIES = 100  # of a text column that is taken for a category; each must occur twice on average, too
_YES_NO = {"yes": 1.0, "true": 1.0, "y": 1.0, "t": 1.0, "no": 0.0, "false": 0.0, "n": 0.0, "f": 0.0}
_COMMA_NUMBER = re.compile(r"[+-]?\d*(,\d+)?([eE][+-]?\d+)?")  # "1,5", and "2" beside it
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ]\d{1,2}:\d{2}.{,20})?")
Named = tuple[tuple[str, ...], Any]  # names, and a matrix with a column for each


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


def features_of(frame: pd.DataFrame) -> Named:
    """Turn columns of any kind into names and `(N, D)` numbers: a sparse matrix where all columns are sparse.

    Raises:
        TableError: All columns that are no features, without advice.
    """
    names = tuple(frame.columns)
    if all(isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0 for dtype in frame.dtypes):
        sparse: Any = frame.sparse
        matrix = sparse.to_coo().tocsr()
        refuse(_infinite(names, matrix))
        return names, matrix
    if all(_is_numeric(dtype) for dtype in frame.dtypes):
        numbers_ND = frame.to_numpy(dtype=np.float64, na_value=np.nan)
        refuse(_infinite(names, numbers_ND))
        return names, numbers_ND
    encoded = [_encoded(name, frame[name]) for name in names]
    refuse(
        [
            problem
            for column in encoded
            for problem in ([column] if isinstance(column, ColumnProblem) else _infinite(*column))
        ]
    )
    named = [column for column in encoded if not isinstance(column, ColumnProblem)]
    return tuple(name for names, _ in named for name in names), np.column_stack([matrix for _, matrix in named])


def can_be_feature(name: str, column: pd.Series) -> bool:
    """Return whether a column would be taken for a feature."""
    encoded = _encoded(name, column)
    return not isinstance(encoded, ColumnProblem) and not _infinite(*encoded)


def is_date(column: pd.Series) -> bool:
    """Return whether a column holds nothing but dates, as such or as texts."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or isinstance(column.dtype, pd.PeriodDtype):
        return True
    present = column.dropna()
    if isinstance(column.dtype, pd.CategoricalDtype) or not len(present):
        return False
    if isinstance(present.iloc[0], datetime.date):
        return all(isinstance(value, datetime.date) for value in present)
    if not isinstance(present.iloc[0], str) or not _DATE.fullmatch(present.iloc[0].strip()):
        return False
    return all(isinstance(value, str) and _DATE.fullmatch(value.strip()) for value in present)


def _infinite(names: Sequence[str], matrix_ND: Any) -> list[ColumnProblem]:
    """Return the columns with a number that is not finite, at its first row."""
    matrix_ND = matrix_ND.reshape(matrix_ND.shape[0], -1)  # one feature may be (N,)
    return [
        ColumnProblem(names[column], row, f"{value} is no finite number", is_feature=True)
        for column, row, value in first_infinite(matrix_ND)
    ]


def _label(
    name: str, column: pd.Series, of_lists: str, negative: float | None
) -> npt.NDArray[np.float64] | ColumnProblem:
    """Return `(N,)` of 0, 1 and NaN."""
    try:
        codes_N, values = pd.factorize(column)
    except TypeError:  # lists cannot be told apart
        return ColumnProblem(name, None, f"holds lists; {of_lists.format(name)}")
    meanings = [_number_or_same(value) for value in values]
    known = (0, 1) if negative is None else (negative, 1)
    for code, meaning in enumerate(meanings):
        if meaning not in known:
            expected = f"{known[0]:g} or 1" + ("" if negative is not None else ", true or false, yes or no")
            reason = f"{_quoted(values[code])} is no label; expected {expected}, or nothing (unknown)"
            if meaning == -1:
                reason += "; if -1 says that a sample does not have the label, give negative=-1"
            return ColumnProblem(name, int((codes_N == code).argmax()), reason)
    return np.array([*(float(meaning == 1) for meaning in meanings), np.nan])[
        codes_N
    ]  # the code of a missing one is -1


def _is_numeric(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _encoded(name: str, column: pd.Series) -> Named | ColumnProblem:
    """Return the numeric columns that one column becomes."""
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column), name=name)
    if _is_numeric(column.dtype):
        return (name,), column.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _one_hot(name, column)
    if any(isinstance(value, np.ndarray) and value.ndim == 0 for value in column):  # a number, in wrapping
        column = column.map(lambda value: value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value)
    present = column.dropna()
    if all(isinstance(value, str) for value in present):
        return _encoded_text(name, column, present)
    if all(isinstance(value, (numbers.Number, np.bool_)) and not isinstance(value, complex) for value in present):
        return _encoded_numbers(name, column)
    if all(isinstance(value, (list, tuple, np.ndarray)) for value in present):
        return _vectors(name, column)
    kinds = sorted({type(value).__name__ for value in present})
    return ColumnProblem(name, None, f"holds {' and '.join(kinds)}, which are no features", is_feature=True)


def _encoded_numbers(name: str, column: pd.Series) -> Named | ColumnProblem:
    try:
        return (name,), column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:
        row = next(row for row, value in enumerate(column) if isinstance(value, int) and _is_too_large(value))
        reason = f"a whole number of {len(str(abs(column.iloc[row])))} digits is no finite number"
        return ColumnProblem(name, row, reason, is_feature=True)


def _encoded_text(name: str, column: pd.Series, present: pd.Series) -> Named | ColumnProblem:
    codes_N, texts = pd.factorize(column)
    if any("," in text for text in texts) and all(_COMMA_NUMBER.fullmatch(text.strip()) for text in texts):
        comma = next(text for text in texts if "," in text)
        reason = (
            f"holds numbers with a decimal comma, such as {_quoted(comma)}: write points, or give from_frame what "
            "pandas.read_csv(..., decimal=',') reads"
        )
        return ColumnProblem(name, None, reason, is_feature=True)
    numbers_V = np.array([value if isinstance(value, float) else np.nan for value in map(_number_or_same, texts)])
    if not np.isnan(numbers_V).any():
        return (name,), np.array([*numbers_V, np.nan])[codes_N]
    is_stray_V = np.isnan(numbers_V)
    is_word_V = np.array([str(text).strip().lower() in _YES_NO for text in texts])  # of a category, with the strays
    num_numbers = np.append(~is_stray_V & ~is_word_V, False)[codes_N].sum()
    if num_numbers * 2 >= len(present):
        row = int(np.append(is_stray_V, False)[codes_N].argmax())
        return ColumnProblem(
            name, row, f"{_quoted(column.iloc[row])} is no number, in a column of numbers: correct it", is_feature=True
        )
    values = present.str.strip().unique()
    if len(values) <= MOST_CATEGORIES and len(values) * 2 <= len(present):
        return _one_hot(name, column.str.strip().astype(pd.CategoricalDtype(sorted(values))))
    reason = (
        f"holds {len(values)} different texts in {len(present)} rows, such as {_quoted(values[0])}: an identifier or "
        "free text is no feature (a pandas categorical is)"
    )
    return ColumnProblem(name, None, reason, is_feature=True)


def _one_hot(name: str, column: pd.Series) -> Named | ColumnProblem:
    """Return one 0/1 column for each value, as for nominal attributes of ARFF; one in all for 0 and 1 themselves."""
    values = [str(value) for value in column.cat.categories]
    if not values:
        return ColumnProblem(name, None, "is a categorical without a category, which is no feature", is_feature=True)
    codes_N = column.cat.codes.to_numpy()
    is_binary = set(values) == {"0", "1"}
    rows_V = np.array([[float(value)] for value in values]) if is_binary else np.eye(len(values))
    matrix = rows_V[codes_N]
    matrix[codes_N < 0] = np.nan
    return (name,) if is_binary else tuple(f"{name}={value}" for value in values), matrix


def _vectors(name: str, column: pd.Series) -> Named | ColumnProblem:
    lengths = column.map(_num_numbers, na_action="ignore")
    if (lengths == -1).any():
        row = int((lengths == -1).to_numpy().argmax())
        return ColumnProblem(name, row, "a list of lists of several lengths is no vector", is_feature=True)
    length = int(lengths.dropna().iloc[0])
    if (wrong := lengths.notna() & (lengths != length)).any():
        row = int(wrong.to_numpy().argmax())
        reason = f"a vector of {int(lengths.iloc[row])} numbers; the first one has {length}"
        return ColumnProblem(name, row, reason, is_feature=True)
    matrix = np.full((len(column), length), np.nan)
    for row, value in enumerate(column):
        if np.ndim(value):
            try:
                matrix[row] = np.asarray(value, dtype=np.float64).ravel()
            except (ValueError, TypeError) as error:
                return ColumnProblem(name, row, f"not a vector of numbers ({error})", is_feature=True)
    return numbered(name, length), matrix


def _num_numbers(vector: Any) -> int:
    """Return how many numbers a vector has, and what is within it; -1 where it is of several lengths."""
    try:
        return int(np.size(vector))
    except ValueError:
        return -1


def _is_too_large(number: int) -> bool:
    try:
        float(number)
    except OverflowError:
        return True
    return False


def _number_or_same(value: Any) -> Any:
    """Return the number that a text stands for if it says a number, yes or no; else the value."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word in _YES_NO:
        return _YES_NO[word]
    try:
        number = float(word)
    except ValueError:
        return value
    return value if np.isnan(number) or "_" in word else number  # Python reads 1_000 as a thousand


def _quoted(value: Any) -> str:
    return repr(cut_short(value, 40)) if isinstance(value, str) else str(value)
