"""The one rule of which labels are trained on and scored, in comparisons, studies and models for use alike.

Labels with few positives go, as in the papers; labels that every sample has go too, of which the papers' data have
none. Neither can be learned and scored: a fold without a positive, or without a negative, says nothing of a label.

Shapes: N samples, L labels.
"""

import warnings
from collections.abc import Sequence
from typing import TypeVar

from batchsift import data as datasets
from batchsift.data.labelled import Labelled
from batchsift.messages import count_nouns, first_few

_Data = TypeVar("_Data", bound=Labelled)


def drop_labels(data: _Data, min_positives: int) -> tuple[_Data, tuple[str, ...]]:
    """Drop the labels that are too rare, and those that every sample has.

    Args:
        data: The whole data set, before it is split; a cell that is not labelled is neither positive nor negative.
        min_positives: A label needs more positives than this to stay; at least 0.

    Returns:
        The data with the labels that stay, all its samples, and the names of those removed.

    Raises:
        ValueError: No label would stay.
    """
    kept, rare = datasets.drop_rare_labels(data, min_positives)
    varies_L = (kept.labels == 0).any(axis=0)
    if not varies_L.any():
        raise ValueError(
            f"{data.name}: each of the {kept.num_labels} labels with more than min_positives={min_positives} positives "
            "is on every sample, so there is nothing to learn; lower min_positives"
        )
    common = tuple(name for name, varies in zip(kept.label_names, varies_L, strict=True) if not varies)
    return kept.select(labels=varies_L) if common else kept, rare + common


def warn_of_dropped_labels(data: Labelled, removed: Sequence[str], min_positives: int) -> None:
    """Warn of the labels that were dropped, by name.

    Args:
        data: The data set as it was before.
        removed: Names of the labels that `drop_labels` dropped.
        min_positives: The number it was given.

    Warns:
        UserWarning: There are any.
    """
    if not removed:
        return
    of = data.select(labels=[name in removed for name in data.label_names])
    has_L, lacks_L = (of.labels == 1).any(axis=0), (of.labels == 0).any(axis=0)
    groups = {
        "that no sample has": ~has_L,
        "that every sample has": has_L & ~lacks_L,
        f"with {count_nouns(min_positives, 'positive')} or fewer (min_positives)": has_L & lacks_L,
    }
    words = [
        f"{in_it_L.sum()} of {data.num_labels} labels {which}: "
        f"{first_few([name for name, in_it in zip(of.label_names, in_it_L, strict=True) if in_it])}"
        for which, in_it_L in groups.items()
        if in_it_L.any()
    ]
    warnings.warn(
        f"{data.name}: left out {'; '.join(words)}. They cannot be learned, and scores say nothing of them",
        stacklevel=3,
    )
