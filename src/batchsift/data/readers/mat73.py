"""`.mat` files of version 7.3, which are HDF5: h5py reads them.

MATLAB counts columns first, so that every matrix stands there transposed. Cells are references to other data sets, text
is numbers of characters, and a sparse matrix is a group of its three arrays.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.limits import check_bytes
from batchsift.data.readers.sparse import check_compressed, checked_shape

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_STARTS = (0, 512)  # MATLAB writes a header of its own before
_ROWS = "MATLAB_sparse"


def is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5, as those of version 7.3 are."""
    with path.open("rb") as file:
        for start in _STARTS:
            file.seek(start)
            if file.read(len(_SIGNATURE)) == _SIGNATURE:
                return True
    return False


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the variables of a file and their shapes.

    Raises:
        ImportError: h5py is not installed.
        OSError: The file is damaged.
    """
    with _opened(path) as (file, h5py):
        return {
            name: _shape(file[name])
            for name in file
            if not name.startswith("#") and isinstance(file.get(name, getlink=True), h5py.HardLink)
        }


def values_of(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return variables as scipy returns those of earlier versions.

    Raises:
        ImportError: h5py is not installed.
        OSError: The file is damaged.
        ValueError: A variable would become too large for the file's size, or is no matrix and no cell array of texts.
    """
    with _opened(path) as (file, h5py):
        return {name: _value(path, file, name, h5py) for name in names}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    try:
        import h5py  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError(
            f"{path.name} is a .mat file of version 7.3, which needs the package h5py: pip install h5py; or save it in "
            "MATLAB by save(..., '-v7')"
        ) from error
    with h5py.File(path, "r") as file:
        yield file, h5py


def _shape(item: Any) -> tuple[int, ...]:
    if hasattr(item, "shape"):
        return tuple(reversed(item.shape))
    if _ROWS in item.attrs and "jc" in item:
        return int(item.attrs[_ROWS]), item["jc"].size - 1
    return ()


def _value(path: Path, file: Any, name: str, h5py: Any) -> Any:
    item = file[name]
    if not hasattr(item, "shape"):
        return _sparse(path, name, item)
    array = _read(path, item, name)
    if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
        cells = np.empty(array.T.shape, dtype=object)
        for place, reference in np.ndenumerate(array.T):
            cells[place] = np.array(_text(path, file[reference], name))
        return cells
    if array.dtype.kind == "S":  # of one length, as other programs than MATLAB write names
        return np.array([text.decode() for text in array.ravel()])
    if item.attrs.get("MATLAB_empty", 0):
        return np.zeros(tuple(int(size) for size in array.ravel()))
    if item.attrs.get("MATLAB_class", b"") == b"char":
        return np.array(["".join(map(chr, row)) for row in array.T])
    return array.T


def _text(path: Path, item: Any, name: str) -> str:
    array = _read(path, item, name)
    if item.attrs.get("MATLAB_empty", 0):
        return ""
    if array.dtype.kind not in "ui":
        value = array.item() if array.size == 1 else None
        if not isinstance(value, bytes):
            raise ValueError(f"the variable {name!r} holds cells of dtype {array.dtype}; expected texts")
        return value.decode()
    return "".join(map(chr, array.T.ravel(order="F").tolist()))


def _sparse(path: Path, name: str, group: Any) -> Any:
    from scipy.sparse import csc_array  # noqa: PLC0415 (heavy)

    if _ROWS not in group.attrs or "jc" not in group:
        raise ValueError(f"the variable {name!r} holds a struct; expected a matrix of numbers")
    bounds = _read(path, group["jc"], name).astype(np.int64)
    if "ir" not in group:  # all zeros
        values, indices = np.zeros(0), np.zeros(0, dtype=np.int64)
    else:
        values, indices = _read(path, group["data"], name), _read(path, group["ir"], name).astype(np.int64)
    num_rows, num_columns = checked_shape(path, np.array([int(group.attrs[_ROWS]), len(bounds) - 1]))
    check_compressed(bounds, indices, len(values), num_columns, num_rows)
    return csc_array((values, indices, bounds), shape=(num_rows, num_columns))


def _read(path: Path, item: Any, name: str) -> Any:
    """Return the values of a data set that lies in this file and is in proportion to it."""
    if not hasattr(item, "shape") or item.shape is None:
        raise ValueError(f"the variable {name!r} holds something else than a matrix")
    if item.external is not None or item.is_virtual:
        raise ValueError(f"the variable {name!r} lies in another file; expected all in one")
    if item.dtype.kind == "O" and item.dtype.metadata and "vlen" in item.dtype.metadata:
        # They lie in a heap of the file, and HDF5 reads one that is damaged for ever.
        raise ValueError(f"the variable {name!r} holds texts of several lengths; expected a cell array, or one length")
    check_bytes(path, int(np.prod([float(size) for size in item.shape])) * max(item.dtype.itemsize, 1), repr(name))
    return item[()]
