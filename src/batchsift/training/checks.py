"""What is checked before anything is trained: the seed, the data.

Shapes: N samples, L labels.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsift.data import ImageData, MultiLabelData
from batchsift.messages import count_nouns, first_few


def check_seed(seed: int) -> None:
    """Check that NumPy and the stratifiers take a seed.

    Raises:
        ValueError: For a seed outside [0, 2**32).
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be in [0, 2**32), got {seed}")


def check_finite_features(data: MultiLabelData | ImageData) -> None:
    """Check that no feature is infinite; missing ones (NaN) are fine, and pictures have none.

    Raises:
        ValueError: For an infinite value.
    """
    if isinstance(data, MultiLabelData) and np.isinf(data.features.data if data.is_sparse else data.features).any():
        raise ValueError(f"{data.name}: features hold infinite values; replace them (NaN means missing)")


def check_complete_labels(data: MultiLabelData | ImageData) -> None:
    """Check that every label of every sample is known; those of pictures need not be.

    Raises:
        ValueError: For unknown ones (NaN).
    """
    unknown = int(np.isnan(data.labels).sum())
    if unknown and isinstance(data, MultiLabelData):
        raise ValueError(
            f"{data.name}: {unknown} of {data.labels.size} label cells are unknown; only complete labels can be "
            "scored: fill them in or leave those samples or labels out"
        )


def check_macro_auc_exists(labels_NL: NDArray[Any], part: str, remedy: str) -> None:
    """Check that some label has positives and negatives: without one, no epoch can be chosen by Macro-AUC.

    Args:
        labels_NL: The labels of the validation part, NaN where unknown.
        part: How the message calls it.
        remedy: What the message asks for.

    Raises:
        ValueError: Where no label has both.
    """
    if not ((labels_NL == 1).any(axis=0) & (labels_NL == 0).any(axis=0)).any():
        raise ValueError(
            f"{part} has {count_nouns(len(labels_NL), 'sample')} and no label with both classes, "
            f"so no epoch could be chosen; "
            f"ask for {remedy}"
        )


def warn_of_constant_labels(labels_NL: NDArray[Any], names: Sequence[str]) -> None:
    """Warn of labels that no training sample has, or every one.

    Args:
        labels_NL: The labels of the training part, NaN where unknown.
        names: L names.

    Warns:
        UserWarning: Where there are such labels.
    """
    absent_L = ~(labels_NL == 1).any(axis=0)
    constant = {"no": absent_L, "every": ~(labels_NL == 0).any(axis=0) & ~absent_L}
    words = [
        f"{constant_L.sum()} of {len(names)} labels that {how} training sample has: "
        f"{first_few([name for name, constant in zip(names, constant_L, strict=True) if constant])}"
        for how, constant_L in constant.items()
        if constant_L.any()
    ]
    if words:
        warnings.warn(f"{'; '.join(words)}. They cannot be learned, and scores say nothing of them", stacklevel=3)
