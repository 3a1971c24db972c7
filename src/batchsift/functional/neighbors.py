"""Nearest neighbours in feature space: exact, or, of many samples, nearly so by the index of `faiss`.

Shapes: N samples, D features, K neighbours.
"""

import logging
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.matrices import as_dense, as_matrix, check_form
from batchsift.messages import warn

EXACT_UP_TO = 50_000  # samples; the exact search takes time proportional to their square
_RECALL_SAMPLES = 500
_SQUARED_EXPONENT = 400  # of the largest feature, from which on squares are near the ends of what float64 holds
_logger = logging.getLogger(__name__)


def nearest_neighbors(features: Any, num_neighbors: int) -> Tensor:
    """Return the nearest other samples of every sample, nearest first (Euclidean distance).

    Exact up to `EXACT_UP_TO` samples, and for sparse features. Of more, `approximate_neighbors` are taken if `faiss` is
    installed, and their recall is logged; if it is not, the exact search goes on after a warning.

    Args:
        features: `(N, D)` tensor, array or scipy sparse matrix without NaN.
        num_neighbors: K, at least 1; a set with fewer other samples gives N - 1 of them.

    Returns:
        `(N, K)` int64 on the CPU. A sample is left out of its own row by index, so that of two equal samples each
        is the other's neighbour.

    Raises:
        ValueError: Features that are not a finite two-dimensional matrix.

    >>> nearest_neighbors(torch.tensor([[0.0], [1.0], [3.0]]), 1).tolist()
    [[1], [0], [1]]
    """
    from scipy.sparse import issparse  # noqa: PLC0415 -- heavy, and only some methods need neighbours
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    matrix = as_matrix(features, "features")
    check_form("features", matrix)
    sparse = issparse(matrix)
    matrix = (matrix.tocsr() if sparse else matrix).astype(np.float64, copy=False)
    values = matrix.data if sparse else matrix
    if not np.isfinite(values).all():
        raise ValueError("features contain NaN or infinite values: impute them before neighbours are sought")
    matrix = _with_squares(matrix, values)
    if not sparse:
        # Distances come from inner products, which lose their digits far from zero (time stamps, say).
        matrix = matrix - matrix.mean(axis=0)
    count = min(num_neighbors, matrix.shape[0] - 1)
    if count < 1:
        return torch.empty(matrix.shape[0], 0, dtype=torch.int64, device="cpu")
    if not sparse and len(matrix) > EXACT_UP_TO:
        try:
            approximate, recall = approximate_neighbors(matrix.astype(np.float32), count)
        except ImportError:
            warn(
                f"the exact neighbours of {len(matrix)} samples are sought, which takes long: pip install "
                "'batchsift[neighbors]' for approximate ones, or pass neighbors=(N, K) to the method"
            )
        else:
            _logger.info("approximate neighbours of %d samples, recall %.3f", len(matrix), recall)
            return torch.from_numpy(approximate)
    exact = NearestNeighbors(n_neighbors=count).fit(matrix).kneighbors(return_distance=False)
    return torch.from_numpy(exact.astype(np.int64))


