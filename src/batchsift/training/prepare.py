"""From a data set to its runs: the filters of the papers and the splits; the validation part of a run for use.

Shape: L labels.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from batchsift import data as datasets
from batchsift.data import ImageData, MultiLabelData, Split
from batchsift.data.splits.splitting import quiet_folds, quiet_holdout
from batchsift.data.transforms import num_kept
from batchsift.devices import check_device
from batchsift.messages import count_nouns
from batchsift.training.checks import (
    check_complete_labels,
    check_finite_features,
    check_macro_auc_exists,
    check_seed,
)
from batchsift.training.label_rule import drop_labels
from batchsift.training.settings import Settings

Indices = NDArray[np.int64]
_Data = TypeVar("_Data", bound=MultiLabelData | ImageData)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready for its runs.

    Args:
        data: What the filters left.
        settings: The settings that all runs share.
        seed: The seed that decides the splits, the initial weights and the selection.
        splits: The splits, one a fold; they depend on the data, `num_folds`, `validation_share` and the seed alone.
        removed_labels: Names of the labels with too few positives, and of those that every sample has.
        num_removed_samples: How many samples were left without a label.
        kept_samples: The row of each sample of `data` in the data set before the filters.
    """

    data: MultiLabelData | ImageData
    settings: Settings
    seed: int
    splits: tuple[Split, ...]
    removed_labels: tuple[str, ...]
    num_removed_samples: int
    kept_samples: Indices

    @property
    def num_removed_features(self) -> int:
        """How many features each training part leaves out."""
        if self.settings.top_features is None or isinstance(self.data, ImageData):
            return 0
        return self.data.num_features - num_kept(self.settings.top_features, self.data.num_features)


def prepare(data: MultiLabelData | ImageData, settings: Settings | None = None, *, seed: int = 0) -> Prepared:
    """Filter and split a data set, and check that all its runs can be trained and scored.

    Args:
        data: Complete labels, but for those of pictures; missing feature values are fine.
        settings: The settings; those of `Settings` by default.
        seed: A number from 0 to 2**32 - 1.

    Raises:
        ValueError: For a device that is not there, and for data that cannot go through the protocol: labels
            unknown in places, nothing left by the filters, infinite features, too few samples for the folds,
            or a validation part on which no Macro-AUC exists.

    Warns:
        UserWarning: Where a training part is no larger than a batch: there is nothing to select.
    """
    settings = settings or Settings()
    check_seed(seed)
    check_device(settings.device)
    kept, removed_labels, kept_samples = apply_filters(data, settings)
    splits = tuple(_splits(kept, settings, seed))
    removed_samples = data.num_samples - kept.num_samples
    prepared = Prepared(kept, settings, seed, splits, removed_labels, removed_samples, kept_samples)
    warn_of_single_batch(prepared)
    return prepared


def apply_filters(data: _Data, settings: Settings) -> tuple[_Data, tuple[str, ...], Indices]:
    """Drop the labels that `label_rule` drops, then the samples left without a label, as the papers do.

    Returns:
        What stays, the names of the labels that went, and of each sample that stays its row in `data`.

    Raises:
        ValueError: For unknown labels, infinite features, or where nothing would stay.
    """
    check_complete_labels(data)
    check_finite_features(data)
    kept, removed_labels = drop_labels(data, settings.min_positives)
    kept, removed_samples = datasets.drop_unlabelled_samples(kept)
    return kept, removed_labels, np.setdiff1d(np.arange(data.num_samples), removed_samples)


def warn_of_single_batch(prepared: Prepared) -> None:
    """Warn where a training part is no larger than a batch.

    Warns:
        UserWarning: Where it is so.
    """
    smallest = min(len(split.train) for split in prepared.splits)
    if smallest <= prepared.settings.batch_size:
        warnings.warn(
            f"{prepared.data.name}: a training part has {count_nouns(smallest, 'sample')}, no more than "
            f"batch_size={prepared.settings.batch_size}: an epoch is one batch of them all, and no method can differ "
            "from another; lower the batch size",
            UserWarning,
            stacklevel=3,
        )


def hold_out_validation(data: MultiLabelData | ImageData, share: float, seed: int) -> tuple[Indices, Indices]:
    """Hold out a share of the completely labelled samples, of pictures that of all; nothing is filtered.

    Where the source of pictures has a validation part, that one is held out, and its test part is in neither.

    Args:
        data: Labels may be unknown (NaN) in some samples; those are trained on.
        share: The share of the completely labelled samples, in (0, 1).
        seed: A number from 0 to 2**32 - 1.

    Returns:
        Rows to train on and rows to choose the epoch by, each sorted.

    Raises:
        ValueError: For infinite features, or where no epoch could be chosen by what is held out.
    """
    check_finite_features(data)
    learned = np.arange(data.num_samples)
    if isinstance(data, ImageData):
        learned = complete = np.setdiff1d(learned, test_rows(data))
        given = data.rows_of("validation")
        if 0 < len(given) < len(learned):
            check_macro_auc_exists(data.labels[given], f"{data.name}: its validation part", "a larger one")
            return np.setdiff1d(learned, given), given
    else:
        complete = np.flatnonzero(~np.isnan(data.labels).any(axis=1))
    if len(complete) < 2:
        raise ValueError(f"{data.name}: {len(complete)} samples have all their labels known, too few to validate by")
    _, chosen = quiet_holdout(data.labels[complete], share, seed)
    held_out = complete[chosen]
    check_macro_auc_exists(data.labels[held_out], f"{data.name}: the validation part", "a larger validation share")
    return np.setdiff1d(learned, held_out), held_out


def test_rows(data: MultiLabelData | ImageData) -> Indices:
    """Return the rows of the test part of a source of pictures; none where there is none, or nothing else."""
    rows = data.rows_of("test") if isinstance(data, ImageData) else np.arange(0)
    return rows if len(rows) < data.num_samples else np.arange(0)


def _splits(data: MultiLabelData | ImageData, settings: Settings, seed: int) -> Iterator[Split]:
    for fold, (rest, test) in enumerate(quiet_folds(data.labels, settings.num_folds, seed)):
        train, validation = quiet_holdout(data.labels[rest], settings.validation_share, seed)
        split = Split(rest[train], rest[validation], test)
        part = f"{data.name}: the validation part of fold {fold + 1}"
        check_macro_auc_exists(data.labels[split.validation], part, "fewer folds or a larger validation_share")
        yield split
