"""The features a model was trained on, made again of a table, which may have no labels.

N samples, D features.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.readers.cells import quoted, texts_in
from batchsift.data.readers.encoder import column_encoder, problems_with, unknown_values
from batchsift.data.schema import TableColumn, Unknown
from batchsift.messages import first_few, warn


def matching_features(
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    columns: Sequence[TableColumn] = (),
    unknown: Unknown = "error",
    unseen: Collection[str] = (),
) -> npt.NDArray[np.float64]:
    """Return the features of those names, in their order; all other columns are passed over.

    Args:
        frame: A frame with one row a sample.
        names: D feature names of a data set that was read from such a table.
        columns: What its columns held. Without, a feature `hue=red` that is no column itself is taken for a value of
            the category `hue`, and `x_0` for a number of the vector `x`.
        unknown: What a value that its category does not have is: an error, or missing.
        unseen: Names of features that no training sample had: their values are unknown too.

    Returns:
        `(N, D)`.

    Raises:
        ValueError: Everything that is wrong: columns that are missing, cells that do not fit, unknown values.

    Warns:
        UserWarning: Unknown values were taken for missing: how many of which.

    >>> frame = pd.DataFrame({"hue": ["g", None], "note": ["new", "old"], "size": [1, 2]})
    >>> matching_features(frame, ["size", "hue=g", "hue=r"])
    array([[ 1.,  1.,  0.],
           [ 2., nan, nan]])
    """
    frame = frame.reset_index(drop=True)
    columns = columns or _columns_of_names(names, frame)
    there = [column for column in columns if column.name in frame.columns]
    missing = [column.name for column in columns if column.name not in frame.columns]
    wrong = [problem.told(lambda row: f"row {row + 1} (counted from 1)") for problem in problems_with(frame, there)]
    counts = {column: unknown_values(column, frame[column.name], unseen) for column in there if column.values}
    counts = {column: values for column, values in counts.items() if len(values)}
    if unknown == "error":
        wrong += [_unknown(column, frame[column.name], values, unseen) for column, values in counts.items()]
    if missing:
        wrong.insert(0, _missing(missing, frame))
    if wrong:
        count = f"{len(wrong)} problems: " if len(wrong) > 1 else ""
        advice = "; unknown_category='missing' takes such cells for empty ones" if unknown == "error" and counts else ""
        raise ValueError(count + "; ".join(wrong) + advice)
    if counts:
        _warn_of(counts)
    matrix = column_encoder(there, "missing").fit_transform(frame[[column.name for column in there]])
    place = {name: number for number, name in enumerate(name for column in there for name in column.feature_names)}
    features: npt.NDArray[np.float64] = matrix[:, [place[name] for name in names]]
    return features


def _columns_of_names(names: Sequence[str], frame: pd.DataFrame) -> list[TableColumn]:
    """Return the columns that features of those names were made of, as far as names and table tell."""
    columns: dict[str, TableColumn] = {}
    for name in names:
        holders = [str(c) for c in frame.columns if name.startswith(f"{c}=")]
        vectors = [str(c) for c in frame.columns if re.fullmatch(rf"{re.escape(str(c))}_\d+", name)]
        if name in frame.columns or not (holders or vectors):
            # Of a category that is not there the name before the sign is the column's.
            own = name if name in frame.columns else name.partition("=")[0] or name
            columns[own] = TableColumn(own, "number")
        elif holders:
            before = columns.get(holders[0], TableColumn(holders[0], "category"))
            values = (*before.values, name.removeprefix(f"{before.name}="))
            columns[before.name] = TableColumn(before.name, "category", values=values)
        else:
            before = columns.get(vectors[0], TableColumn(vectors[0], "vector", width=0))
            columns[before.name] = TableColumn(before.name, "vector", width=before.width + 1)
    return list(columns.values())


def _missing(names: Sequence[str], frame: pd.DataFrame) -> str:
    missing, columns = ([repr(name) for name in group] for group in (names, frame.columns))
    count = f"{len(missing)} columns are missing: " if len(missing) > 1 else ""
    return (
        f"{count}there is no feature {first_few(missing, shown=20)}, which the model was trained on; the columns are "
        f"{first_few(columns, shown=8)}"
    )


def _unknown(column: TableColumn, cells: pd.Series, counts: "pd.Series[int]", unseen: Collection[str]) -> str:
    row = int(np.isin(texts_in(cells), list(counts.index)).argmax()) + 1
    known = [repr(value) for value, name in zip(column.values, column.feature_names, strict=True) if name not in unseen]
    found = quoted(counts.index[0]) if counts.sum() == 1 else _counted(counts)
    return (
        f"column {column.name!r}, row {row} (counted from 1): {found} did not occur in training; known are "
        f"{first_few(known, shown=20)}"
    )


def _warn_of(counts: dict[TableColumn, "pd.Series[int]"]) -> None:
    total = sum(int(values.sum()) for values in counts.values())
    cells = "1 cell holds a value that" if total == 1 else f"{total} cells hold values that"
    shown = "; ".join(f"{column.name!r}: {_counted(values)}" for column, values in counts.items())
    warn(f"{cells} did not occur in training, and count as empty: {shown}")


def _counted(counts: "pd.Series[int]") -> str:
    cells: Any = [f"{quoted(value)} ({count})" for value, count in counts.items()]
    return first_few(cells, shown=10)
