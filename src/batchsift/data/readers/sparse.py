"""Sparse matrices out of files that are not trusted: every index is looked at before scipy follows it.

scipy takes what it is given, and reads and writes outside its memory where an index is too large.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.limits import NAME_BYTES, check_bytes

_NEEDED = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}


def saved_matrix(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Return the matrix that `scipy.sparse.save_npz` took apart into these arrays.

    Args:
        path: The file they are from.
        arrays: By their names in it.

    Raises:
        ValueError: They do not belong together, an index is out of range, or the shape is out of proportion.
    """
    from scipy import sparse  # noqa: PLC0415 (only sparse data needs it)

    kind = _format(arrays["format"])
    if "coords" in arrays and kind == "coo" and arrays["coords"].ndim == 2 and len(arrays["coords"]) == 2:
        arrays = {**arrays, "row": arrays["coords"][0], "col": arrays["coords"][1]}
    if kind not in _NEEDED or any(name not in arrays for name in _NEEDED[kind]):
        raise ValueError(
            f"a sparse matrix of the format {kind!r} with {', '.join(arrays)}; expected what scipy.sparse.save_npz "
            f"writes: one of {', '.join(_NEEDED)}, of two dimensions"
        )
    shape = checked_shape(path, arrays["shape"])
    data = arrays["data"]
    if data.dtype.kind not in "buif":
        raise ValueError(f"a sparse matrix of dtype {data.dtype}; expected numbers")
    if kind == "coo":
        row, col = (_integers(arrays[name], name) for name in ("row", "col"))
        if not data.shape == row.shape == col.shape or data.ndim != 1:
            raise ValueError(f"a sparse matrix with {data.size} values, {row.size} rows and {col.size} columns")
        _check_range(row, shape[0], "row")
        _check_range(col, shape[1], "column")
        return sparse.coo_array((data, (row, col)), shape=shape).tocsr()
    if kind == "dia":
        offsets = _integers(arrays["offsets"], "offsets")
        if data.ndim != 2 or offsets.shape != data.shape[:1] or len(np.unique(offsets)) != len(offsets):
            raise ValueError(f"a sparse matrix with diagonals of shape {data.shape} and {offsets.size} offsets")
        return sparse.dia_array((data, offsets), shape=shape).tocsr()
    block = data.shape[1:] if kind == "bsr" else (1, 1)
    if (
        len(block) != 2
        or data.ndim != (3 if kind == "bsr" else 1)
        or 0 in block
        or shape[0] % block[0]
        or shape[1] % block[1]
    ):
        raise ValueError(f"a sparse matrix of shape {shape} with values of shape {data.shape}")
    grid = (shape[0] // block[0], shape[1] // block[1])
    indptr, indices = (_integers(arrays[name], name) for name in ("indptr", "indices"))
    check_compressed(indptr, indices, len(data), *(grid[::-1] if kind == "csc" else grid))
    made = {"csr": sparse.csr_array, "csc": sparse.csc_array, "bsr": sparse.bsr_array}[kind]
    return made((data, indices, indptr), shape=shape).tocsr()


def checked_shape(path: Path, shape: npt.ArrayLike) -> tuple[int, int]:
    """Return a declared shape, if it is in proportion to the size of the file.

    Raises:
        ValueError: It is not, or it is no shape of a matrix.
    """
    sizes = np.asarray(shape)
    if sizes.dtype.kind not in "iu" or sizes.shape != (2,) or (sizes < 0).any():
        raise ValueError(f"a sparse matrix of shape {sizes.tolist()}; expected two numbers that are 0 or more")
    num_rows, num_columns = (int(size) for size in sizes)
    num_bytes = num_rows * np.dtype(np.int64).itemsize + num_columns * NAME_BYTES
    check_bytes(path, num_bytes, f"a sparse matrix of {num_rows} x {num_columns}")
    return num_rows, num_columns


def check_compressed(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], num_values: int, num_major: int, num_minor: int
) -> None:
    """Check that the indices of a matrix in compressed rows (or columns) stay within it.

    Args:
        indptr: `(num_major + 1,)`, where in `indices` each row starts.
        indices: Columns, one for each value.
        num_values: How many values there are.
        num_major: How many rows.
        num_minor: How many columns.

    Raises:
        ValueError: They do not.
    """
    if indptr.shape != (num_major + 1,) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise ValueError(f"a sparse matrix of {num_major} rows or columns, and no rising bounds for all of them")
    if indices.shape != (num_values,) or indptr[-1] > num_values:
        raise ValueError(
            f"a sparse matrix with {num_values} values, {indices.size} indices and bounds up to {indptr[-1]}"
        )
    _check_range(indices, num_minor, "index")


def _check_range(indices: npt.NDArray[Any], size: int, what: str) -> None:
    if len(indices) and (indices.min() < 0 or indices.max() >= size):
        wrong = indices[(indices < 0) | (indices >= size)][0]
        raise ValueError(f"a sparse matrix holds the {what} {wrong}; expected 0 or more and less than {size}")


def _integers(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise ValueError(
            f"{name} of a sparse matrix has dtype {values.dtype} and shape {values.shape}; expected indices"
        )
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} of a sparse matrix holds {values.max()}; expected indices")
    return values.astype(np.int64, copy=False)


def _format(value: npt.NDArray[Any]) -> str:
    kind = value.item() if value.size == 1 else ""
    return kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
