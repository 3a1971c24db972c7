"""What a multi-label data set is like: how its labels are spread and go together, and what may be wrong with it.

The measures and their sources, over N samples, D features and L labels:

- cardinality, the mean number of labels of a sample; density, cardinality / L (Tsoumakas and Katakis, 2007)
- IRLbl_j, the largest label count over the count of label j; the mean is MeanIR (Charte et al., Neurocomputing, 2015)
- SCUMBLE: how far common and rare labels share samples. For a sample with k labels of imbalance ratios r,
  `1 - (prod r)^(1/k) / mean r`, 0 without a label; the mean over the samples (Charte et al., HAIS 2014). A label's
  SCUMBLE is the mean over the samples that have it (Charte et al., Neurocomputing, 2019)
- TCS, the theoretical complexity score, `ln(D L S)` with S distinct label sets (Charte et al., HAIS 2016)

A cell that is not labelled (NaN) counts as 0, but in a label's frequency. Labels nobody has are left out of the means.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csgraph

from batchsift.data.dataset import MultiLabelData
from batchsift.data.splits.splitting import folds

NEAR = 0.1  # of the typical distance to the nearest other row
LARGEST_SEARCHED = 20_000  # rows among which near-duplicates, not equal rows alone, are looked for
_LEAK_FOLDS = 5


@dataclass(frozen=True)
class LabelDescription:
    """One label.

    Attributes:
        name: Its name.
        positives: Samples that have it.
        frequency: Their share of the samples for which it is known, in [0, 1]; NaN where it is known for none.
        imbalance_ratio: IRLbl, at least 1; NaN for a label nobody has.
        scumble: In [0, 1); NaN for a label nobody has.
        scumble_cv: Standard deviation (ddof 1) over mean of SCUMBLE, among the samples that have it; NaN where it is 0.
    """

    name: str
    positives: int
    frequency: float
    imbalance_ratio: float
    scumble: float
    scumble_cv: float


@dataclass(frozen=True)
class Duplicates:
    """Rows whose features are equal, or nearly so.

    Attributes:
        equal_rows: Rows that equal another row.
        near_rows: Rows that equal another row, or come nearer to one than a tenth of the typical (median) distance
            of a row to its nearest other one, features scaled to [0, 1]; None where there are too many rows to look.
        contradicting_rows: Those among the `equal_rows` whose double has other labels.
        num_folds: Of the stratified folds (seed 0) looked at, 5 at most; 0 where the data cannot be split.
        leaking_rows: Rows that have an equal or near row in another fold: a model is tested on what it was trained on.
    """

    equal_rows: int
    near_rows: int | None
    contradicting_rows: int
    num_folds: int
    leaking_rows: int


@dataclass(frozen=True)
class Description:
    """What `describe` finds.

    Attributes:
        name: Of the data set.
        num_samples: N.
        num_features: D.
        num_labels: L.
        sparse: Whether the features are stored sparsely.
        cardinality: In [0, L].
        density: In [0, 1].
        distinct_label_sets: How many combinations of labels occur.
        single_label_sets: How many of them occur once.
        largest_label_set: How many samples share the commonest combination.
        complexity: TCS.
        unlabelled_samples: Samples without a positive label.
        unknown_cells: Label cells that are not labelled.
        missing_values: Feature values that are missing.
        mean_imbalance_ratio: MeanIR.
        max_imbalance_ratio: The largest IRLbl.
        scumble: Over the samples.
        scumble_cv: Its coefficient of variation (ddof 1) over the samples; NaN where SCUMBLE is 0.
        labels: In the order of the data.
        cooccurrence: `cooccurrence[j][k]` samples have both labels; the diagonal holds the counts.
        constant_features: Names of features with one value, missing ones apart.
        duplicate_features: Groups of names of equal features, constant ones apart.
        duplicates: Equal and near rows.
    """

    name: str
    num_samples: int
    num_features: int
    num_labels: int
    sparse: bool
    cardinality: float
    density: float
    distinct_label_sets: int
    single_label_sets: int
    largest_label_set: int
    complexity: float
    unlabelled_samples: int
    unknown_cells: int
    missing_values: int
    mean_imbalance_ratio: float
    max_imbalance_ratio: float
    scumble: float
    scumble_cv: float
    labels: tuple[LabelDescription, ...] = field(repr=False)
    cooccurrence: tuple[tuple[int, ...], ...] = field(repr=False)
    constant_features: tuple[str, ...]
    duplicate_features: tuple[tuple[str, ...], ...]
    duplicates: Duplicates

    def document(self) -> dict[str, Any]:
        """Everything as JSON can hold it: dictionaries, lists, strings, finite numbers and None (for NaN)."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)), parse_constant=lambda _: None)
        return content


