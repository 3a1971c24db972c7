"""What a column of a table holds, and so which features it becomes.

| a column of | is |
| --- | --- |
| numbers, booleans, texts of such, yes and no | a number |
| dates, as such or as texts | a date |
| few different texts, or a pandas categorical | a category |
| vectors of one length | a vector |
| integers or texts, each another one, under the name of an identifier | an identifier |
| other texts | text |

Anything else is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from batchsift.data.readers.cells import (
    YES_NO,
    dense,
    holds_numbers,
    infinite,
    is_numeric,
    numbers_in,
    quoted,
    said_numbers,
    stray,
    vectors_in,
)
from batchsift.data.readers.dates import ORDERS, AmbiguousDatesError, NoDateError, are_dates, parts_of, times_of
from batchsift.data.readers.problems import ColumnProblem
from batchsift.data.schema import DateOrder, TableColumn
from batchsift.messages import cut_short, there_are

MOST_CATEGORIES = 100  # of a text column that is taken for a category; each must occur twice on average, too
Dates = Literal["features", "drop", "day-first", "month-first"]
_COMMA_NUMBER = re.compile(r"[+-]?\d*(,\d+)?([eE][+-]?\d+)?")  # "1,5", and "2" beside it
_EXAMPLES = 3


def check_dates(dates: str | None) -> Dates:
    """Return what is to become of dates, `"features"` by default.

    Raises:
        ValueError: There is no such word.
    """
    words: tuple[Dates, ...] = get_args(Dates)
    for word in words:
        if dates in (None, word):
            return word
    raise ValueError(f"dates={dates!r}{there_are(str(dates), words)}")


def columns_of(frame: pd.DataFrame, dates: Dates = "features") -> list[TableColumn | ColumnProblem]:
    """Return what each column holds, or what is wrong with it."""
    if all(is_numeric(dtype) for dtype in frame.dtypes):  # thousands of them, often
        columns: dict[str, TableColumn | ColumnProblem] = {name: TableColumn(name, "number") for name in frame.columns}
        columns.update({problem.column: problem for problem in _infinite(frame)})
        return list(columns.values())
    return [column_of(name, frame[name], dates) for name in frame.columns]


def column_of(name: str, column: pd.Series, dates: Dates = "features") -> TableColumn | ColumnProblem:
    """Return what one column holds, or what is wrong with it.

    Args:
        name: What the column is called.
        column: Its cells.
        dates: `"day-first"` and `"month-first"` say how dates such as 03/04/2021 are read.
    """
    column = dense(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = tuple(dict.fromkeys(str(value).strip() for value in column.cat.categories))
        if not values:
            return ColumnProblem(
                name, None, "is a categorical without a category, which is no feature", is_feature=True
            )
        if set(values) == {"0", "1"}:
            return TableColumn(name, "number")
        return with_counts(TableColumn(name, "category", values=values), column)
    if is_numeric(column.dtype):
        return _number(name, column)
    return _dates(name, column, dates) if are_dates(column) else _objects(name, column)


def with_counts(column: TableColumn, cells: pd.Series) -> TableColumn:
    """Return the column with what `describe` says of its cells: missing ones, different values, examples."""
    present = cells.dropna()
    try:
        values: Any = pd.unique(present.astype(object))
    except TypeError:  # lists cannot be told apart, but as texts
        values = pd.unique(present.map(repr))
    examples = tuple(cut_short(" ".join(str(value).split()), 40) for value in values[:_EXAMPLES])
    return replace(column, missing=len(cells) - len(present), num_values=len(values), examples=examples)


def has_one_value_a_row(column: pd.Series) -> bool:
    """Return whether a column holds integers or texts, each another one, in most of the rows."""
    present = dense(column).dropna()
    if len(present) * 2 <= len(column) or present.astype(str).nunique() < len(present):
        return False
    if not holds_numbers(present):
        return all(isinstance(value, str) for value in present)
    return bool((present.astype(np.float64) % 1 == 0).all())


def refused_text(column: TableColumn, num_rows: int) -> ColumnProblem:
    """Return the problem of a column of free text where it would be a feature."""
    reason = (
        f"holds {column.num_values} different texts in {num_rows - (column.missing or 0)} rows, such as "
        f"{quoted(column.examples[0])}: an identifier or free text is no feature (a pandas categorical is)"
    )
    return ColumnProblem(column.name, None, reason, is_feature=True)


def _number(name: str, column: pd.Series) -> TableColumn | ColumnProblem:
    values_N = numbers_in(name, column)
    return values_N if isinstance(values_N, ColumnProblem) else TableColumn(name, "number")


def _objects(name: str, column: pd.Series) -> TableColumn | ColumnProblem:
    present = column.dropna()
    if all(isinstance(value, str) for value in present):
        return _texts(name, column, present)
    if holds_numbers(column):
        return _number(name, column)
    if all(isinstance(value, (list, tuple, np.ndarray)) for value in present):
        matrix = vectors_in(name, column)
        if isinstance(matrix, ColumnProblem):
            return matrix
        return TableColumn(name, "vector", width=matrix.shape[1], missing=int(column.isna().sum()))
    kinds = sorted({type(value).__name__ for value in present})
    return ColumnProblem(name, None, f"holds {' and '.join(kinds)}, which are no features", is_feature=True)


def _texts(name: str, column: pd.Series, present: pd.Series) -> TableColumn | ColumnProblem:
    codes_N, texts = pd.factorize(column.astype(object))
    if any("," in text for text in texts) and all(_COMMA_NUMBER.fullmatch(text.strip()) for text in texts):
        comma = next(text for text in texts if "," in text)
        reason = (
            f"holds numbers with a decimal comma, such as {quoted(comma)}: write points, or give from_frame what "
            "pandas.read_csv(..., decimal=',') reads"
        )
        return ColumnProblem(name, None, reason, is_feature=True)
    is_stray_V = np.isnan(said_numbers(texts))
    if not is_stray_V.any():
        return _number(name, column)
    is_word_V = np.array([text.strip().lower() in YES_NO for text in texts])  # of a category, with the strays
    num_numbers = np.append(~is_stray_V & ~is_word_V, False)[codes_N].sum()
    if num_numbers * 2 >= len(present):
        return stray(name, column, is_stray_V, codes_N)
    values = sorted(present.str.strip().unique())
    if len(values) <= MOST_CATEGORIES and len(values) * 2 <= len(present):
        return with_counts(TableColumn(name, "category", values=tuple(values)), column.str.strip())
    return with_counts(TableColumn(name, "text", is_used=False), column.str.strip())


def _dates(name: str, column: pd.Series, dates: Dates) -> TableColumn | ColumnProblem:
    order: DateOrder | None = next((order for order in ORDERS if order == dates), None)
    try:
        times_N, order = times_of(column, order)
    except NoDateError as error:
        if dates == "drop":
            return with_counts(TableColumn(name, "date", is_used=False), column)
        reason = f"{quoted(column.iloc[error.row])} is no date, in a column of dates: correct it"
        return ColumnProblem(name, error.row, reason, is_feature=True)
    except AmbiguousDatesError as error:
        if dates == "drop":
            return with_counts(TableColumn(name, "date", is_used=False), column)
        reason = (
            f"holds dates, and {error}: say which with dates='day-first' or dates='month-first', or leave them out "
            "with dates='drop'"
        )
        return ColumnProblem(name, None, reason, is_feature=True, is_ambiguous=True)
    found = TableColumn(name, "date", parts=parts_of(times_N), order=order, is_used=dates != "drop")
    return with_counts(found, column)


def _infinite(frame: pd.DataFrame) -> Sequence[ColumnProblem]:
    if all(isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0 for dtype in frame.dtypes):
        sparse: Any = frame.sparse
        return infinite(list(frame.columns), sparse.to_coo().tocsr())
    return infinite(list(frame.columns), frame.to_numpy(dtype=np.float64, na_value=np.nan))
