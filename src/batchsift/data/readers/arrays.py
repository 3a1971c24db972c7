"""Matrices in memory and in `.npz` files."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.dataset import MultiLabelData
from batchsift.data.matrices import as_matrix
from batchsift.data.readers.columns import chosen_columns, numbered

READS = {".npz": "read_npz"}


def from_arrays(
    features: Any,
    labels: Any,
    *,
    feature_names: Sequence[str] | None = None,
    label_names: Sequence[str] | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of two matrices.

    Args:
        features: `(N, D)` of numbers: array, tensor, data frame, table of Arrow or polars, or a sparse matrix or
            tensor, which stays sparse.
        labels: `(N, L)` of 0 and 1, NaN where not labelled: the same kinds.
        feature_names: D names; by default those of the frame's columns, else `feature_0`, ...
        label_names: L names; the same.
        name: The data set's name.

    Raises:
        ValueError: Matrices that do not fit each other, or that hold something else.

    >>> from_arrays(np.eye(3), [[1, 0], [0, 1], [1, 1]]).label_names
    ('label_0', 'label_1')
    """
    data = MultiLabelData(
        as_matrix(features),
        as_matrix(labels),
        _names("feature", features, feature_names),
        _names("label", labels, label_names),
        name,
    )
    data.check_finite()
    return data


def read_npz(path: str | Path, *, drop: str | Sequence[str] | None = None) -> MultiLabelData:
    """Read an `.npz` file.

    Either it holds `X` (N, D) and `y` (N, L), and `feature_names` and `label_names` if there are any; or it is a sparse
    matrix that scipy saved, its name ends in `X`, and the labels stand in the file beside it whose name ends in `y`.

    Args:
        path: The file.
        drop: Features to leave out, by names or patterns.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is damaged, or does not hold what it should.
    """
    path = Path(path)
    arrays = _arrays(path)
    if {"format", "shape"} <= set(arrays):
        data = _sparse_pair(path)
    else:
        missing = [key for key in ("X", "y") if key not in arrays]
        if missing:
            raise ValueError(
                f"{path} has no {' and no '.join(map(repr, missing))}: it holds {', '.join(arrays) or 'nothing'}; "
                "expected X (samples x features) and y (samples x labels), with feature_names and label_names if any"
            )
        with _file_named(path):
            names = {f"{what}_names": arrays.get(f"{what}_names") for what in ("feature", "label")}
            data = from_arrays(arrays["X"], arrays["y"], **names, name=path.stem)
    if drop is None:
        return data
    with _file_named(path):
        return data.select(features=~chosen_columns(data.feature_names, drop, "drop"))


def _sparse_pair(path: Path) -> MultiLabelData:
    if not path.stem.endswith("X"):
        raise ValueError(
            f"{path} is one sparse matrix; expected X and y in one file, or a pair of files whose names end in X.npz "
            "(features) and y.npz (labels)"
        )
    partner = path.with_name(f"{path.stem[:-1]}y.npz")
    labels_arrays = _arrays(partner)
    labels = _sparse(partner) if "format" in labels_arrays else labels_arrays.get("y")
    if labels is None:
        raise ValueError(f"{partner} has no 'y': it holds {', '.join(labels_arrays) or 'nothing'}")
    with _file_named(path):
        return from_arrays(_sparse(path), labels, name=path.stem[:-1].rstrip("_-. ") or "data")


def _sparse(path: Path) -> Any:
    from scipy.sparse import load_npz  # noqa: PLC0415 (only sparse data needs it)

    with _file_named(path), path.open("rb") as file:
        return load_npz(file)


def _arrays(path: Path) -> dict[str, Any]:
    """Return all arrays of a file."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with _file_named(path), path.open("rb") as file:  # opened here: NumPy leaves what it cannot read open
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("not an .npz file, but a single array")
        with loaded:
            return {key: loaded[key] for key in loaded.files}


@contextmanager
def _file_named(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, OSError) as error:
        reason = str(error)
        if "allow_pickle" in reason:
            reason = "holds Python objects, or is no .npz file; names are saved as np.array(names, dtype=str)"
        raise ValueError(f"{path}: {reason}") from error


def _names(what: str, values: Any, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is not None:
        return tuple(map(str, names))
    names = getattr(values, "column_names", getattr(values, "columns", None))  # Arrow has its columns under `columns`
    if names is not None:
        return tuple(map(str, names))
    shape = np.shape(values) if not hasattr(values, "shape") else values.shape
    return numbered(what, shape[1] if len(shape) == 2 else 0)
