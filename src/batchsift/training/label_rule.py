"""The one rule of which labels are trained on and scored, in comparisons, studies and models for use alike.

Labels with few positives go, as in the papers; labels that every sample has go too, of which the papers' data have
none. Neither can be learned and scored: a fold without a positive, or without a negative, says nothing of a label.

Shapes: N samples, L labels.
"""

import warnings
from collections.abc import Sequence

from batchsift import data as datasets
from batchsift.data import MultiLabelData
from batchsift.messages import first_few


def drop_labels(data: MultiLabelData, min_positives: int) -> tuple[MultiLabelData, tuple[str, ...]]:
    """Drop the labels that are too rare, and those that every sample has.

    Args:
        data: The whole data set, before it is split; a cell that is not labelled is neither positive nor negative.
        min_positives: A label needs more positives than this to stay; at least 0.

    Returns:
        The data with the labels that stay, all its samples, and the names of those removed.

    Raises:
        ValueError: No label would stay.

    Warns:
        UserWarning: Some labels are removed; it names them.
    """
    kept, rare = datasets.drop_rare_labels(data, min_positives)
    varies_L = (kept.labels == 0).any(axis=0)
    if not varies_L.any():
        raise ValueError(f"{data.name}: all labels with more than {min_positives} positives are on every sample")
    if varies_L.all() and not rare:
        return kept, ()
    common = tuple(name for name, varies in zip(kept.label_names, varies_L, strict=True) if not varies)
    has_any_L = (data.labels == 1).any(axis=0)
    seen = {name for name, has_any in zip(data.label_names, has_any_L, strict=True) if has_any}
    groups = {
        "that no sample has": [name for name in rare if name not in seen],
        "that every sample has": common,
        f"with {min_positives} positives or fewer (min_positives)": [name for name in rare if name in seen],
    }
    words = [f"{_count(names, data)} {which}: {first_few(names)}" for which, names in groups.items() if names]
    warnings.warn(
        f"{data.name}: left out {'; '.join(words)}. They cannot be learned, and scores say nothing of them",
        stacklevel=3,
    )
    return kept.select(labels=varies_L), rare + common


def _count(names: Sequence[str], data: MultiLabelData) -> str:
    return f"{len(names)} of {data.num_labels} labels"
