"""The three parts of a fold, scaled by what the training part alone tells; sparse features until a batch is drawn.

Pictures are neither scaled nor in memory: `picture_rows` stands in the place of their features.

Shapes: N samples of a part, B batch, D features, L labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift.data import ImageData, MultiLabelData, Split
from batchsift.data.schema import TableColumn, category_blocks, feature_columns
from batchsift.data.transforms import TopFeatures, make_steps, unseen_as_missing
from batchsift.selection.selector import Selector
from batchsift.training.picture_rows import PictureRows
from batchsift.training.settings import Settings
from batchsift.training.stopwatch import Stopwatch

DENSE_CELLS = 2**24  # of sparse features that are made dense at a time without a batch to say how many


class SparseRows:
    """Scaled sparse features `(N, D)`; the rows that are asked for become a dense float32 tensor.

    Args:
        matrix: The scaled values, in CSR form.
        offset_D: What scaling adds to every cell, those that are not stored included.
        device: The device the rows go to.
    """

    def __init__(self, matrix: Any, offset_D: NDArray[np.float64], device: str) -> None:
        self.offset_D = offset_D if offset_D.any() else None
        # Rounded where the dense rows are: only once nothing is added any more.
        self.matrix = matrix if self.offset_D is not None else matrix.astype(np.float32)
        self.device = torch.device(device)

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def __getitem__(self, indices_B: Tensor | slice) -> Tensor:
        rows = indices_B.cpu().numpy() if isinstance(indices_B, Tensor) else indices_B
        dense_BD = self.matrix[rows].toarray()
        if self.offset_D is not None:
            dense_BD += self.offset_D
        return torch.from_numpy(dense_BD).to(self.device, torch.float32)

    def split(self, rows: int) -> Iterator[Tensor]:
        """Yield all rows in order, at most so many at a time; fewer where they are wide."""
        rows = min(rows, max(1, DENSE_CELLS // self.shape[1]))
        return (self[start : start + rows] for start in range(0, self.shape[0], rows))

    def tensor(self) -> Tensor:
        """Return a sparse tensor of the scaled values, without what is added to every cell."""
        entries = self.matrix.tocoo()
        indices = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
        values = torch.from_numpy(entries.data).to(torch.float32)
        return torch.sparse_coo_tensor(indices, values, self.shape, device=self.device, check_invariants=False)


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step is trained on.

    Args:
        indices: `(B,)` on the CPU: the rows of the samples in their part.
        x: `(B, D)` features, or pictures `(B, 3, height, width)`, augmented.
        y: `(B, L)` of 0 and 1, NaN where unknown.
        clean: The pictures without augmentation, where the selector is to see predictions of those.
    """

    indices: Tensor
    x: Tensor
    y: Tensor
    clean: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a data set in the form a model takes.

    Args:
        features: `(N, D)`, scaled, float32; or the pictures.
        labels: `(N, L)` of 0 and 1, NaN where unknown, float32.
    """

    features: Tensor | SparseRows | PictureRows
    labels: Tensor

    @property
    def widths(self) -> tuple[int, int]:
        """D and L; D is 0 for pictures."""
        return 0 if isinstance(self.features, PictureRows) else self.features.shape[1], self.labels.shape[1]

    @property
    def feature_tensor(self) -> Tensor:
        """All features, for what a model derives from them: sparse where they are sparse; none `(N, 0)` of pictures."""
        if isinstance(self.features, PictureRows):
            return self.labels.new_empty(len(self.labels), 0)
        return self.features if isinstance(self.features, Tensor) else self.features.tensor()

    @property
    def neighbor_features(self) -> Any:
        """All features on the CPU, for a search of neighbors: a constant added to a column moves no distance.

        None for pictures, whose pixels make poor neighbors.
        """
        if isinstance(self.features, PictureRows):
            return None
        if isinstance(self.features, Tensor):
            return self.features.cpu()
        return self.features.matrix.astype(np.float64)

    def batches(self, selector: Selector, selection: Stopwatch) -> Iterator[Batch]:
        """Yield what is left of the selector's epoch, batch by batch.

        Args:
            selector: It chooses the samples.
            selection: Takes the time of the choice.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
        """
        blocks, device = selection.each(selector.batches()), self.labels.device
        if isinstance(self.features, PictureRows):
            for indices_B, x, clean in self.features.batches(blocks, selector.epoch):
                yield Batch(indices_B, x, self.labels[indices_B.to(device)], clean)
        else:
            for indices_B in blocks:
                on_device_B = indices_B.to(device)
                yield Batch(indices_B, self.features[on_device_B], self.labels[on_device_B])


@dataclass(frozen=True, eq=False)
class Parts:
    """The three parts of a fold."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What the training part tells of the features: a mean in place of missing values, and their scale.

    Attributes:
        mean_D: The value in place of a missing one.
        scale_D: What values are multiplied by; 1 for a feature that is constant.
        offset_D: What is added after scaling.
        columns: What the columns of the table hold that became features; empty where there was no table. A value of a
            category whose mean is 0 did not occur in the training part, so nothing was learned of it: it is missing.
    """

    mean_D: NDArray[np.float64]
    scale_D: NDArray[np.float64]
    offset_D: NDArray[np.float64]
    columns: tuple[TableColumn, ...] = ()

    @classmethod
    def fit(cls, features: Any, settings: Settings, columns: Sequence[TableColumn] = ()) -> Self:
        """Learn from the `(N, D)` features of the training part, dense or sparse.

        Args:
            features: Features as they are in files; NaN where missing.
            settings: Its `scaling` and `center_sparse`.
            columns: What the columns of the table hold, where the features were made of one.
        """
        columns = feature_columns(columns)
        blocks = category_blocks(columns)
        steps = make_steps(settings.scaling, center_sparse=settings.center_sparse, blocks=blocks).fit(features)
        mean_D = steps["impute"].statistics_
        if settings.scaling == "none":
            return cls(mean_D, np.ones(len(mean_D)), np.zeros(len(mean_D)), columns)
        return cls(mean_D, steps["scale"].scale_, steps["scale"].offset_, columns)

    def transform(self, features: Any, device: str) -> Tensor | SparseRows:
        """Scale `(N, D)` features to float32, by what the training part told.

        Args:
            features: Features as they are in files, dense or sparse; NaN where missing.
            device: The device the result goes to.
        """
        if isinstance(features, np.ndarray):
            known = unseen_as_missing(features, category_blocks(self.columns), self.mean_D != 0)
            complete = np.where(np.isnan(known), self.mean_D, known)
            return torch.from_numpy(complete * self.scale_D + self.offset_D).to(device, torch.float32)
        matrix = features.tocsr(copy=True)
        matrix.data = np.where(np.isnan(matrix.data), self.mean_D[matrix.indices], matrix.data)
        matrix.data *= self.scale_D[matrix.indices]
        return SparseRows(matrix, self.offset_D, device)


def scale_parts(data: MultiLabelData | ImageData, split: Split, settings: Settings, seed: int = 0) -> Parts:
    """Scale the parts of a fold by what its training part alone tells; pictures are left where they are.

    Args:
        data: Features as they are in files; or pictures.
        split: The rows of the parts.
        settings: The features to keep (`top_features`), their scaling, how pictures are read, and the device the parts
            go to.
        seed: The seed of the augmentation of pictures.
    """
    rows = (split.train, split.validation, split.test)
    if isinstance(data, ImageData):
        return Parts(*(picture_part(data, part, settings, seed=seed) for part in rows))
    if settings.top_features is not None:
        top = TopFeatures(settings.top_features).fit(data.features[split.train])
        data = data.select(features=top.get_support())
    preprocessing = Preprocessing.fit(data.features[split.train], settings, data.columns)
    return Parts(*(scale_part(data, part, preprocessing, settings.device) for part in rows))


def scale_part(data: MultiLabelData, rows: NDArray[np.int64], preprocessing: Preprocessing, device: str) -> Part:
    """Return some rows of a data set in the form a model takes."""
    return Part(preprocessing.transform(data.features[rows], device), _labels(data, rows, device))


def picture_part(data: ImageData, rows: NDArray[np.int64], settings: Settings, *, seed: int) -> Part:
    """Return some pictures in the form a model takes; where the rows are none, nothing is asked of the part."""
    if settings.pictures is None:
        raise ValueError(f"{data.name} holds pictures, and the settings do not say how they are read")
    if not len(rows):
        return Part(torch.empty(0, 0), torch.empty(0, data.num_labels))
    chosen = PictureRows(
        data.select(rows=rows),
        settings.pictures,
        device=settings.device,
        batch_size=settings.batch_size,
        seed=seed,
    )
    return Part(chosen, _labels(data, rows, settings.device))


def _labels(data: MultiLabelData | ImageData, rows: NDArray[np.int64], device: str) -> Tensor:
    return torch.from_numpy(data.labels[rows]).to(device, torch.float32)
