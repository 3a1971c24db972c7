"""From a data set to its runs: the settings all runs share, the filters of the papers, and the splits.

Shape: L labels.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from batchsift import data as datasets
from batchsift.data import MultiLabelData
from batchsift.data.transforms import num_kept
from batchsift.training.settings import Settings

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the three parts of a fold, each sorted."""

    train: Indices
    validation: Indices
    test: Indices


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready for its runs.

    Args:
        data: What the filters left.
        settings: Shared by all runs.
        seed: Decides the splits, the initial weights and the selection.
        splits: One a fold; they depend on the data, `num_folds`, `validation_share` and the seed alone.
        removed_labels: Names of the labels with too few positives.
        num_removed_samples: How many samples were left without a label.
        kept_samples: Of each sample of `data`, its row in the data set before the filters.
    """

    data: MultiLabelData
    settings: Settings
    seed: int
    splits: tuple[Split, ...]
    removed_labels: tuple[str, ...]
    num_removed_samples: int
    kept_samples: Indices

    @property
    def num_removed_features(self) -> int:
        """How many features each training part leaves out."""
        if self.settings.top_features is None:
            return 0
        return self.data.num_features - num_kept(self.settings.top_features, self.data.num_features)


def prepare(data: MultiLabelData, settings: Settings | None = None, *, seed: int = 0) -> Prepared:
    """Filters and splits a data set, and finds out whether all its runs can be trained and scored.

    Args:
        data: Complete labels; missing feature values are fine.
        settings: The papers' by default.
        seed: From 0 to 2**32 - 1.

    Raises:
        ValueError: for a device that is not there, and for data that cannot go through the protocol: labels
            unknown in places, nothing left by the filters, infinite features, too few samples for the folds,
            or a validation part on which no Macro-AUC exists.

    Warns:
        UserWarning: where a training part is no larger than a batch: there is nothing to select.
    """
    settings = settings or Settings()
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be in [0, 2**32), got {seed}")
    check_device(settings.device)
    kept, removed_labels, kept_samples = filtered(data, settings)
    splits = tuple(_splits(kept, settings, seed))
    removed_samples = data.num_samples - kept.num_samples
    prepared = Prepared(kept, settings, seed, splits, removed_labels, removed_samples, kept_samples)
    warn_of_single_batch(prepared)
    return prepared


def filtered(data: MultiLabelData, settings: Settings) -> tuple[MultiLabelData, tuple[str, ...], Indices]:
    """The filters of the papers: labels with too few positives go, then samples left without a label.

    Returns:
        What stays, the names of the labels that went, and of each sample that stays its row in `data`.

    Raises:
        ValueError: for unknown labels, infinite features, or where nothing would stay.
    """
    if np.isnan(data.labels).any():
        unknown = int(np.isnan(data.labels).sum())
        raise ValueError(
            f"{data.name}: {unknown} of {data.labels.size} label cells are unknown; the protocol scores "
            "complete labels: fill them in or leave those samples or labels out"
        )
    if np.isinf(data.features.data if data.is_sparse else data.features).any():
        raise ValueError(f"{data.name}: features hold infinite values; replace them (NaN means missing)")
    kept, removed_labels = datasets.drop_rare_labels(data, settings.min_positives)
    kept, removed_samples = datasets.drop_unlabelled_samples(kept)
    return kept, removed_labels, np.setdiff1d(np.arange(data.num_samples), removed_samples)


def warn_of_single_batch(prepared: Prepared) -> None:
    """Says so where a training part is no larger than a batch."""
    smallest = min(len(split.train) for split in prepared.splits)
    if smallest <= prepared.settings.batch_size:
        warnings.warn(
            f"{prepared.data.name}: a training part has {smallest} samples, no more than "
            f"batch_size={prepared.settings.batch_size}: an epoch is one batch of them all, and no method can differ "
            "from another; lower the batch size",
            UserWarning,
            stacklevel=3,
        )


def check_device(device: str) -> None:
    """Raises ValueError for a device that cannot be used here."""
    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA says so by an AssertionError
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device {device!r} cannot be used here: {reason}") from error


def _splits(data: MultiLabelData, settings: Settings, seed: int) -> Iterator[Split]:
    for fold, (rest, test) in enumerate(datasets.folds(data.labels, settings.num_folds, seed)):
        train, validation = datasets.holdout(data.labels[rest], settings.validation_share, seed)
        split = Split(rest[train], rest[validation], test)
        positives_L = data.labels[split.validation].sum(axis=0)
        if not ((positives_L > 0) & (positives_L < len(split.validation))).any():
            raise ValueError(
                f"{data.name}: the validation part of fold {fold + 1} has {len(split.validation)} samples and "
                "no label with both classes, so no epoch could be chosen; ask for fewer folds or a larger "
                "validation_share"
            )
        yield split
