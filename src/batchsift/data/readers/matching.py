"""The features a model was trained on, found again in a table, which may have no labels. N samples, D features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.readers.encoding import features_of
from batchsift.messages import first_few


def matching_features(frame: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the features of those names, in their order; all other columns are passed over.

    A feature `hue=red` that is no column itself is made of the column `hue`, which then holds no values but those
    there are features of, and missing ones.

    Args:
        frame: A frame with one row a sample.
        names: D feature names of a data set that was read from such a table.

    Returns:
        `(N, D)`.

    Raises:
        ValueError: A feature that cannot be found, or a value there is no feature of.

    >>> frame = pd.DataFrame({"hue": ["g", None], "note": ["new", "old"], "size": [1, 2]})
    >>> matching_features(frame, ["size", "hue=g", "hue=r"])
    array([[ 1.,  1.,  0.],
           [ 2., nan, nan]])
    """
    absent = [name for name in names if name not in frame.columns]
    kept = [c for c in frame.columns if c in names or any(name.startswith(str(c)) for name in absent)]
    if not kept:
        raise ValueError(_missing(absent, frame))
    chosen = frame[kept].reset_index(drop=True)
    for column in kept:
        values = [name.removeprefix(f"{column}=") for name in absent if name.startswith(f"{column}=")]
        if values:
            chosen[column] = _categorical(chosen[column], values)
    columns, matrix = features_of(chosen)
    place = {name: number for number, name in enumerate(columns)}
    if missing := [name for name in names if name not in place]:
        raise ValueError(_missing(missing, frame))
    dense: Any = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    features: npt.NDArray[np.float64] = dense[:, [place[name] for name in names]]
    return features


def _categorical(column: "pd.Series[Any]", values: Sequence[str]) -> "pd.Series[Any]":
    texts = column.map(str, na_action="ignore").str.strip()
    unknown = texts.dropna()[~texts.dropna().isin(values)]
    if len(unknown):
        raise ValueError(
            f"column {column.name!r}, row {unknown.index[0] + 1} (counted from 1): {unknown.iloc[0]!r} did not occur "
            f"in training; known are {', '.join(map(repr, values))}; leave the cell empty if it is not known"
        )
    return texts.astype(pd.CategoricalDtype(list(values)))


def _missing(names: Sequence[str], frame: pd.DataFrame) -> str:
    # Of a category the features are called `column=value`.
    names = list(dict.fromkeys(name.partition("=")[0] or name for name in names))
    missing, columns = ([repr(name) for name in group] for group in (names, frame.columns))
    return (
        f"there is no feature {first_few(missing)}, which the model was trained on; the columns are "
        f"{first_few(columns, shown=8)}"
    )