def describe(data: MultiLabelData) -> Description:
    """Describes a data set.

    >>> data = MultiLabelData([[0.0], [1.0], [2.0]], [[1, 1], [1, 0], [0, 0]], ("x",), ("often", "rarely"))
    >>> found = describe(data)
    >>> found.cardinality, found.distinct_label_sets, [label.imbalance_ratio for label in found.labels]
    (1.0, 3, [1.0, 2.0])
    """
    positive_NL = data.labels == 1
    sizes_S = np.unique(positive_NL, axis=0, return_counts=True)[1]
    scumble_N = instance_scumble(positive_NL)
    known_L = (~np.isnan(data.labels)).sum(axis=0)
    labels = tuple(_labels(data.label_names, positive_NL, scumble_N, known_L))
    ratios = [label.imbalance_ratio for label in labels if label.positives]
    constant_D, groups = _repeated_features(data.features)
    counts_LL = positive_NL.T.astype(np.float64) @ positive_NL
    values = data.features.data if data.is_sparse else data.features
    return Description(
        name=data.name,
        num_samples=data.num_samples,
        num_features=data.num_features,
        num_labels=data.num_labels,
        sparse=data.is_sparse,
        cardinality=data.cardinality,
        density=data.cardinality / data.num_labels,
        distinct_label_sets=len(sizes_S),
        single_label_sets=int((sizes_S == 1).sum()),
        largest_label_set=int(sizes_S.max()),
        complexity=float(np.log(float(data.num_features) * data.num_labels * len(sizes_S))),
        unlabelled_samples=int((~positive_NL.any(axis=1)).sum()),
        unknown_cells=int(np.isnan(data.labels).sum()),
        missing_values=int(np.isnan(values).sum()),
        mean_imbalance_ratio=float(np.mean(ratios)) if ratios else float("nan"),
        max_imbalance_ratio=max(ratios, default=float("nan")),
        scumble=float(scumble_N.mean()),
        scumble_cv=_variation(scumble_N),
        labels=labels,
        cooccurrence=tuple(map(tuple, counts_LL.astype(int).tolist())),
        constant_features=tuple(data.feature_names[d] for d in np.flatnonzero(constant_D)),
        duplicate_features=tuple(tuple(data.feature_names[d] for d in group) for group in groups),
        duplicates=_duplicates(data, positive_NL),
    )


def imbalance_ratios(positive_NL: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """IRLbl, `(L,)`; NaN for a label nobody has.

    >>> imbalance_ratios(np.array([[True, False], [True, True]])).tolist()
    [1.0, 2.0]
    """
    count_L = positive_NL.sum(axis=0).astype(np.float64)
    ratio_L: npt.NDArray[np.float64] = count_L.max() / np.where(count_L > 0, count_L, np.nan)
    return ratio_L


def instance_scumble(positive_NL: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """SCUMBLE of every sample, `(N,)` in [0, 1).

    >>> instance_scumble(np.array([[True, True], [True, False], [True, False], [True, False]])).round(3).tolist()
    [0.2, 0.0, 0.0, 0.0]
    """
    ratio_L = np.nan_to_num(imbalance_ratios(positive_NL), nan=1.0)
    size_N = np.maximum(positive_NL.sum(axis=1), 1)
    geometric_N = np.exp(positive_NL @ np.log(ratio_L) / size_N)
    arithmetic_N = positive_NL @ ratio_L / size_N
    scumble_N = 1 - geometric_N / np.where(arithmetic_N > 0, arithmetic_N, 1.0)
    # A single label shares its sample with no other; the two means differ in rounding alone.
    return np.where(positive_NL.sum(axis=1) > 1, np.maximum(scumble_N, 0.0), 0.0)


def _labels(
    names: Sequence[str],
    positive_NL: npt.NDArray[np.bool_],
    scumble_N: npt.NDArray[np.float64],
    known_L: npt.NDArray[np.int64],
) -> Iterable[LabelDescription]:
    columns = zip(names, positive_NL.T, imbalance_ratios(positive_NL), known_L.tolist(), strict=True)
    for name, positive_N, ratio, known in columns:
        own = scumble_N[positive_N]
        yield LabelDescription(
            name=name,
            positives=len(own),
            frequency=len(own) / known if known else float("nan"),
            imbalance_ratio=float(ratio),
            scumble=float(own.mean()) if len(own) else float("nan"),
            scumble_cv=_variation(own),
        )


def _variation(values: npt.NDArray[np.float64]) -> float:
    if len(values) < 2 or not values.any():
        return float("nan")
    return float(values.std(ddof=1) / values.mean())


def _is_sparse(matrix: Any) -> bool:
    return not isinstance(matrix, np.ndarray)


def _repeated_features(features: Any) -> tuple[npt.NDArray[np.bool_], list[list[int]]]:
    """Which features have one value, and the groups of equal ones among the others."""
    columns = features.tocsc() if _is_sparse(features) else features
    constant_D = np.array([_is_constant(columns, d) for d in range(features.shape[1])])
    groups: dict[bytes, list[int]] = {}
    for d in np.flatnonzero(~constant_D).tolist():
        groups.setdefault(_content(columns, d), []).append(d)
    return constant_D, [group for group in groups.values() if len(group) > 1]


def _column(columns: Any, d: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Where a feature is not zero, and its values there."""
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


def _duplicates(data: MultiLabelData, positive_NL: npt.NDArray[np.bool_]) -> Duplicates:
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


def _folds(data: MultiLabelData) -> tuple[npt.NDArray[np.int64], int]:
    """The fold of every row, and how many folds there are."""
    fold_N = np.zeros(data.num_samples, dtype=np.int64)
    try:
        parts = folds(data.labels, min(_LEAK_FOLDS, data.num_samples), seed=0)
    except ValueError:  # too few samples to split
        return fold_N, 0
    for fold, (_, test) in enumerate(parts):
        fold_N[test] = fold
    return fold_N, len(parts)


def _equal_rows(features: Any) -> npt.NDArray[np.int64]:
    """A number for every row, the same for equal rows; missing values are equal to each other."""
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
    """A number for every row, the same for rows that are joined by near ones; None where there are too many rows."""
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
    """Features over their range (sparse ones: over their largest absolute value); a missing value is the mean."""
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler  # noqa: PLC0415

    if _is_sparse(features):
        known = features.copy()
        known.data[np.isnan(known.data)] = 0.0
        return MaxAbsScaler().fit_transform(known)
    filled = SimpleImputer(keep_empty_features=True).fit_transform(features)
    return MinMaxScaler().fit_transform(filled)
