"""What a multi-label data set is like: how its labels are spread and go together, and what may be wrong with it.

The measures and their sources, over N samples, D features and L labels:

- cardinality, the mean number of labels of a sample; density, cardinality / L (Tsoumakas and Katakis, 2007)
- IRLbl and SCUMBLE, how rare a label is and how far common and rare labels share samples: see `imbalance`
- TCS, the theoretical complexity score, `ln(D L S)` with S distinct label sets (Charte et al., HAIS 2016)

A cell that is not labelled (NaN) counts as 0, but in a label's frequency. Labels nobody has are left out of the means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from batchsift.data.duplicates import Duplicates, find_duplicates, repeated_features
from batchsift.data.imbalance import imbalance_ratios, instance_scumble
from batchsift.data.labelled import Labelled
from batchsift.data.schema import TableColumn
from batchsift.files import make_jsonable

if TYPE_CHECKING:
    from batchsift.data.dataset import MultiLabelData


@dataclass(frozen=True)
class LabelDescription:
    """One label.

    Attributes:
        name: The name of the label.
        positives: The number of samples that have it.
        frequency: The share of them among the samples for which it is known, in [0, 1]; NaN where it is known for none.
        imbalance_ratio: IRLbl, at least 1; NaN for a label nobody has.
        scumble: The SCUMBLE, in [0, 1); NaN for a label nobody has.
        scumble_cv: Standard deviation (ddof 1) over mean of SCUMBLE, among the samples that have it; NaN where it is 0.
    """

    name: str
    positives: int
    frequency: float
    imbalance_ratio: float
    scumble: float
    scumble_cv: float


@dataclass(frozen=True)
class ColumnDescription:
    """One column of the table that the data came from; of data from no table, one feature.

    Attributes:
        name: The name of the column.
        kind: What it holds: `number`, `category`, `date`, `vector`, `label`; `constant` where there is one value;
            `identifier`, `text` or `other` for what is no feature.
        missing: How many cells are empty; None for a column of tags.
        num_values: How many different values there are; None for vectors and tags.
        examples: The first few of them, as texts.
        features: The names of the features it becomes; none for labels and what is left out.
        becomes: How many, in words.
    """

    name: str
    kind: str
    missing: int | None
    num_values: int | None
    examples: tuple[str, ...]
    features: tuple[str, ...]
    becomes: str


@dataclass(frozen=True, kw_only=True)
class LabelsDescription:
    """What the labels of a data set are like.

    Attributes:
        name: The data set's name.
        num_samples: N.
        num_labels: L.
        cardinality: The mean number of labels of a sample, in [0, L].
        density: Cardinality over L, in [0, 1].
        distinct_label_sets: How many combinations of labels occur.
        single_label_sets: How many of them occur once.
        largest_label_set: How many samples share the commonest combination.
        unlabelled_samples: Samples without a positive label.
        unknown_cells: Label cells that are not labelled.
        mean_imbalance_ratio: MeanIR.
        max_imbalance_ratio: The largest IRLbl.
        scumble: SCUMBLE, the mean over the samples.
        scumble_cv: The coefficient of variation (ddof 1) of SCUMBLE over the samples; NaN where SCUMBLE is 0.
        labels: The labels, in the order of the data.
        cooccurrence: `cooccurrence[j][k]` samples have both labels; the diagonal holds the counts.
    """

    name: str
    num_samples: int
    num_labels: int
    cardinality: float
    density: float
    distinct_label_sets: int
    single_label_sets: int
    largest_label_set: int
    unlabelled_samples: int
    unknown_cells: int
    mean_imbalance_ratio: float
    max_imbalance_ratio: float
    scumble: float
    scumble_cv: float
    labels: tuple[LabelDescription, ...] = field(repr=False)
    cooccurrence: tuple[tuple[int, ...], ...] = field(repr=False)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON can hold it: dictionaries, lists, strings, finite numbers and None (for NaN)."""
        content: dict[str, Any] = make_jsonable(self)
        return content


@dataclass(frozen=True, kw_only=True)
class Description(LabelsDescription):
    """What `describe` finds: all that is said of labels, and of features.

    Attributes:
        num_features: D.
        sparse: Whether the features are stored sparsely.
        complexity: TCS.
        missing_values: Feature values that are missing.
        columns: The columns of the table, in its order; the features where there was no table.
        constant_features: Names of features with one value, missing ones apart.
        duplicate_features: Groups of names of equal features, constant ones apart.
        duplicates: Equal and near rows.
    """

    num_features: int
    sparse: bool
    complexity: float
    missing_values: int
    columns: tuple[ColumnDescription, ...] = field(repr=False)
    constant_features: tuple[str, ...]
    duplicate_features: tuple[tuple[str, ...], ...]
    duplicates: Duplicates


