"""What the released harnesses do otherwise, as methods and as changes to prepared data; and labels made noisy.

Importing this module registers the methods and models, in whichever process a cell runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.data import Split
from batchsift.functional.sampling import probabilities_by_range
from batchsift.methods.random import Random
from batchsift.methods.registry import register
from batchsift.methods.uncertainty import Uncertainty
from batchsift.studies.config import CellConfig
from batchsift.studies.sources import FileSource
from batchsift.training.prepare import Prepared
from benchmarks.evidence import dela_observed_latent, mpvae_observed_inputs  # noqa: F401 (registers them)


@register
class Unshuffled(Random):
    """Every epoch walks through the samples in the order of the file."""

    name: ClassVar[str] = "unshuffled"

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
        """Return the samples in their order, as often as the blocks need."""
        N = self.labels.num_samples
        return torch.arange(-(-batch_size * num_batches // N) * N) % N


@register
class GrowingUncertainty(Uncertainty):
    """Uncertainty under a pressure that grows from 1 to `pressure`, where the paper's falls."""

    name: ClassVar[str] = "growing_uncertainty"

    def select_by_range(self, score_N: Tensor, epoch: int) -> Tensor:
        """Return probabilities in min-max form, under the growing pressure; see `ScoredMethod`."""
        if not self.selecting(epoch):
            return super().select_by_range(score_N, epoch)
        grown = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return probabilities_by_range(score_N, self.pressure**grown, 1e-6)


def half_test(prepared: Prepared, config: CellConfig) -> Prepared:
    """Train on all that is not the test part, and choose the epoch on half of the test part; score the whole of it."""
    split = prepared.splits[config.fold]
    half = np.random.default_rng((config.seed, config.fold)).permutation(split.test)[: len(split.test) // 2]
    changed = Split(np.sort(np.concatenate([split.train, split.validation])), np.sort(half), split.test)
    return _with_split(prepared, config.fold, changed)


def remove(share: float) -> Callable[[Prepared, CellConfig], Prepared]:
    """Return a change: that share of the positives outside the test part is taken for negative."""
    return lambda prepared, config: _with_labels(prepared, wrong_cells(prepared, config, share, "positives"))


def flip(share: float) -> Callable[[Prepared, CellConfig], Prepared]:
    """Return a change: as many cells outside the test part as that share of the positives are flipped."""
    return lambda prepared, config: _with_labels(prepared, wrong_cells(prepared, config, share, "cells"))


def wrong_cells(prepared: Prepared, config: CellConfig, share: float, among: str) -> NDArray[np.bool_]:
    """Return which cells of the labels are made wrong, `(N, L)`.

    Args:
        prepared: The prepared data.
        config: The cell, whose seed and fold decide them.
        share: Their number over that of the positives outside the test part.
        among: "positives" or "cells".
    """
    labels, split = prepared.data.labels, prepared.splits[config.fold]
    outside = np.zeros(labels.shape, dtype=bool)
    outside[np.concatenate([split.train, split.validation])] = True
    positive = outside & (labels == 1)
    pool = np.flatnonzero(positive if among == "positives" else outside)
    rng = np.random.default_rng((config.seed, config.fold, 1))
    wrong = np.zeros(labels.size, dtype=bool)
    wrong[rng.choice(pool, round(share * positive.sum()), replace=False)] = True
    return wrong.reshape(labels.shape)


def _with_labels(prepared: Prepared, wrong: NDArray[np.bool_]) -> Prepared:
    labels = np.where(wrong, 1 - prepared.data.labels, prepared.data.labels)
    return replace(prepared, data=replace(prepared.data, labels=labels.astype(prepared.data.labels.dtype)))


def _with_split(prepared: Prepared, fold: int, split: Split) -> Prepared:
    splits = list(prepared.splits)
    splits[fold] = split
    return replace(prepared, splits=tuple(splits))


CHANGES: Mapping[str, Callable[[Prepared, CellConfig], Prepared]] = {
    "half_test": half_test,
    "remove 10 %": remove(0.1),
    "remove 20 %": remove(0.2),
    "flip 10 %": flip(0.1),
    "flip 20 %": flip(0.2),
}


@dataclass(frozen=True)
class ChangedSource:
    """A data set that is prepared otherwise.

    Args:
        source: Where it comes from.
        change: A key of `CHANGES`; nothing: as it is.
    """

    source: FileSource
    change: str = ""

    def prepare(self, config: CellConfig) -> Prepared:
        """Return the data of that cell; see `Source.prepare`."""
        prepared = self.source.prepare(config)
        return CHANGES[self.change](prepared, config) if self.change else prepared
