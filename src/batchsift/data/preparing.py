"""Features ready for a model or a selector, from a table or a data set: encoded, filled up, scaled, in one call.

Shapes: N samples, D features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from batchsift.data.dataset import MultiLabelData
from batchsift.data.schema import Unknown, category_blocks, feature_columns
from batchsift.data.transforms import make_steps


def prepare_features(
    source: Any,
    *,
    rows: npt.ArrayLike | None = None,
    scaling: str = "standard",
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
) -> Any:
    """Return features as `train` and `compare` give them to a model, such as for `Selector(features=...)`.

    Args:
        source: A `MultiLabelData`; or a data frame (pandas, Arrow, polars) whose columns are all features, less what is
            left out: see `from_frame`.
        rows: Indices or a mask of the samples that decide on means, scales and known categories: those one trains on.
            All by default.
        scaling: `"standard"` (mean 0, standard deviation 1), `"minmax"` (to [0, 1]) or `"none"`.
        drop: Columns of a frame to leave out, by names or patterns.
        dates: What becomes of dates in a frame: `"features"` (by default), `"drop"`, `"day-first"`, `"month-first"`.

    Returns:
        `(N, D)` float32 without missing values: an array, or a sparse matrix where the features are sparse and zeros
        stay zeros.

    Raises:
        TypeError: `source` is neither.
        ValueError: A column that can be no feature, or no such scaling.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.0, None, 3.0], "joined": ["2020-01-31", "2020-02-01", "2020-02-02"]})
    >>> prepare_features(frame, scaling="minmax", dates="drop")
    array([[0. ],
           [0.5],
           [1. ]], dtype=float32)
    """
    if isinstance(source, MultiLabelData):
        if drop is not None or dates is not None:
            raise ValueError("drop and dates belong to frames; a data set has its features already: give them to load")
        matrix, blocks = source.features, category_blocks(source.columns)
    else:
        frame, columns = _features_in(source, drop, dates)
        from batchsift.data.readers.encoding import features_of  # noqa: PLC0415 (pandas)

        _, matrix = features_of(frame, columns)
        blocks = category_blocks(columns)
    steps = make_steps(scaling, blocks=blocks)
    steps.fit(matrix if rows is None else matrix[np.asarray(rows)])
    return steps.transform(matrix).astype(np.float32)


def make_preprocessor(
    frame: Any,
    *,
    scaling: str = "standard",
    unknown: Unknown = "missing",
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
) -> Pipeline:
    """Return what turns frames like this one into features, for a scikit-learn `Pipeline`; it is yet to be fitted.

    The first step, `columns`, is a `ColumnTransformer`: one 0/1 column for each value of a category; ordinal day,
    month, weekday and hour of a date. Then come `known`, `impute` and `scale`, which learn from the rows they are
    fitted on.

    Args:
        frame: A data frame (pandas, Arrow, polars) whose columns are all features, less what is left out.
        scaling: `"standard"`, `"minmax"` or `"none"`.
        unknown: What a value is that the category does not have in this frame: `"missing"`, or an `"error"`.
        drop: Columns to leave out, by names or patterns.
        dates: What becomes of dates: see `prepare_features`.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"hue": ["g", "r", "g", "r"], "size": [1, 2, 3, 4]})
    >>> make_preprocessor(frame, scaling="none").fit(frame[:2]).transform(frame[2:])
    array([[1., 0., 3.],
           [0., 1., 4.]])
    """
    from batchsift.data.readers.encoder import column_encoder  # noqa: PLC0415 (pandas)

    _, columns = _features_in(frame, drop, dates)
    columns = feature_columns(columns)
    steps = make_steps(scaling, blocks=category_blocks(columns)).steps
    return Pipeline([("columns", column_encoder(columns, unknown)), *steps])


def _features_in(source: Any, drop: str | Sequence[str] | None, dates: str | None) -> Any:
    """Return a frame and its columns; warn of those that are left out."""
    if not hasattr(source, "iloc") and not hasattr(source, "to_pandas"):
        raise TypeError(
            f"got {type(source).__name__}; expected a data frame, or a MultiLabelData: bs.data.load reads files, "
            "bs.data.from_arrays takes matrices"
        )
    from batchsift.data.readers.frames import read_features  # noqa: PLC0415 (pandas)

    return read_features(source, drop=drop, dates=dates)
