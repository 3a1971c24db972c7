"""Data frames: which columns are labels, features, and neither; `encoding` has what becomes of them."""

import warnings
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import (
    chosen_columns,
    drop_option,
    how_to_drop,
    is_identifier,
    is_unnamed,
    named_column,
    repeated_name,
    true_at_ends,
)
from batchsift.data.readers.encoding import (
    can_be_feature,
    features_of,
    is_date,
    labels_of_columns,
    labels_of_one_column,
)
from batchsift.data.readers.problems import ColumnProblem, TableError, refuse
from batchsift.messages import first_few


def from_frame(
    frame: Any,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    negative: float | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of a pandas data frame, or of a table of Arrow or polars; an index is not looked at.

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
        negative: The number in columns of labels that stands for not having the label, such as -1 beside 1.
        name: The data set's name.

    Raises:
        TypeError: Not a frame.
        ValueError: No such column, columns of one name, or a column that cannot be what it should be.
        TableCellError: A value that does not fit its column; a `ValueError`.

    >>> frame = pd.DataFrame({"size": [1, 2, 3, 4], "hue": ["r", "g", "g", "r"], "tags": ["a|b", "b", "", "a"]})
    >>> data = from_frame(frame, label_column="tags")
    >>> data.feature_names, data.label_names, data.labels.tolist()
    (('size', 'hue=g', 'hue=r'), ('a', 'b'), [[1, 1], [0, 1], [0, 0], [1, 0]])
    """
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"got {type(frame).__name__}; expected a pandas data frame, or a table of Arrow or polars")
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    frame = frame.loc[:, [not is_unnamed(c) or frame.iloc[:, i].notna().any() for i, c in enumerate(frame.columns)]]
    columns = list(frame.columns)
    if (problem := repeated_name(list(frame.columns))) is not None:
        raise ValueError(problem)
    is_dropped = chosen_columns(list(frame.columns), () if drop is None else drop, "drop")
    keeps_all = drop is not None and not is_dropped.any()
    whole, frame = frame, frame.loc[:, ~is_dropped]
    mask = label_mask(list(frame.columns), labels, label_columns, label_column)
    if delimiter is not None and label_column is None:
        raise ValueError(f"delimiter={delimiter!r} parts the tags of a label_column, which is not given")
    if negative is not None and label_column is not None:
        raise ValueError(f"negative={negative!r} is for columns of one label; a label_column has tags or lists")
    if mask.all() or not mask.any():
        raise ValueError(f"{mask.sum()} of {len(mask)} columns are labels; expected at least one label and one feature")
    if len(frame) == 0:
        raise ValueError("there are no rows; expected at least one sample")
    problems: list[ColumnProblem] = []
    try:
        if label_column is None:
            label_names, matrix = labels_of_columns(
                frame.loc[:, mask],
                of_lists="give a column with all labels as label_column={!r}",
                negative=negative,
            )
        else:
            label_names, matrix = labels_of_one_column(
                frame[label_column],
                delimiter=delimiter,
                as_one_label=f"give label_columns={label_column!r} instead of label_column",
            )
    except TableError as error:
        problems += error.problems
    chosen = frame.loc[:, ~mask]
    left_out = [] if keeps_all else _left_out(chosen)
    try:
        feature_names, features = features_of(chosen.drop(columns=left_out))
    except TableError as error:
        problems += error.problems
    refuse(
        problems, lambda names: "leave out what is no feature with " + drop_option([*left_out, *names], columns, drop)
    )
    if left_out:
        _warn_of(left_out, list(compress(columns, is_dropped)), whole, drop)
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


def _left_out(frame: pd.DataFrame) -> list[str]:
    """Return the columns that tell rows apart or date them rather than describe them, unless that is all of them."""
    names = list(frame.columns)
    are_identifiers = [is_identifier(name) and _tells_apart(frame[name]) for name in names]
    ends = [names[position] for position in true_at_ends(are_identifiers)]
    found = [
        name
        for name in names
        if name in ends or is_date(frame[name]) or (is_identifier(name) and not can_be_feature(name, frame[name]))
    ]
    return found if len(found) < len(names) else ends


def _tells_apart(column: pd.Series) -> bool:
    """Return whether a column has more than two values, or a value for each of two rows."""
    return column.astype(str).nunique() > 2 or len(column) <= 2


def _warn_of(
    left_out: Sequence[str], dropped: Sequence[str], frame: pd.DataFrame, drop: str | Sequence[str] | None
) -> None:
    which = (
        "identifies rows rather than describes them"
        if len(left_out) == 1
        else "identify rows rather than describe them"
    )
    can_stay = all(can_be_feature(name, frame[name]) for name in [*left_out, *dropped])
    warnings.warn(
        f"dropped {' and '.join(map(repr, left_out))}, which {which}; "
        + how_to_drop(left_out, list(frame.columns), drop, can_stay=can_stay),
        UserWarning,
        stacklevel=3,
    )
