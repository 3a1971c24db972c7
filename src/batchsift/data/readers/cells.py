"""From the cells of one column to numbers, or to what is wrong with them.

N rows, V different values.
"""

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.dataset import first_infinite
from batchsift.data.readers.problems import ColumnProblem
from batchsift.messages import num_digits, shown

Named = tuple[tuple[str, ...], Any]  # names, and a matrix with a column for each
YES_NO = {"yes": 1.0, "true": 1.0, "y": 1.0, "t": 1.0, "no": 0.0, "false": 0.0, "n": 0.0, "f": 0.0}


def dense(column: pd.Series) -> pd.Series:
    """Return a column as it is, unpacked where pandas stores it sparsely or where numbers are arrays of one."""
    if isinstance(column.dtype, pd.SparseDtype):
        return pd.Series(np.asarray(column), name=column.name)
    if column.dtype == object and any(_is_wrapped(value) for value in column):
        return column.map(lambda value: value.item() if _is_wrapped(value) else value)
    return column


def _is_wrapped(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0


def is_numeric(dtype: Any) -> bool:
    """Return whether pandas stores real numbers or booleans under this type."""
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def holds_numbers(column: pd.Series) -> bool:
    """Return whether all cells are real numbers or booleans, as such."""
    if is_numeric(column.dtype):
        return True
    return all(
        isinstance(value, (numbers.Number, np.bool_)) and not isinstance(value, complex) for value in column.dropna()
    )


def numbers_in(name: str, column: pd.Series) -> npt.NDArray[np.float64] | ColumnProblem:
    """Return `(N,)` of what a column says in numbers, booleans, or texts of such; NaN where missing."""
    column = dense(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if holds_numbers(column):
        try:
            values_N = column.to_numpy(dtype=np.float64, na_value=np.nan)
        except OverflowError:
            return _too_large(name, column)
        return next(iter(infinite((name,), values_N)), values_N)
    try:
        codes_N, values = pd.factorize(column.astype(object).to_numpy())
    except TypeError:  # lists cannot be told apart
        return ColumnProblem(name, None, "holds lists, which are no numbers", is_feature=True)
    numbers_V = said_numbers(values)
    if np.isnan(numbers_V).any():
        return stray(name, column, np.isnan(numbers_V), codes_N)
    values_N = np.array([*numbers_V, np.nan])[codes_N]
    return next(iter(infinite((name,), values_N)), values_N)


def said_numbers(values: Iterable[Any]) -> npt.NDArray[np.float64]:
    """Return `(V,)` of the numbers that values say, NaN where they say none."""
    meanings = map(number_or_same, values)
    return np.array([float(v) if isinstance(v, (numbers.Real, np.bool_)) else np.nan for v in meanings])


def stray(
    name: str, column: pd.Series, is_stray_V: npt.NDArray[np.bool_], codes_N: npt.NDArray[np.int64]
) -> ColumnProblem:
    """Return the problem of a value that is no number, where it stands first."""
    row = int(np.append(is_stray_V, False)[codes_N].argmax())
    reason = f"{quoted(column.iloc[row])} is no number, in a column of numbers: correct it"
    return ColumnProblem(name, row, reason, is_feature=True)


def vectors_in(name: str, column: pd.Series, width: int | None = None) -> npt.NDArray[np.float64] | ColumnProblem:
    """Return `(N, width)` of what stands in lists or arrays, the width of the first by default; NaN where missing."""
    lengths = column.map(_num_numbers, na_action="ignore")
    if (lengths == -1).any():
        row = int((lengths == -1).to_numpy().argmax())
        return ColumnProblem(name, row, "a list of lists of several lengths is no vector", is_feature=True)
    length = int(lengths.dropna().iloc[0]) if width is None else width
    if (wrong := lengths.notna() & (lengths != length)).any():
        row = int(wrong.to_numpy().argmax())
        first = "the first one has" if width is None else "in training they had"
        reason = f"a vector of {int(lengths.iloc[row])} numbers; {first} {length}"
        return ColumnProblem(name, row, reason, is_feature=True)
    matrix = np.full((len(column), length), np.nan)
    for row, value in enumerate(column):
        if np.ndim(value):
            try:
                matrix[row] = np.asarray(value, dtype=np.float64).ravel()
            except (ValueError, TypeError, OverflowError) as error:
                return ColumnProblem(name, row, f"not a vector of numbers ({error})", is_feature=True)
    return next(iter(infinite([f"{name}_{i}" for i in range(length)], matrix)), matrix)


def _num_numbers(vector: Any) -> int:
    """Return how many numbers a vector has, and what is within it; -1 where it is of several lengths."""
    try:
        return int(np.size(vector))
    except ValueError:
        return -1


def _too_large(name: str, column: pd.Series) -> ColumnProblem:
    """Return the problem of a whole number that no float can hold."""
    row = next(row for row, value in enumerate(column) if isinstance(value, int) and _is_too_large(value))
    reason = f"a whole number of {num_digits(column.iloc[row])} digits is no finite number"
    return ColumnProblem(name, row, reason, is_feature=True)


def _is_too_large(number: int) -> bool:
    try:
        float(number)
    except OverflowError:
        return True
    return False


def texts_in(column: pd.Series) -> npt.NDArray[np.object_]:
    """Return `(N,)` of the values as texts without blanks around them, None where missing."""
    texts = dense(column).astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    found: npt.NDArray[np.object_] = texts.where(texts.notna(), None).to_numpy(dtype=object)
    return found


def infinite(names: Sequence[str], matrix_ND: Any) -> list[ColumnProblem]:
    """Return the columns with a number that is not finite, at its first row."""
    matrix_ND = matrix_ND.reshape(matrix_ND.shape[0], -1)  # one feature may be (N,)
    return [
        ColumnProblem(names[column], row, f"{value} is no finite number", is_feature=True)
        for column, row, value in first_infinite(matrix_ND)
    ]


def number_or_same(value: Any) -> Any:
    """Return the number that a text stands for if it says a number, yes or no; else the value."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word in YES_NO:
        return YES_NO[word]
    try:
        number = float(word)
    except ValueError:
        return value
    return value if np.isnan(number) or "_" in word else number  # Python reads 1_000 as a thousand


def quoted(value: Any) -> str:
    """Return a value as messages show it: texts in quotes, cut short."""
    return shown(value)
