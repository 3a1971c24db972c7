"""Matrices of numbers in whatever form they come: the one door for features, labels and neighbours.

Tensors, nested lists, masked arrays, data frames, tables of Arrow and polars, arrays of Python's numbers: every part of
the package takes them through here, so that the same thing means the same everywhere.
"""

import contextlib
import math
import numbers
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from batchsift.messages import shown

_OF_NUMPY = ("torch.float16", "torch.float32", "torch.float64")  # the floats that NumPy has too
_PLAIN = {int, float, bool, type(None)}
_CELL = (numbers.Number, np.bool_, Decimal)


def as_matrix(values: Any, what: str = "values") -> Any:
    """Return values as an array, or as a scipy sparse array where they are sparse.

    Args:
        values: A tensor, dense or sparse, of any dtype and device; a data frame of any dtypes, NA among them; a table
            of Arrow or polars; a masked array, whose masked cells become NaN; nested lists; an array of Python's
            numbers, where None is NaN.
        what: What the values are, for messages.

    Raises:
        ValueError: Lists of several lengths, something that is no number among Python's numbers, or a tensor without
            values.

    >>> import pandas as pd
    >>> as_matrix(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}))
    array([[ 1.],
           [nan]])
    >>> as_matrix([[1, None]]), as_matrix(np.ma.masked_equal([[1, 7]], 7))
    (array([[ 1., nan]]), array([[ 1., nan]]))
    """
    if hasattr(values, "detach"):
        return _of_tensor(values.detach(), what)
    if hasattr(values, "to_pandas"):
        values = values.to_pandas()
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        values = _of_frame(values)
    if hasattr(values, "tocsr"):
        return values
    if isinstance(values, (list, tuple)):
        values = _of_lists(values, what)
    if isinstance(values, np.ma.MaskedArray):
        values = _unmasked(values, what)
    array = np.asarray(values)
    return _of_objects(array, what) if array.dtype == object else array


def as_dense(values: Any, what: str = "values") -> npt.NDArray[Any]:
    """Return the same as a NumPy array; what is sparse is unpacked."""
    matrix = as_matrix(values, what)
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def check_form(what: str, matrix: Any) -> None:
    """Check that a dense or sparse matrix holds numbers in two dimensions, none of them empty.

    Raises:
        ValueError: It does not.
    """
    if matrix.dtype.kind not in "buif":
        raise ValueError(f"{what} have dtype {matrix.dtype}; expected numbers; encode text first")
    if matrix.ndim != 2 or 0 in matrix.shape:
        hint = f": one column? give {what}[:, None]" if matrix.ndim == 1 and 0 not in matrix.shape else ""
        raise ValueError(
            f"{what} have shape {matrix.shape}; expected two dimensions, samples x {what}, none of them empty{hint}"
        )


def _of_tensor(tensor: Any, what: str) -> Any:
    if tensor.device.type == "meta":
        raise ValueError(f"{what} are a tensor on the device 'meta', which holds no values")
    tensor = tensor.cpu()
    if tensor.is_floating_point() and str(tensor.dtype) not in _OF_NUMPY:
        tensor = tensor.float()
    try:
        if str(tensor.layout) in ("torch.strided", "torch._mkldnn"):
            array: npt.NDArray[Any] = (tensor.to_dense() if tensor.is_mkldnn else tensor).resolve_neg().numpy()
            return array
        from scipy.sparse import coo_array  # noqa: PLC0415 (only sparse data needs it)

        tensor = tensor.to_sparse_coo().coalesce()
        indices = tuple(tensor.indices().numpy())
        return coo_array((tensor.values().numpy(), indices), shape=tuple(tensor.shape)).tocsr()
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{what} are a tensor of {tensor.dtype} and {tensor.layout} that NumPy cannot take: {error}"
        ) from error


def _of_frame(frame: Any) -> Any:
    if len(frame.dtypes) and all(getattr(dtype, "fill_value", None) == 0 for dtype in frame.dtypes):
        return frame.sparse.to_coo().tocsr()
    if all(dtype.kind in "buif" for dtype in frame.dtypes):
        matrix = frame.to_numpy()
        return matrix if matrix.dtype != object else frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return frame.to_numpy()


def _of_lists(values: Any, what: str) -> Any:
    """Return nested lists as an array; what they hold may be tensors or masked arrays."""
    if any(hasattr(item, "detach") or isinstance(item, np.ma.MaskedArray) for item in values):
        values = [as_matrix(item, what) if hasattr(item, "shape") else item for item in values]
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        # One that fails in any other way is an array of objects, which says what they are.
        if "inhomogeneous" in str(error):
            raise ValueError(f"{what} are lists of several lengths; expected rows of one length") from error
        raise ValueError(f"{what} are lists that make no matrix: {error}") from error


def _unmasked(values: Any, what: str) -> Any:
    if not np.ma.is_masked(values):
        return values.data
    if values.dtype.kind not in "buifO":
        check_form(what, values)
    return np.where(np.ma.getmaskarray(values), np.nan, values.data)


def _of_objects(array: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """Return an array of Python's numbers as one of float64; one that is not two-dimensional as it is."""
    if array.ndim != 2:
        return array
    if set(map(type, array.ravel().tolist())) <= _PLAIN:
        with contextlib.suppress(OverflowError):
            return array.astype(np.float64)
    numbers_NC = np.empty(array.shape, dtype=np.float64)
    for place, value in np.ndenumerate(array):
        numbers_NC[place] = _number(value, place, what)
    return numbers_NC


def _number(value: Any, place: tuple[int, ...], what: str) -> float:
    if np.ndim(value) == 0 and hasattr(value, "item") and not isinstance(value, np.generic):
        value = value.item()  # an array or a tensor of one number
    if value is None or type(value).__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return math.nan
    if not isinstance(value, _CELL) or isinstance(value, complex | np.complexfloating):
        _refuse(value, place, what, "")
    try:
        return float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError, TypeError):
        _refuse(value, place, what, ", which is no finite number")


def _refuse(value: Any, place: tuple[int, ...], what: str, why: str) -> NoReturn:
    raise ValueError(
        f"{what} have dtype object; expected numbers; encode text first. They hold {shown(value)} of type "
        f"{type(value).__name__} in row {place[0]}, column {place[1]}{why}"
    )
