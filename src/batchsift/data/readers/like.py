"""Another table for what a first one was read for: the same features and labels, found by their names.

Read by itself, a second table may become something else: a category that lacks a value has a feature less, dates that
could be read in both ways are refused, a column whose cells are all different is taken for an identifier.

Shapes: N samples, L labels.
"""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.cells import Named
from batchsift.data.readers.encoding import labels_of_columns, labels_of_one_column
from batchsift.data.readers.frames import as_frame
from batchsift.data.readers.matching import matching_features
from batchsift.data.readers.tables import problems_located, read_frame
from batchsift.data.schema import Unknown, feature_columns
from batchsift.files import stem
from batchsift.messages import first_few


def read_like(
    source: Any,
    data: MultiLabelData,
    *,
    label_column: str | None = None,
    delimiter: str | None = None,
    negative: float | None = None,
    sheet: str | None = None,
    unknown: Unknown = "error",
) -> MultiLabelData:
    """Read a table, to be scored by a model that was trained on another.

    Args:
        source: The path of a table, or a data frame.
        data: The data of the training, which were read from a table.
        label_column: The column with all labels of a sample, where the training's labels came from such a one.
        delimiter: What parts the tags of `label_column`.
        negative: The number that stands for not having a label.
        sheet: The sheet of a file of Excel that has several.
        unknown: What a value is that its category does not have: an error, or missing.

    Returns:
        The features and labels of `data`, in their order; other columns are passed over. A tag that no sample has is a
        label that all of them lack.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is malformed, columns are missing, or cells do not fit them.

    Warns:
        UserWarning: Unknown values were taken for missing ones.
    """
    is_path = isinstance(source, (str, os.PathLike))
    frame = read_frame(source, texts=label_column, sheet=sheet) if is_path else as_frame(source)
    name = stem(Path(source)) if is_path else data.name
    with problems_located(Path(source), sheet=sheet) if is_path else nullcontext():
        if label_column is None:
            labels_NL = _indicators(frame, data.label_names, negative)
        else:
            labels_NL = _tags(frame, data.label_names, label_column, delimiter)
        features = matching_features(frame, data.feature_names, columns=feature_columns(data.columns), unknown=unknown)
    return MultiLabelData(features, labels_NL, data.feature_names, data.label_names, name)


def _indicators(frame: pd.DataFrame, names: tuple[str, ...], negative: float | None) -> Any:
    """Return `(N, L)` of columns of one label each."""
    missing = [repr(name) for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"there is no label {first_few(missing)}, which the model is trained for; the columns are "
            f"{first_few([repr(name) for name in frame.columns])}"
        )
    _, labels_NL = labels_of_columns(frame[list(names)], of_lists="{!r} was no column of lists", negative=negative)
    return labels_NL


def _tags(frame: pd.DataFrame, names: tuple[str, ...], label_column: str, delimiter: str | None) -> Any:
    """Return `(N, L)` of one column with all labels."""
    if label_column not in frame.columns:
        columns = first_few([repr(name) for name in frame.columns])
        raise ValueError(f"there is no column {label_column!r}, which holds the labels; the columns are {columns}")
    as_one_label = "the training's labels came from one column of tags"
    found: Named = labels_of_one_column(frame[label_column], delimiter=delimiter, as_one_label=as_one_label)
    found_names, matrix = found
    others = [repr(name) for name in found_names if name not in names]
    lacks = [repr(name) for name in names if name not in found_names]
    if others or (lacks and matrix.dtype != np.uint8):  # values of 0 and 1 in lists of another length are other labels
        raise ValueError(
            f"the labels in {label_column!r} are not those of the training: {first_few(others or lacks)} "
            f"{'did not occur there' if others else 'are missing'}"
        )
    labels_NL = np.zeros((len(matrix), len(names)), dtype=matrix.dtype)
    labels_NL[:, [names.index(name) for name in found_names]] = matrix
    return labels_NL
