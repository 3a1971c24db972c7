"""Columns of a Hugging Face data set.

Shapes: N samples, L labels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.encoding import features_of, labels_of_columns, labels_of_one_column
from batchsift.data.readers.features import choose_features, reasons_left_out
from batchsift.data.readers.kinds import check_dates
from batchsift.data.readers.problems import ColumnProblem, TableError, refuse
from batchsift.data.schema import TableColumn
from batchsift.messages import warn


def from_hf(
    dataset: Any,
    *,
    features: str | Sequence[str] | None = None,
    labels: str | Sequence[str],
    delimiter: str | None = None,
    dates: str | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of the columns of a `datasets.Dataset`.

    Args:
        dataset: One split, in memory or mapped; not a stream.
        features: Columns, by names or patterns: numbers, vectors of one length, class labels (one 0/1 column for each
            class), dates or few different texts. By default all columns that are no labels, less identifiers and free
            text, as of a data frame: see `from_frame`.
        labels: One column of lists (of class labels, of texts, of numbers, or one 0/1 value for each label), of class
            labels or of delimited tags; or columns of 0/1 or booleans, one for each label.
        delimiter: What parts tags; by default the one of `|`, `;` and `,` that occurs.
        dates: What becomes of dates: `"features"` (by default), `"drop"`, or how 03/04/2021 is read.
        name: The data set's name.

    Raises:
        TypeError: Not a `datasets.Dataset`.
        ValueError: No such column, or one that is not as above.

    Example:
        >>> import datasets
        >>> rows = datasets.Dataset.from_dict({"size": [1.0, 2.0], "tags": [["red"], ["red", "round"]]})
        >>> from_hf(rows, features="size", labels="tags").label_names
        ('red', 'round')
    """
    check_dataset(dataset)
    known_dates = check_dates(dates)
    columns = list(dataset.column_names)
    is_label = chosen_columns(columns, labels, "labels")
    is_feature = ~is_label if features is None else chosen_columns(columns, features, "features")
    if (is_feature & is_label).any():
        both = columns[int((is_feature & is_label).argmax())]
        raise ValueError(f"the column {both!r} is among the features and the labels; expected it in one of them")
    if not is_feature.any() or not is_label.any():
        raise ValueError(
            f"features={features!r} and labels={labels!r} mean {is_feature.sum()} and {is_label.sum()} columns; "
            "expected at least one of both"
        )
    feature_columns, label_columns = (list(np.array(columns)[mask]) for mask in (is_feature, is_label))
    frame: pd.DataFrame = dataset.select_columns(feature_columns + label_columns).to_pandas()
    if len(frame) == 0:
        raise ValueError("the data set has no rows; expected at least one")
    _open_arrays(frame, dataset.features)
    for column in feature_columns:
        classes = getattr(dataset.features[column], "names", None)
        if classes is not None:
            frame[column] = _categorical(frame[column], classes)
    problems: list[ColumnProblem] = []
    try:
        label_names, matrix = _labels(frame, dataset.features, label_columns, delimiter)
    except TableError as error:
        problems += error.problems
    found = choose_features(
        frame[feature_columns], known_dates, keeps_identifiers=features is not None, is_refused_anyway=bool(problems)
    )
    refuse([*problems, *found.problems], lambda names: f"leave {' and '.join(map(repr, names))} out of features")
    feature_names, values = features_of(frame, found.columns)
    if found.left_out:
        warn(f"dropped {reasons_left_out(found.left_out)}; name the features to have others")
    rows = (*found.columns, *(TableColumn(name, "label") for name in label_columns))
    return MultiLabelData(values, matrix, feature_names, label_names, name, columns=rows)


def check_dataset(dataset: Any) -> None:
    """Check that this is one split of a Hugging Face data set.

    Raises:
        TypeError: It is something else.
    """
    if not hasattr(dataset, "select_columns") or not hasattr(dataset, "num_rows") or isinstance(dataset, dict):
        hint = f"; take one of its splits: {', '.join(map(repr, dataset))}" if isinstance(dataset, dict) else ""
        raise TypeError(f"got {type(dataset).__name__}; expected a datasets.Dataset in memory{hint}")


def labels_of_dataset(dataset: Any, labels: str | Sequence[str], delimiter: str | None) -> tuple[tuple[str, ...], Any]:
    """Return the names and the `(N, L)` labels of some columns, which alone are read; see `from_hf`.

    Raises:
        ValueError: No such column, or one that holds no labels.
    """
    columns = list(dataset.column_names)
    label_columns = list(np.array(columns)[chosen_columns(columns, labels, "labels")])
    frame: pd.DataFrame = dataset.select_columns(label_columns).to_pandas()
    if len(frame) == 0:
        raise ValueError("the data set has no rows; expected at least one")
    _open_arrays(frame, dataset.features)
    return _labels(frame, dataset.features, label_columns, delimiter)


def _open_arrays(frame: pd.DataFrame, kinds: Any) -> None:
    for column in frame.columns:
        if hasattr(kinds[column], "shape"):  # a kind of column of its own, which pandas cannot look into
            frame[column] = pd.Series(list(frame[column].array), dtype=object)


def _labels(
    frame: pd.DataFrame, kinds: Any, columns: Sequence[str], delimiter: str | None
) -> tuple[tuple[str, ...], Any]:
    kind = kinds[columns[0]]
    if len(columns) > 1 or _is_number(kind):
        return labels_of_columns(frame[list(columns)], of_lists="name it alone in labels")
    known_names = getattr(getattr(kind, "feature", kind), "names", None)
    return labels_of_one_column(
        frame[columns[0]], delimiter=delimiter, known_names=known_names, as_one_label="cast the column to bool"
    )


def _is_number(kind: Any) -> bool:
    """Return whether a column holds one number, and not the number of a class."""
    dtype = str(getattr(kind, "dtype", ""))
    return (
        not hasattr(kind, "names") and not hasattr(kind, "shape") and dtype.startswith(("bool", "int", "uint", "float"))
    )


def _categorical(column: pd.Series, names: Sequence[str]) -> pd.Series:
    """Return numbers of classes as the classes themselves; below 0 is missing."""
    codes: Any = column.fillna(-1).clip(lower=-1).astype(np.int64)
    kind: Any = pd.CategoricalDtype(list(names))
    return pd.Series(pd.Categorical.from_codes(codes, dtype=kind), index=column.index)
