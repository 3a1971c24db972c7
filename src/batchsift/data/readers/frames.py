"""Data frames: which columns are labels, and how the others become numbers.

A feature column is taken as it is where it holds numbers or booleans; it becomes one 0/1 column for each value where
it holds few different texts (or is a pandas categorical); vectors of one length become as many columns; anything else
(free text, identifiers, dates) is refused by name. A missing value is NaN in all columns that are made of its own.

Shapes: N samples, D features, L labels, V values of a category.
"""

import numbers
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import (
    chosen_columns,
    how_to_drop,
    is_identifier,
    named_column,
    numbered,
    repeated_name,
    true_at_ends,
)
from batchsift.data.readers.problems import CellError, TableCellError
from batchsift.data.readers.tags import label_matrix
from batchsift.messages import cut_short, first_few

MOST_CATEGORIES = 100  # of a text column that is taken for a category; each must occur twice on average, too
_YES_NO = {"yes": 1.0, "true": 1.0, "y": 1.0, "t": 1.0, "no": 0.0, "false": 0.0, "n": 0.0, "f": 0.0}
_COMMA_NUMBER = re.compile(r"[+-]?\d*(,\d+)?([eE][+-]?\d+)?")  # "1,5", and "2" beside it
_Named = tuple[tuple[str, ...], Any]  # names, and a matrix with a column for each