def _with_squares(matrix: Any, values: NDArray[np.float64]) -> Any:
    """Return features times a power of two that lets sums of their squares be numbers; mostly they are as they were."""
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    if abs(exponent) < _SQUARED_EXPONENT:
        return matrix
    # Half at a time: the factor itself may be no number.
    return matrix * 2.0 ** -(exponent // 2) * 2.0 ** -(exponent - exponent // 2)


def approximate_neighbors(features: NDArray[np.float32], num_neighbors: int) -> tuple[NDArray[np.int64], float]:
    """Find neighbours by an inverted file (the `IndexIVFFlat` of faiss).

    The samples are put into `4 sqrt(N)` cells, and the nearest cells are searched whole. The same features always give
    the same neighbours.

    Args:
        features: `(N, D)`, finite, not far from zero.
        num_neighbors: K, less than N.

    Returns:
        `(N, K)`, nearest first, and the recall: which share of the exact neighbours of some samples was found. A sample
        stands in for a neighbour of its own that was not found.

    Raises:
        ImportError: `faiss` is not installed.
    """
    import faiss  # noqa: PLC0415 -- an extra

    features = np.ascontiguousarray(features)
    num_samples, num_features = features.shape
    cells = max(1, min(num_samples // 40, int(4 * math.sqrt(num_samples))))
    exact_index = faiss.IndexFlatL2(num_features)
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(num_features), num_features, cells)
    index.cp.max_points_per_centroid = 64
    index.cp.min_points_per_centroid = 1
    index.train(features)
    index.add(features)
    index.nprobe = max(8, cells // 24)
    _, neighbors = index.search(features, num_neighbors + 1)
    neighbors = _without_self(neighbors, np.arange(num_samples))
    exact_index.add(features)
    some = np.unique(np.linspace(0, num_samples - 1, _RECALL_SAMPLES).astype(np.int64))
    _, nearest = exact_index.search(features[some], num_neighbors + 1)
    nearest = _without_self(nearest, some)
    hits = (neighbors[some][:, :, None] == nearest[:, None, :]).any(1)
    return neighbors, float(hits.mean())


def _without_self(neighbors: NDArray[np.int64], own_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out the own sample of each row, or the last found; what was not found (-1) becomes its own."""
    left_out = neighbors == own_N[:, None]
    left_out[~left_out.any(1), -1] = True
    others = neighbors[~left_out].reshape(len(neighbors), -1).astype(np.int64)
    return np.where(others < 0, own_N[:, None], others)


def given_or_nearest(neighbors: Any, features: Any, num_neighbors: int, num_samples: int) -> Tensor:
    """Return neighbours as the user gave them, checked, or else the nearest ones in the features.

    Args:
        neighbors: `(N, K)` indices, or None.
        features: `(N, D)`, or None where neighbours are given.
        num_neighbors: K of the nearest ones.
        num_samples: N of the labels.

    Returns:
        `(N, K)` on the CPU, int64, or int32 where they were given so (not copied).

    Raises:
        ValueError: There are neither neighbours nor features, or they do not fit the labels.

    >>> given_or_nearest([[1], [0]], None, num_neighbors=1, num_samples=2)
    tensor([[1],
            [0]])
    """
    if neighbors is None:
        if features is None:
            raise ValueError(
                "neighbours are needed: pass features=(N, D) to the selector, or neighbors=(N, K) to the method"
            )
        return nearest_neighbors(features, num_neighbors)
    given = neighbors.cpu() if isinstance(neighbors, Tensor) else torch.from_numpy(as_dense(neighbors, "neighbors"))
    if given.ndim != 2 or len(given) != num_samples or given.is_floating_point() or given.dtype == torch.bool:
        raise ValueError(
            f"neighbors must be integers of shape ({num_samples}, K), got {tuple(given.shape)} of {given.dtype}"
        )
    if given.numel() and not 0 <= int(given.min()) <= int(given.max()) < num_samples:
        raise ValueError(f"neighbors must lie in [0, {num_samples}), got {int(given.min())} to {int(given.max())}")
    return given if given.dtype == torch.int32 else given.long()


def renewed_neighbors(neighbors: Any, features: Any, num_neighbors: int, num_samples: int) -> Tensor:
    """Return the neighbours that take the place of others: as given, or the nearest in the features; one of the two.

    Args:
        neighbors: `(N, K)` indices, or None.
        features: `(N, D)`, or None.
        num_neighbors: K of the nearest ones.
        num_samples: N of the labels.

    Returns:
        `(N, K)` on the CPU; see `given_or_nearest`.

    Raises:
        ValueError: There are neither or both, or they do not fit the labels.
    """
    if (neighbors is None) == (features is None):
        raise ValueError(
            "pass features=(N, D) to find the new neighbours in, or neighbors=(N, K): one of the two, "
            f"got {'neither' if features is None else 'both'}"
        )
    found_NK = given_or_nearest(neighbors, features, num_neighbors, num_samples)
    if len(found_NK) != num_samples:
        raise ValueError(f"features must have a row for each of the {num_samples} samples, got {len(found_NK)} rows")
    return found_NK
