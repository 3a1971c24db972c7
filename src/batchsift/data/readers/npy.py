"""Arrays that NumPy saved: `.npy` files, one with the features and one with the labels."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.targets import oriented
from batchsift.messages import cut_short

READS = {".npy": "read_npy"}

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
PYTHON_OBJECTS = "holds Python objects; names are saved as np.array(names, dtype=str)"


def read_npy(
    path: str | Path,
    *,
    drop: str | Sequence[str] | None = None,
    negative: float | None = None,
    label_rows: str | None = None,
) -> MultiLabelData:
    """Read a pair of `.npy` files: features in the one whose name ends in `X`, labels in that whose name ends in `y`.

    Args:
        path: The file with the features, `(N, D)`. Labels in a file of another name go to `load(..., labels_file=)`.
        drop: Features to leave out, by names or patterns: they are called `feature_0`, `feature_1`, ...
        negative: The number that stands for not having a label, such as -1.
        label_rows: What the rows of the labels are, "samples" or "labels", where there are as many of both.

    Raises:
        FileNotFoundError: One of the files is not there.
        ValueError: A file is damaged, or the two do not belong together.
    """
    path = Path(path)
    if not path.stem.endswith("X"):
        raise ValueError(
            f"{path} is one array; expected a pair of files whose names end in X.npy (features) and y.npy (labels), "
            "or labels_file='FILE' with the labels"
        )
    features, labels = read_matrix(path), read_matrix(path.with_name(f"{path.stem[:-1]}y.npy"))
    name = path.stem[:-1].rstrip("_-. ") or "data"
    data = from_arrays(features, oriented(labels, len(features), label_rows), negative=negative, name=name)
    return data if drop is None else data.select(features=~chosen_columns(data.feature_names, drop, "drop"))


def read_matrix(path: Path) -> npt.NDArray[Any]:
    """Return the array of an `.npy` file.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is damaged, or holds no matrix of numbers.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            matrix = read_array(file, path.stat().st_size)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: {error}") from error
    if matrix.ndim != 2:
        raise ValueError(f"{path} holds an array of shape {matrix.shape}; expected two dimensions, one row a sample")
    return matrix


def read_array(file: IO[bytes], num_bytes: int) -> npt.NDArray[Any]:
    """Return an array from an open file, if what its header declares fits into it.

    Args:
        file: At its beginning; it can be set back.
        num_bytes: How long it is.

    Raises:
        ValueError: It is no `.npy` file, holds Python objects, or declares more than it holds.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format; expected one of numbers or texts")
    try:
        shape, _, dtype = _HEADERS[version](file)
    except Exception as error:  # NumPy lets Python parse the header: a damaged one ends in almost any error
        raise ValueError(f"a header that is none of the .npy format: {cut_short(str(error), 200)}") from error
    if dtype.hasobject:
        raise ValueError(PYTHON_OBJECTS)
    declared = math.prod(shape) * max(dtype.itemsize, 1)
    if any(size < 0 for size in shape) or declared > num_bytes:
        raise ValueError(f"declares an array of shape {shape}, {declared:,} bytes; it holds {num_bytes:,}")
    file.seek(0)
    array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
