"""What occurs more than once in a data set: equal and nearly equal rows, equal and constant features.

Shape suffixes: N samples, D features, L labels, G groups of equal rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csgraph

from batchsift.data.splits.splitting import quiet_folds as folds

if TYPE_CHECKING:
    from batchsift.data.dataset import MultiLabelData

NEAR = 0.1  # of the typical distance to the nearest other row
LARGEST_SEARCHED = 20_000  # rows among which near-duplicates, not equal rows alone, are looked for
_LEAK_FOLDS = 5


@dataclass(frozen=True)
class Duplicates:
    """Rows whose features are equal, or nearly so.

    Attributes:
        equal_rows: Rows that equal another row.
        near_rows: Rows that equal another row, or come nearer to one than a tenth of the typical (median) distance
            of a row to its nearest other one, features scaled to [0, 1]; None where there are too many rows to look.
        contradicting_rows: Rows among the `equal_rows` whose double has other labels.
        num_folds: How many stratified folds (seed 0) were looked at, 5 at most; 0 where the data cannot be split.
        leaking_rows: Rows that have an equal or near row in another fold: a model is tested on what it was trained on.
    """

    equal_rows: int
    near_rows: int | None
    contradicting_rows: int
    num_folds: int
    leaking_rows: int


def find_duplicates(data: "MultiLabelData", positive_NL: npt.NDArray[np.bool_]) -> Duplicates:
    """Look for rows whose features equal another row's, or nearly.

    Args:
        data: N samples.
        positive_NL: Which sample has which label, `(N, L)`.
    """
    group_N = _equal_rows(data.features)
    sizes_G = np.bincount(group_N)
    label_group_N = np.unique(positive_NL, axis=0, return_inverse=True)[1].reshape(-1)
    pairs = np.unique(np.stack([group_N, label_group_N]), axis=1)
    contradicted_G = np.bincount(pairs[0], minlength=len(sizes_G)) > 1
    near_N = _near_rows(data.features, group_N)
    fold_N, num_folds = _folds(data)
    together_N = group_N if near_N is None else near_N
    spans = np.bincount(np.unique(np.stack([together_N, fold_N]), axis=1)[0])
    return Duplicates(
        equal_rows=int(sizes_G[sizes_G > 1].sum()),
        near_rows=None if near_N is None else int((np.bincount(near_N)[near_N] > 1).sum()),
        contradicting_rows=int(contradicted_G[group_N].sum()),
        num_folds=num_folds,
        leaking_rows=int((spans[together_N] > 1).sum()),
    )


def _folds(data: "MultiLabelData") -> tuple[npt.NDArray[np.int64], int]:
    """Return the fold of every row, and how many folds there are."""
    fold_N = np.zeros(data.num_samples, dtype=np.int64)
    try:
        parts = folds(data.labels, min(_LEAK_FOLDS, data.num_samples), seed=0)
    except ValueError:  # too few samples to split
        return fold_N, 0
    for fold, (_, test) in enumerate(parts):
        fold_N[test] = fold
    return fold_N, len(parts)


def _equal_rows(features: Any) -> npt.NDArray[np.int64]:
    """Return a number for every row, the same for equal rows; missing values are equal to each other."""
    if _is_sparse(features):
        rows = features.copy()
        rows.eliminate_zeros()
        rows.sort_indices()
        bounds = list(zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True))
        contents = [rows.indices[a:b].tobytes() + rows.data[a:b].tobytes() for a, b in bounds]
    else:
        contents = [row.tobytes() for row in features + 0.0]  # there is one zero only
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(content, len(numbers)) for content in contents], dtype=np.int64)


def _near_rows(features: Any, group_N: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return a number for every row, the same for rows joined by near ones; None where there are too many rows."""
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    first_G = np.unique(group_N, return_index=True)[1]
    if len(first_G) > LARGEST_SEARCHED:
        return None
    if len(first_G) < 3:
        return group_N
    scaled_GD = _scaled(features)[first_G]
    search = NearestNeighbors().fit(scaled_GD)
    distance_G = search.kneighbors(n_neighbors=1)[0][:, 0]
    close_GG = search.radius_neighbors_graph(radius=NEAR * float(np.median(distance_G)))
    joined_G = csgraph.connected_components(close_GG, directed=False)[1]
    near_N: npt.NDArray[np.int64] = joined_G.astype(np.int64)[group_N]
    return near_N


def _scaled(features: Any) -> Any:
    """Scale features by their range (sparse ones: largest absolute value); a missing value is the mean."""
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler  # noqa: PLC0415

    if _is_sparse(features):
        known = features.copy()
        known.data[np.isnan(known.data)] = 0.0
        return MaxAbsScaler().fit_transform(known)
    filled = SimpleImputer(keep_empty_features=True).fit_transform(features)
    return MinMaxScaler().fit_transform(filled)


def _is_sparse(matrix: Any) -> bool:
    return not isinstance(matrix, np.ndarray)


def repeated_features(features: Any) -> tuple[npt.NDArray[np.bool_], list[list[int]]]:
    """Return which features have one value, `(D,)`, and the groups of equal ones among the others."""
    columns = features.tocsc() if _is_sparse(features) else features
    constant_D = np.array([_is_constant(columns, d) for d in range(features.shape[1])])
    groups: dict[bytes, list[int]] = {}
    for d in np.flatnonzero(~constant_D).tolist():
        groups.setdefault(_content(columns, d), []).append(d)
    return constant_D, [group for group in groups.values() if len(group) > 1]


def _column(columns: Any, d: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return where a feature is not zero, and its values there."""
    if _is_sparse(columns):
        own = slice(columns.indptr[d], columns.indptr[d + 1])
        rows, values = columns.indices[own], columns.data[own]
        rows, values = rows[values != 0], values[values != 0]
        order = np.argsort(rows, kind="stable")
        return rows[order].astype(np.intp), values[order]
    rows = np.flatnonzero(columns[:, d])
    return rows, columns[rows, d]


def _is_constant(columns: Any, d: int) -> bool:
    rows, values = _column(columns, d)
    known = values[~np.isnan(values)]
    return len(known) == 0 or (len(rows) == columns.shape[0] and bool((known == known[0]).all()))


def _content(columns: Any, d: int) -> bytes:
    rows, values = _column(columns, d)
    return rows.astype(np.int64).tobytes() + (values + 0.0).tobytes()
