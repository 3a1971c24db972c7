"""Matrices of other libraries, as NumPy or scipy know them: tensors, data frames, tables of Arrow and polars."""

from typing import Any

import numpy as np


def as_matrix(values: Any) -> Any:
    """Return values as NumPy takes them, or as a scipy sparse array where they are sparse.

    Args:
        values: A tensor, dense or sparse, of any dtype and device; a data frame of any dtypes, NA among them; a table
            of Arrow or polars; a masked array, whose masked cells become NaN. Anything else is returned as it is.

    >>> import pandas as pd
    >>> as_matrix(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}))
    array([[ 1.],
           [nan]])
    """
    if hasattr(values, "detach"):
        return _of_tensor(values.detach().cpu())
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.nan, values.data) if np.ma.is_masked(values) else values.data
    if hasattr(values, "to_pandas"):
        values = values.to_pandas()
    return _of_frame(values) if hasattr(values, "columns") and hasattr(values, "dtypes") else values


def as_dense(values: Any) -> Any:
    """Return the same as a NumPy array; what is sparse is unpacked."""
    matrix = as_matrix(values)
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _of_tensor(tensor: Any) -> Any:
    tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor  # NumPy has no such numbers
    if str(tensor.layout) == "torch.strided":
        return tensor.numpy()
    from scipy.sparse import coo_array  # noqa: PLC0415 (only sparse data needs it)

    tensor = tensor.to_sparse_coo().coalesce()
    return coo_array((tensor.values().numpy(), tuple(tensor.indices().numpy())), shape=tuple(tensor.shape)).tocsr()


def _of_frame(frame: Any) -> Any:
    if len(frame.dtypes) and all(getattr(dtype, "fill_value", None) == 0 for dtype in frame.dtypes):
        return frame.sparse.to_coo().tocsr()
    if all(dtype.kind in "buif" for dtype in frame.dtypes):
        matrix = frame.to_numpy()
        return matrix if matrix.dtype != object else frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return frame.to_numpy()
