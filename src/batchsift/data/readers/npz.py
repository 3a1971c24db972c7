"""`.npz` files: features, labels and names in one, or a pair of sparse matrices that scipy saved."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batchsift.data.dataset import MultiLabelData
from batchsift.data.limits import check_bytes
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.npy import PYTHON_OBJECTS, read_array
from batchsift.data.readers.sparse import saved_matrix

READS = {".npz": "read_npz"}


def read_npz(
    path: str | Path, *, drop: str | Sequence[str] | None = None, negative: float | None = None
) -> MultiLabelData:
    """Read an `.npz` file.

    Either it holds `X` (N, D) and `y` (N, L), and `feature_names` and `label_names` if there are any; or it is a sparse
    matrix that scipy saved, its name ends in `X`, and the labels stand in the file beside it whose name ends in `y`.

    Args:
        path: The file.
        drop: Features to leave out, by names or patterns.
        negative: The number that stands for not having a label, such as -1.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is damaged, does not hold what it should, or would become too large for its size.
    """
    path = Path(path)
    arrays = _arrays(path)
    if {"format", "shape"} <= set(arrays):
        data = _sparse_pair(path, arrays, negative)
    else:
        missing = [key for key in ("X", "y") if key not in arrays]
        if missing:
            raise ValueError(
                f"{path} has no {' and no '.join(map(repr, missing))}: it holds {', '.join(arrays) or 'nothing'}; "
                "expected X (samples x features) and y (samples x labels), with feature_names and label_names if any"
            )
        with _file_named(path):
            names = {f"{what}_names": arrays.get(f"{what}_names") for what in ("feature", "label")}
            data = from_arrays(arrays["X"], arrays["y"], **names, negative=negative, name=path.stem)
    if drop is None:
        return data
    with _file_named(path):
        return data.select(features=~chosen_columns(data.feature_names, drop, "drop"))


def read_one_matrix(path: Path, name: str) -> Any:
    """Return the one matrix of a file: that of a name, or a sparse one that scipy saved.

    Args:
        path: The file.
        name: What the matrix is called, "X" or "y".

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is damaged, or holds no such matrix.
    """
    arrays = _arrays(path)
    with _file_named(path):
        if {"format", "shape"} <= set(arrays):
            return saved_matrix(path, arrays)
    if name not in arrays:
        held = ", ".join(arrays) or "nothing"
        raise ValueError(
            f"{path} has no {name!r}: it holds {held}; expected {name}, or a sparse matrix that scipy saved"
        )
    return arrays[name]


def _sparse_pair(path: Path, arrays: dict[str, Any], negative: float | None) -> MultiLabelData:
    if not path.stem.endswith("X"):
        raise ValueError(
            f"{path} is one sparse matrix; expected X and y in one file, or a pair of files whose names end in X.npz "
            "(features) and y.npz (labels), or labels_file='FILE' with the labels"
        )
    labels = read_one_matrix(path.with_name(f"{path.stem[:-1]}y.npz"), "y")
    with _file_named(path):
        name = path.stem[:-1].rstrip("_-. ") or "data"
        return from_arrays(saved_matrix(path, arrays), labels, negative=negative, name=name)


def _arrays(path: Path) -> dict[str, Any]:
    """Return all arrays of a file."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with _file_named(path):
        with path.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise ValueError("not an .npz file, but a single array")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            check_bytes(path, sum(member.file_size for member in members), "its arrays")
            arrays = {}
            for member in members:
                with archive.open(member) as packed:
                    arrays[member.filename.removesuffix(".npy")] = read_array(packed, member.file_size)
            return arrays


@contextmanager
def _file_named(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except (
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        OSError,
        MemoryError,
    ) as error:
        reason = PYTHON_OBJECTS if "allow_pickle" in str(error) else str(error)
        raise ValueError(reason if str(path) in reason else f"{path}: {reason}") from error