def describe(data: "MultiLabelData") -> Description:
    """Describe a data set.

    Raises:
        ValueError: A feature is infinite.

    >>> from batchsift.data import MultiLabelData
    >>> data = MultiLabelData([[0.0], [1.0], [2.0]], [[1, 1], [1, 0], [0, 0]], ("x",), ("often", "rarely"))
    >>> description = describe(data)
    >>> description.cardinality, description.distinct_label_sets
    (1.0, 3)
    >>> [label.imbalance_ratio for label in description.labels]
    [1.0, 2.0]
    """
    data.check_finite()
    of_labels = describe_labels(data)
    constant_D, groups = repeated_features(data.features)
    values = data.features.data if data.is_sparse else data.features
    return Description(
        **vars(of_labels),
        num_features=data.num_features,
        sparse=data.is_sparse,
        complexity=float(np.log(float(data.num_features) * data.num_labels * of_labels.distinct_label_sets)),
        missing_values=int(np.isnan(values).sum()),
        columns=tuple(_columns(data)),
        constant_features=tuple(data.feature_names[d] for d in np.flatnonzero(constant_D)),
        duplicate_features=tuple(tuple(data.feature_names[d] for d in group) for group in groups),
        duplicates=find_duplicates(data, data.labels == 1),
    )


def describe_labels(data: Labelled) -> LabelsDescription:
    """Describe the labels of a data set of any kind."""
    positive_NL = data.labels == 1
    sizes_S = np.unique(positive_NL, axis=0, return_counts=True)[1]
    scumble_N = instance_scumble(positive_NL)
    known_L = (~np.isnan(data.labels)).sum(axis=0)
    labels = tuple(_labels(data.label_names, positive_NL, scumble_N, known_L))
    ratios = [label.imbalance_ratio for label in labels if label.positives]
    counts_LL = positive_NL.T.astype(np.float64) @ positive_NL
    return LabelsDescription(
        name=data.name,
        num_samples=data.num_samples,
        num_labels=data.num_labels,
        cardinality=data.cardinality,
        density=data.cardinality / data.num_labels,
        distinct_label_sets=len(sizes_S),
        single_label_sets=int((sizes_S == 1).sum()),
        largest_label_set=int(sizes_S.max()),
        unlabelled_samples=int((~positive_NL.any(axis=1)).sum()),
        unknown_cells=int(np.isnan(data.labels).sum()),
        mean_imbalance_ratio=float(np.mean(ratios)) if ratios else float("nan"),
        max_imbalance_ratio=max(ratios, default=float("nan")),
        scumble=float(scumble_N.mean()),
        scumble_cv=_variation(scumble_N),
        labels=labels,
        cooccurrence=tuple(map(tuple, counts_LL.astype(int).tolist())),
    )


def _columns(data: "MultiLabelData") -> Iterable[ColumnDescription]:
    """Yield the columns of the table; the features where there was none."""
    of_no_table = [TableColumn(name, "number") for name in data.feature_names]
    label_places = {name: place for place, name in enumerate(data.label_names)}
    matrix = data.features.tocsc() if data.is_sparse else data.features
    place = 0
    for column in data.columns or of_no_table:
        if column.kind == "label" and column.name not in label_places:
            becomes = f"{data.num_labels} label{'s' * (data.num_labels > 1)}"
            yield ColumnDescription(column.name, "label", None, None, (), (), becomes)
            continue
        counted, features = column, column.feature_names
        if column.kind == "label":
            counted = _counted(column, data.labels[:, label_places[column.name]])
        elif column.kind == "number" and features:
            cells = matrix[:, [place]].toarray().ravel() if data.is_sparse else matrix[:, place]
            counted = _counted(column, cells)
        place += len(features)
        is_constant = features and column.kind != "vector" and (counted.num_values or 0) <= 1
        yield ColumnDescription(
            name=column.name,
            kind="constant" if is_constant else column.kind,
            missing=counted.missing,
            num_values=counted.num_values,
            examples=counted.examples,
            features=features,
            becomes=_becomes(column),
        )


def _counted(column: TableColumn, cells: npt.NDArray[Any]) -> TableColumn:
    """Return the column with what there is to say of its numbers."""
    is_missing = np.isnan(cells)
    values, first = np.unique(cells[~is_missing], return_index=True)
    examples = tuple(f"{value:g}" for value in values[np.argsort(first)[:3]])
    return replace(column, missing=int(is_missing.sum()), num_values=len(values), examples=examples)


def _becomes(column: TableColumn) -> str:
    if column.kind == "label":
        return "label"
    count = len(column.feature_names)
    if not count:
        return "left out"
    return f"{count} feature{'s' * (count > 1)}"


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