def from_frame(
    frame: pd.DataFrame,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of a pandas data frame; the index is not looked at.

    One of `labels`, `label_columns` and `label_column` says which columns are labels; all others are features.

    Args:
        frame: A frame with one row a sample.
        labels: How many of the last columns are labels, each of 0/1, booleans or yes/no; missing: not labelled.
        label_columns: The same by names or patterns, such as `"y_*"` or `["red", "round"]`.
        label_column: One column with all labels of a sample: delimited text, or a list. Empty: no label.
        delimiter: What parts the tags in `label_column`; by default the one of `|`, `;` and `,` that occurs.
        drop: Columns to leave out, by names or patterns. First and last features called `id`, or `instance_id`,
            `sample_id`, `example_id`, `row_id` or `record_id`, are left out too, and a warning names them, unless
            this is empty.
        name: The data set's name.

    Raises:
        ValueError: No such column, columns of one name, or a column that cannot be what it should be.
        TableCellError: A value that does not fit its column; a `ValueError`.

    >>> frame = pd.DataFrame({"size": [1, 2, 3, 4], "hue": ["r", "g", "g", "r"], "tags": ["a|b", "b", "", "a"]})
    >>> data = from_frame(frame, label_column="tags")
    >>> data.feature_names, data.label_names, data.labels.tolist()
    (('size', 'hue=g', 'hue=r'), ('a', 'b'), [[1, 1], [0, 1], [0, 0], [1, 0]])
    """
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    if (problem := repeated_name(list(frame.columns))) is not None:
        raise ValueError(problem)
    is_dropped = chosen_columns(list(frame.columns), () if drop is None else drop, "drop")
    keeps_all = drop is not None and not is_dropped.any()
    frame = frame.loc[:, ~is_dropped]
    mask = label_mask(list(frame.columns), labels, label_columns, label_column)
    if delimiter is not None and label_column is None:
        raise ValueError(f"delimiter={delimiter!r} parts the tags of a label_column, which is not given")
    if mask.all() or not mask.any():
        raise ValueError(f"{mask.sum()} of {len(mask)} columns are labels; expected at least one label and one feature")
    if len(frame) == 0:
        raise ValueError("there are no rows; expected at least one sample")
    if label_column is None:
        label_names, matrix = labels_of_columns(frame.loc[:, mask])
    else:
        label_names, matrix = labels_of_one_column(frame[label_column], delimiter=delimiter)
    chosen = frame.loc[:, ~mask]
    feature_names, features = features_of(chosen if keeps_all else _without_identifiers(chosen))
    return MultiLabelData(features, matrix, feature_names, label_names, name)


def label_mask(
    names: Sequence[str],
    labels: int | None,
    label_columns: str | Sequence[str] | None,
    label_column: str | None,
) -> npt.NDArray[np.bool_]:
    """Return which columns are labels, from the one of three ways that is given."""
    ways = [way for way in (labels, label_columns, label_column) if way is not None]
    if len(ways) != 1:
        given = "none is given" if not ways else "several are given"
        raise ValueError(
            "say which columns are labels by one of labels=N (the last N), label_columns='NAMES' and "
            f"label_column='NAME' (delimited tags): {given}. The columns are "
            f"{first_few([repr(name) for name in names], shown=12)}"
        )
    if labels is not None:
        if not 1 <= labels < len(names):
            raise ValueError(f"labels={labels} of {len(names)} columns; expected at least one label and one feature")
        return np.arange(len(names)) >= len(names) - labels
    if label_columns is not None:
        return chosen_columns(names, label_columns, "label_columns")
    return named_column(names, str(label_column), "label_column")


def _without_identifiers(frame: pd.DataFrame) -> pd.DataFrame:
    ends = [frame.columns[position] for position in true_at_ends([is_identifier(name) for name in frame.columns])]
    if not ends:
        return frame
    which = (
        "identifies rows rather than describes them" if len(ends) == 1 else "identify rows rather than describe them"
    )
    warnings.warn(
        f"dropped {' and '.join(map(repr, ends))}, which {which}; " + how_to_drop(ends),
        UserWarning,
        stacklevel=3,
    )
    return frame.drop(columns=ends)


def labels_of_columns(frame: pd.DataFrame) -> _Named:
    """Turn L columns of 0/1, booleans or yes/no into names and `(N, L)` of 0, 1 and NaN."""
    names = tuple(frame.columns)
    return names, np.column_stack([_label(name, frame[name]) for name in names])


def labels_of_one_column(
    column: pd.Series, *, delimiter: str | None = None, known_names: Sequence[str] | None = None
) -> _Named:
    """Turn a column of tags or lists into names and `(N, L)` of 0 and 1; see `label_matrix`."""
    cells = column.astype(object).where(column.notna(), None)
    try:
        matrix, names = label_matrix(list(cells), delimiter=delimiter, known_names=known_names)
    except CellError as error:
        raise TableCellError(str(column.name), error.row, error.reason) from error
    except ValueError as error:
        raise ValueError(f"column {column.name!r}: {error}") from error
    return names, matrix


def features_of(frame: pd.DataFrame) -> _Named:
    """Turn columns of any kind into names and `(N, D)` numbers: a sparse matrix where all columns are sparse."""
    if all(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes):
        sparse: Any = frame.sparse
        return tuple(frame.columns), sparse.to_coo().tocsr()
    if all(_is_numeric(dtype) for dtype in frame.dtypes):
        return tuple(frame.columns), frame.to_numpy(dtype=np.float64, na_value=np.nan)
    named = [_encoded(name, frame[name]) for name in frame.columns]
    return tuple(name for names, _ in named for name in names), np.column_stack([matrix for _, matrix in named])


def _label(name: str, column: pd.Series) -> npt.NDArray[np.float64]:
    """Return `(N,)` of 0, 1 and NaN."""
    try:
        codes_N, values = pd.factorize(column)
    except TypeError as error:  # lists cannot be told apart
        raise ValueError(
            f"column {name!r} holds lists; give a column with all labels as label_column={name!r}"
        ) from error
    meanings = [_number_or_same(value) for value in values]
    for code, meaning in enumerate(meanings):
        if meaning not in (0, 1):
            reason = (
                f"{_quoted(values[code])} is no label; expected 0 or 1, true or false, yes or no, or nothing (unknown)"
            )
            raise TableCellError(name, int((codes_N == code).argmax()), reason)
    return np.array([*map(float, meanings), np.nan])[codes_N]  # the code of a missing value is -1, the last


def _is_numeric(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _encoded(name: str, column: pd.Series) -> _Named:
    """Return the numeric columns that one column becomes."""
    if _is_numeric(column.dtype):
        return (name,), column.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _one_hot(name, column)
    present = column.dropna()
    if all(isinstance(value, str) for value in present):
        return _encoded_text(name, column, present)
    if all(isinstance(value, (numbers.Number, np.bool_)) and not isinstance(value, complex) for value in present):
        return (name,), column.to_numpy(dtype=np.float64, na_value=np.nan)
    if all(isinstance(value, (list, tuple, np.ndarray)) for value in present):
        return _vectors(name, column)
    kinds = sorted({type(value).__name__ for value in present})
    raise ValueError(f"column {name!r} holds {' and '.join(kinds)}, which are no features: {_drop_it(name)}")


def _encoded_text(name: str, column: pd.Series, present: pd.Series) -> _Named:
    codes_N, texts = pd.factorize(column)
    if any("," in text for text in texts) and all(_COMMA_NUMBER.fullmatch(text.strip()) for text in texts):
        comma = next(text for text in texts if "," in text)
        raise ValueError(
            f"column {name!r} holds numbers with a decimal comma, such as {_quoted(comma)}: write points, or"
            f" give from_frame what pandas.read_csv(..., decimal=',') reads, or {_drop_it(name)}"
        )
    numbers_V = np.array([value if isinstance(value, float) else np.nan for value in map(_number_or_same, texts)])
    if not np.isnan(numbers_V).any():
        return (name,), np.array([*numbers_V, np.nan])[codes_N]
    is_stray_V = np.isnan(numbers_V)
    is_word_V = np.array([str(text).strip().lower() in _YES_NO for text in texts])  # of a category, with the strays
    num_numbers = np.append(~is_stray_V & ~is_word_V, False)[codes_N].sum()
    if num_numbers * 2 >= len(present):
        row = int(np.append(is_stray_V, False)[codes_N].argmax())
        reason = f"{_quoted(column.iloc[row])} is no number, in a column of numbers: correct it, or {_drop_it(name)}"
        raise TableCellError(name, row, reason)
    values = present.str.strip().unique()
    if len(values) <= MOST_CATEGORIES and len(values) * 2 <= len(present):
        return _one_hot(name, column.str.strip().astype(pd.CategoricalDtype(sorted(values))))
    raise ValueError(
        f"column {name!r} holds {len(values)} different texts in {len(present)} rows, such as {_quoted(values[0])}: "
        f"an identifier or free text is no feature; {_drop_it(name)}, or make it a pandas categorical if it is one"
    )


def _one_hot(name: str, column: pd.Series) -> _Named:
    """Return one 0/1 column for each value, as for nominal attributes of ARFF; one in all for 0 and 1 themselves."""
    values = [str(value) for value in column.cat.categories]
    codes_N = column.cat.codes.to_numpy()
    is_binary = set(values) == {"0", "1"}
    rows_V = np.array([[float(value)] for value in values]) if is_binary else np.eye(len(values))
    matrix = rows_V[codes_N]
    matrix[codes_N < 0] = np.nan
    return (name,) if is_binary else tuple(f"{name}={value}" for value in values), matrix


def _vectors(name: str, column: pd.Series) -> _Named:
    lengths = column.map(np.size, na_action="ignore")
    length = int(lengths.dropna().iloc[0])
    if (wrong := lengths.notna() & (lengths != length)).any():
        row = int(wrong.to_numpy().argmax())
        raise TableCellError(name, row, f"a vector of {int(lengths.iloc[row])} numbers; the first one has {length}")
    matrix = np.full((len(column), length), np.nan)
    for row, value in enumerate(column):
        if np.ndim(value):
            try:
                matrix[row] = np.asarray(value, dtype=np.float64).ravel()
            except (ValueError, TypeError) as error:
                raise TableCellError(name, row, f"not a vector of numbers ({error})") from error
    return numbered(name, length), matrix


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


def _drop_it(name: str) -> str:
    return f"leave it out with drop={name!r}"
