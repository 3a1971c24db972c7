"""The metrics of rankings over very many labels, of which only the first places matter.

Predictions may be whole, sparse, or a shortlist of label ids with their scores; labels may be sparse. Nothing of the
size N x L is made.

Shapes: N samples, L labels, K places, S labels of a shortlist, P cells that hold something.

Sources:
    - H. Jain, Y. Prabhu, M. Varma. Extreme Multi-label Loss Functions for Recommendation, Tagging, Ranking & Other
      Missing Label Applications. KDD 2016: propensities, and the metrics that they weight.
    - K. Bhatia, K. Dahiya, H. Jain, P. Kar, A. Mittal, Y. Prabhu, M. Varma. The Extreme Classification Repository:
      Multi-label Datasets and Code. 2016: P@k, nDCG@k, and PSP@k over the best that is possible.
    - K. Järvelin, J. Kekäläinen. Cumulated Gain-based Evaluation of IR Techniques. ACM TOIS 20(4), 2002: DCG.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from batchsift.functional.chunks import row_chunks
from batchsift.metrics import Floats, Metric, as_array, ratio

__all__ = ["EXTREME_METRICS", "PLACES", "evaluate_extreme", "highest_labels", "propensities"]

PLACES = (1, 3, 5)
EXTREME_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        **{f"precision_at_{k}": Metric(f"P@{k}") for k in PLACES},
        **{f"psp_at_{k}": Metric(f"PSP@{k}") for k in PLACES},
        **{f"ndcg_at_{k}": Metric(f"nDCG@{k}") for k in PLACES},
    }
)
Ids = NDArray[np.int64]


def propensities(train_positives: ArrayLike, num_train: int, *, a: float = 0.55, b: float = 1.5) -> NDArray[np.float64]:
    """Return for each label how likely it is that a positive of it is known, `(L,)` in (0, 1] (Jain et al. 2016).

    `p_l = 1 / (1 + C exp(-a ln(n_l + b)))` with `C = (ln N - 1) (b + 1)^a`: positives of rare labels are missing more
    often. The paper has a = 0.5, b = 0.4 for Wikipedia and a = 0.6, b = 2.6 for Amazon.

    Args:
        train_positives: `(L,)`, n_l, the positives of each label among the training samples.
        num_train: N, the number of training samples, at least 3.
        a: A.
        b: B.

    Raises:
        ValueError: Counts that are none, or fewer than 3 samples, for which the formula gives no probability.

    >>> propensities([1, 100], 1000).round(3).tolist()
    [0.145, 0.565]
    """
    count_L = as_array(train_positives).astype(np.float64)
    if num_train < 3 or count_L.ndim != 1 or not ((count_L >= 0) & (count_L <= num_train)).all():
        raise ValueError(
            f"train_positives must be numbers of positives, one a label, from 0 to num_train={num_train}, which is at "
            f"least 3; got the shape {count_L.shape}, from {count_L.min(initial=0):g} to {count_L.max(initial=0):g}"
        )
    c = (np.log(num_train) - 1) * (b + 1) ** a
    propensity_L: NDArray[np.float64] = 1 / (1 + c * np.exp(-a * np.log(count_L + b)))
    return propensity_L


def evaluate_extreme(
    scores: Any, targets: Any, *, label_ids: Any = None, propensity: ArrayLike | None = None
) -> dict[str, float]:
    """Return the metrics of `EXTREME_METRICS`, in its order, for 1, 3 and 5 places; those beyond L are left out.

    - `precision_at_k`: the share of the k labels with the highest scores that are relevant, the mean over samples. It
      is divided by k also where a sample has fewer labels, or a shortlist fewer places.
    - `psp_at_k`: the same with each hit weighted by one over its label's propensity, summed over the samples, over the
      highest sum that is possible. Left out without propensities.
    - `ndcg_at_k`: the discounted gain `sum 1 / log2(place + 1)` over the hits, over that of the best ranking, the mean
      over samples; 0 for a sample without a relevant label.

    Args:
        scores: `(N, L)`, an array, a tensor or a sparse matrix, whose missing cells are in no place; or with
            `label_ids` `(N, S)`. Any numbers: only their order matters. Of equals the label that comes first.
        targets: `(N, L)` of 0/1, sparse or not.
        label_ids: `(N, S)`, the labels that a shortlist's scores are for, different ones in each row; -1 for none.
        propensity: `(L,)` in (0, 1], see `propensities`.

    Returns:
        Key to value, in [0, 1]; `psp_at_k` is NaN where nothing is relevant.

    Raises:
        ValueError: Shapes or values that do not fit.

    >>> found = evaluate_extreme([[0.9, 0.2, 0.4], [0.1, 0.7, 0.3]], [[1, 0, 1], [1, 0, 0]], propensity=[1, 1, 0.5])
    >>> found["precision_at_1"], found["ndcg_at_1"], round(found["psp_at_1"], 2), found["precision_at_3"]
    (0.5, 0.5, 0.33, 0.5)
    """
    relevant = _relevant_cells(targets)
    num_samples, num_labels = relevant.shape
    places = [k for k in PLACES if k <= num_labels]
    top_NK = highest_labels(scores, places[-1], label_ids=label_ids)
    width = num_labels if label_ids is not None else _shape(scores)[1]
    if len(top_NK) != num_samples or width != num_labels or top_NK.max() >= num_labels:
        raise ValueError(
            f"scores and targets must be of the same samples and labels, got {_shape(scores)} and "
            f"{relevant.shape}{'' if label_ids is None else f', with label ids up to {top_NK.max()}'}"
        )
    hit_NK = _hits(top_NK, relevant)
    discount_K = 1 / np.log2(np.arange(2, places[-1] + 2))
    best_K = np.concatenate([[0], discount_K.cumsum()])
    found = {}
    for k in places:
        found[f"precision_at_{k}"] = float(hit_NK[:, :k].mean())
        best_N = best_K[np.minimum(np.diff(relevant.indptr), k)]
        gain_N = hit_NK[:, :k] @ discount_K[:k]
        found[f"ndcg_at_{k}"] = float(np.where(best_N > 0, gain_N / np.where(best_N > 0, best_N, 1), 0).mean())
    if propensity is not None:
        found |= _weighted(top_NK, hit_NK, relevant, propensity, places)
    return {key: found[key] for key in EXTREME_METRICS if key in found}


def highest_labels(scores: Any, k: int, *, label_ids: Any = None) -> Ids:
    """Return the k labels with the highest scores of every sample, the highest first, `(N, k)`; -1 where there is none.

    Args:
        scores: As `evaluate_extreme` has them.
        k: At least 1.
        label_ids: As `evaluate_extreme` has them.

    Raises:
        ValueError: A score is NaN, or a shortlist's ids are of another shape, or a label is in a row twice.

    >>> highest_labels([[0.1, 0.7, 0.7]], 2).tolist()
    [[1, 2]]
    >>> highest_labels([[0.1, 0.7]], 3, label_ids=[[800, 20]]).tolist()
    [[20, 800, -1]]
    """
    if label_ids is None and not sparse.issparse(scores):
        return _highest_of_dense(_matrix(scores), k)
    cells = sparse.csr_array(scores) if label_ids is None else _cells_of_shortlist(_matrix(scores), as_array(label_ids))
    row_P = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))
    _refuse_nan(cells.data, row_P)
    order_P = np.lexsort((cells.indices, -cells.data, row_P))
    twice_P = (np.diff(order := np.sort(row_P * cells.shape[1] + cells.indices)) == 0).nonzero()[0]
    if len(twice_P):
        row, label = divmod(int(order[twice_P[0]]), cells.shape[1])
        raise ValueError(f"label {label} is twice in the row of sample {row}")
    place_P = np.arange(len(row_P)) - cells.indptr[row_P]
    kept_P = place_P < k
    top_NK = np.full((cells.shape[0], k), -1, dtype=np.int64)
    top_NK[row_P[kept_P], place_P[kept_P]] = cells.indices[order_P[kept_P]]
    return top_NK


def _highest_of_dense(scores_NL: Floats, k: int) -> Ids:
    num_samples, num_labels = scores_NL.shape
    top_NK = np.full((num_samples, k), -1, dtype=np.int64)
    for rows in row_chunks(scores_NL.shape):
        _refuse_nan(scores_NL[rows], np.arange(rows.start, rows.stop)[:, None])
        top_NK[rows, :num_labels] = np.argsort(-scores_NL[rows], axis=1, kind="stable")[:, :k]
    return top_NK


def _cells_of_shortlist(scores_NS: Floats, ids_NS: Ids) -> Any:
    """Return the cells of shortlists as a sparse matrix, in whatever order they came."""
    if ids_NS.shape != scores_NS.shape or ids_NS.dtype.kind not in "iu" or ids_NS.min(initial=0) < -1:
        raise ValueError(
            f"label_ids must be integers from -1 (none) on in the shape of the scores {scores_NS.shape}, got "
            f"{ids_NS.dtype} of {ids_NS.shape}, from {ids_NS.min(initial=0)}"
        )
    is_cell_NS = ids_NS >= 0
    starts_N = np.concatenate([[0], is_cell_NS.sum(axis=1).cumsum()])
    shape = (len(ids_NS), max(1, int(ids_NS.max(initial=0)) + 1))
    return sparse.csr_array((scores_NS[is_cell_NS], ids_NS[is_cell_NS].astype(np.int64), starts_N), shape=shape)


def _relevant_cells(targets: Any) -> Any:
    """Return the cells with a relevant label as a sparse matrix with sorted indices."""
    given: Any = targets if sparse.issparse(targets) else _matrix(targets)
    matrix = sparse.csr_array(given, copy=True)
    if 0 in matrix.shape or not ((matrix.data == 0) | (matrix.data == 1)).all():
        raise ValueError(f"targets must be 0 or 1, complete, and of a shape (N, L) above 0, got {matrix.shape}")
    matrix.eliminate_zeros()
    matrix.sum_duplicates()  # sorts, too
    return matrix


def _hits(top_NK: Ids, relevant: Any) -> Floats:
    """Return 1 where the label of a place is relevant, `(N, K)`, else 0."""
    num_samples, num_labels = relevant.shape
    row_P = np.repeat(np.arange(num_samples), np.diff(relevant.indptr))
    key_P = row_P * num_labels + relevant.indices
    key_NK = np.arange(num_samples)[:, None] * num_labels + top_NK
    place_NK = np.minimum(np.searchsorted(key_P, key_NK), len(key_P) - 1)
    found_NK = (key_P[place_NK] == key_NK) if len(key_P) else np.zeros(top_NK.shape, dtype=bool)
    return (found_NK & (top_NK >= 0)).astype(np.float64)


def _weighted(
    top_NK: Ids, hit_NK: Floats, relevant: Any, propensity: ArrayLike, places: Sequence[int]
) -> dict[str, float]:
    """Return the metrics that propensities weight."""
    propensity_L = as_array(propensity).astype(np.float64)
    if propensity_L.shape != relevant.shape[1:] or not ((propensity_L > 0) & (propensity_L <= 1)).all():
        raise ValueError(
            f"propensity must be {relevant.shape[1]} numbers in (0, 1], got the shape {propensity_L.shape}, from "
            f"{propensity_L.min(initial=1):g} to {propensity_L.max(initial=0):g}"
        )
    weights = sparse.csr_array(
        (1 / propensity_L[relevant.indices], relevant.indices, relevant.indptr), shape=relevant.shape
    )
    best_NK = highest_labels(weights, places[-1])
    best_NK = np.where(best_NK >= 0, 1 / propensity_L[best_NK], 0)
    gain_NK = hit_NK / propensity_L[top_NK]
    return {f"psp_at_{k}": float(ratio(gain_NK[:, :k].sum(), best_NK[:, :k].sum(), empty=np.nan)) for k in places}


def _matrix(values: Any) -> Any:
    array = as_array(values)
    if array.ndim != 2:
        raise ValueError(f"scores and targets must be matrices, got the shape {array.shape}")
    return array


def _shape(values: Any) -> tuple[int, ...]:
    return tuple(values.shape) if hasattr(values, "shape") else np.shape(values)


def _refuse_nan(scores: Floats, rows: Ids) -> None:
    wrong = np.isnan(scores)
    if wrong.any():
        raise ValueError(f"a score of sample {int(np.broadcast_to(rows, scores.shape)[wrong][0])} is NaN")
