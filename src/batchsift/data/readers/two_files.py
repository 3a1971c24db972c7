"""Features in one file and labels in another, with one row for each sample in both, in the same order."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.limits import check_shape
from batchsift.data.packed import inner_name
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import (
    chosen_columns,
    drop_option,
    is_identifier,
    is_unnamed,
    named_column,
    numbered,
)
from batchsift.data.readers.encoding import labels_of_columns, labels_of_one_column
from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.npy import read_matrix
from batchsift.data.readers.npz import read_one_matrix
from batchsift.data.readers.problems import TableError
from batchsift.data.readers.tables import read_frame
from batchsift.data.readers.targets import oriented
from batchsift.files import stem
from batchsift.matrices import as_dense
from batchsift.messages import first_few

_NEITHER = (".arff", ".dat", ".mat", ".svm", ".libsvm", ".svmlight", ".xmc")


def read_two(
    path: str | Path,
    labels_file: str | os.PathLike[str],
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    negative: float | None = None,
    label_rows: str | None = None,
) -> MultiLabelData:
    """Read features and labels from two files, each a table or a matrix (`.npy`, `.npz`).

    Args:
        path: The file with the features. All of its columns are features.
        labels_file: The file with the labels. All of its columns are labels, unless one of the next two says which; a
            column such as `id` must be the same in both files.
        label_columns: Which of its columns are labels, by names or patterns.
        label_column: Its one column of delimited tags.
        delimiter: What parts the tags of `label_column`.
        drop: Columns of either file to leave out, by names or patterns.
        negative: The number that stands for not having a label, such as -1.
        label_rows: What the rows of a matrix of labels are, "samples" or "labels", where there are as many of both.

    Raises:
        FileNotFoundError: One of the files is not there.
        ValueError: A file is malformed or is none of these, or they do not belong together.
    """
    path, other = Path(path), Path(labels_file)
    features = _features(path)
    num_samples = features.shape[0]
    labels = _labels(other, num_samples, label_rows)
    if len(labels) != num_samples:
        raise ValueError(
            f"{path} has {num_samples} rows and {other} has {len(labels)}; expected one for each sample in both"
        )
    labels = _without_shared(path, other, features if isinstance(features, pd.DataFrame) else pd.DataFrame(), labels)
    names = list(labels.columns)
    all_names = (
        [*map(str, features.columns), *names]
        if isinstance(features, pd.DataFrame)
        else [*numbered("feature", features.shape[1]), *names]
    )
    try:
        is_dropped = chosen_columns(all_names, () if drop is None else drop, "drop")
        kept = labels.loc[:, ~is_dropped[-len(names) :]]
        chosen = _chosen(other, kept, label_columns, label_column, drop)
        if isinstance(features, pd.DataFrame):
            return from_frame(
                pd.concat([features.reset_index(drop=True), labels], axis=1),
                label_columns=None if label_column else chosen,
                label_column=label_column,
                delimiter=delimiter,
                drop=drop,
                negative=negative,
                name=stem(path),
            )
        if label_column is not None:
            as_one_label = f"give label_columns={label_column!r} instead of label_column"
            label_names, matrix = labels_of_one_column(
                kept[label_column], delimiter=delimiter, as_one_label=as_one_label
            )
        else:
            label_names, matrix = labels_of_columns(kept[chosen], of_lists="give label_column={!r}", negative=negative)
    except TableError as error:
        raise ValueError(f"{path} with the labels of {other}: {error}") from error
    data = from_arrays(features, matrix, label_names=label_names, name=stem(path))
    return data.select(features=~is_dropped[: -len(names)])


def _features(path: Path) -> Any:
    """Return a data frame or a matrix."""
    _refuse_other_kinds(path)
    if path.suffix.lower() == ".npy":
        return read_matrix(path)
    return read_one_matrix(path, "X") if path.suffix.lower() == ".npz" else read_frame(path)


def _labels(path: Path, num_samples: int, label_rows: str | None) -> pd.DataFrame:
    """Return the columns of a file of labels."""
    _refuse_other_kinds(path)
    if path.suffix.lower() not in (".npy", ".npz"):
        if label_rows is not None:
            raise ValueError(f"label_rows={label_rows!r} came with {path.name}, whose rows are samples; leave it out")
        frame = read_frame(path).reset_index(drop=True)
        return frame.set_axis([str(column) for column in frame.columns], axis=1)
    matrix: Any = read_matrix(path) if path.suffix.lower() == ".npy" else read_one_matrix(path, "y")
    try:
        matrix = oriented(matrix, num_samples, label_rows)
        check_shape(path, *matrix.shape, what="labels", cell_bytes=1)
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    return pd.DataFrame(as_dense(matrix), columns=list(numbered("label", matrix.shape[1])))


def _refuse_other_kinds(path: Path) -> None:
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"there is no file {path}")
    is_matrix = path.suffix.lower() in (".npy", ".npz")  # the latter is an archive of several
    if path.is_file() and not is_matrix and inner_name(path).lower().endswith(_NEITHER):
        raise ValueError(
            f"labels_file goes with tables and with matrices (.npy, .npz), and {path} is neither; leave it out, since "
            "such a file holds features and labels"
        )


def _without_shared(path: Path, other: Path, features: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return the labels without the columns that tell rows apart in both files, once they are found to be the same."""
    of_features = {str(name): position for position, name in enumerate(features.columns)}
    shared = []
    for position, name in enumerate(labels.columns):
        if name in of_features and is_identifier(name):
            ours, theirs = features.iloc[:, of_features[name]].reset_index(drop=True), labels.iloc[:, position]
            differs = (ours.astype(str) != theirs.astype(str)).to_numpy()
            if differs.any():
                row = int(differs.argmax())
                raise ValueError(
                    f"column {name!r} is {ours[row]} in row {row + 1} of {path} and {theirs[row]} in {other}; expected "
                    "the same samples in the same order"
                )
            shared.append(position)
        elif is_unnamed(name) and labels.iloc[:, position].nunique() == len(labels) > 2:
            shared.append(position)  # an index that was written with the rest
    return labels.iloc[:, [position for position in range(labels.shape[1]) if position not in shared]]


def _chosen(
    path: Path,
    labels: pd.DataFrame,
    label_columns: str | Sequence[str] | None,
    label_column: str | None,
    drop: str | Sequence[str] | None,
) -> list[str]:
    """Return which columns of the file are labels; what is neither that nor dropped is refused."""
    names = list(labels.columns)
    if label_columns is None and label_column is None:
        return names
    if label_columns is not None and label_column is not None:
        raise ValueError(f"label_columns={label_columns!r} and label_column={label_column!r} came together; give one")
    mask = (
        named_column(names, label_column, "label_column")
        if label_column is not None
        else chosen_columns(names, label_columns or (), "label_columns")
    )
    others = [name for name, chosen in zip(names, mask, strict=True) if not chosen]
    if others:
        shown, option = first_few([repr(name) for name in others]), drop_option(others, names, drop)
        raise ValueError(f"{path}: {shown} are not among the labels that are asked for; leave them out with {option}")
    return [name for name, chosen in zip(names, mask, strict=True) if chosen]
