"""Nearest neighbours in feature space."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def nearest_neighbors(features: Any, num_neighbors: int) -> Tensor:
    """The nearest other samples of every sample, nearest first (Euclidean distance, exact).

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

    if isinstance(features, Tensor):
        features = features.detach().cpu().double().numpy()
    sparse = issparse(features)
    matrix: Any = features if sparse else np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"features must be a matrix (N, D), got shape {tuple(matrix.shape)}")
    values = matrix.data if sparse else matrix
    if not np.isfinite(values).all():
        raise ValueError("features contain NaN or infinite values: impute them before neighbours are sought")
    if not sparse:
        # Distances come from inner products, which lose their digits far from zero (time stamps, say).
        matrix = matrix - matrix.mean(axis=0)
    count = min(num_neighbors, matrix.shape[0] - 1)
    if count < 1:
        return torch.empty(matrix.shape[0], 0, dtype=torch.int64)
    found = NearestNeighbors(n_neighbors=count).fit(matrix).kneighbors(return_distance=False)
    return torch.from_numpy(found.astype(np.int64))


def given_or_nearest(neighbors: Any, features: Any, num_neighbors: int, num_samples: int) -> Tensor:
    """Neighbours as the user gave them, checked, or else the nearest ones in the features.

    Returns:
        `(N, K)` on the CPU, int64, or int32 where they were given so (not copied).

    Raises:
        ValueError: There are neither neighbours nor features, or they do not fit the labels.
    """
    if neighbors is None:
        if features is None:
            raise ValueError(
                "neighbours are needed: pass features=(N, D) to the selector, or neighbors=(N, K) to the method"
            )
        return nearest_neighbors(features, num_neighbors)
    found = torch.as_tensor(neighbors).cpu()
    if found.ndim != 2 or len(found) != num_samples or found.is_floating_point() or found.dtype == torch.bool:
        raise ValueError(
            f"neighbors must be integers of shape ({num_samples}, K), got {tuple(found.shape)} of {found.dtype}"
        )
    if found.numel() and not 0 <= int(found.min()) <= int(found.max()) < num_samples:
        raise ValueError(f"neighbors must lie in [0, {num_samples}), got {int(found.min())} to {int(found.max())}")
    return found if found.dtype == torch.int32 else found.long()
