"""The pictures of a part, in the place where other data have their matrix of features: decoded when they are asked for.

Shapes: N samples, B batch, L labels, C channels, H height, W width.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from batchsift.data.images import ImageData, PictureError
from batchsift.loading import WithIndices
from batchsift.training.pictures import PictureSettings

if TYPE_CHECKING:
    from batchsift.data.images import EvaluationTransform, ImageDataset, TrainTransform

CHANNELS = 3
PREDICTED = 2  # batches of prediction are so many times as large as those of training


@dataclass(frozen=True)
class Views:
    """A picture as it is trained on, and without augmentation; for `ImageDataset`, which seeds what they draw.

    Args:
        train: The first view.
        clean: The second.
    """

    train: "TrainTransform"
    clean: "EvaluationTransform"

    def __call__(self, image: Any) -> tuple[Tensor, Tensor]:
        """Return both views."""
        return self.train(image), self.clean(image)


class PictureRows:
    """The pictures of N samples `(N, 3, size, size)`, none of them in memory.

    Args:
        data: The pictures.
        settings: How they are read, with numbers in place of None.
        device: The device that batches go to.
        batch_size: B, of training.
        seed: The seed of the augmentation.
    """

    def __init__(
        self, data: ImageData, settings: PictureSettings, *, device: str, batch_size: int, seed: int = 0
    ) -> None:
        if settings.size is None or settings.crop is None or settings.flip is None:
            raise ValueError(f"{settings} has no numbers yet: see PictureSettings.for_training")
        from batchsift.data.images import EvaluationTransform, TrainTransform  # noqa: PLC0415 (Pillow)

        self.data, self.settings, self.batch_size, self.seed = data, settings, batch_size, seed
        self.device = torch.device(device)
        self.clean = EvaluationTransform(settings.size)
        self.augment = TrainTransform(settings.size, scale=(settings.crop, 1.0), flip=settings.flip)
        self._dataset: ImageDataset | None = None
        self._loader: Any = None
        self._blocks = _Blocks()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N and the form of a picture."""
        size = self.clean.size
        return self.data.num_samples, CHANNELS, size, size

    def batches(self, blocks: Iterable[Tensor], epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield blocks of samples as they are trained on: indices `(B,)` on the CPU, pictures, and the clean ones.

        What is drawn for a picture is a function of the seed, the epoch and the sample: an epoch that is gone on with
        in its middle goes on with the same pictures, whatever the number of workers.

        Args:
            blocks: Indices of the samples of each batch.
            epoch: The epoch, counted from 0.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
        """
        if self._dataset is None:
            from batchsift.data.images import ImageDataset  # noqa: PLC0415 (Pillow)

            views = Views(self.augment, self.clean) if self.settings.observe == "clean" else self.augment
            self._dataset = ImageDataset(self.data, views, seed=self.seed, decode_size=self.augment.decode_size)
            self._loader = self._loaded(WithIndices(self._dataset), self._blocks, keep=True)
        self._dataset.set_epoch(epoch)
        self._blocks.source = blocks
        for indices_B, (pictures, _) in _checked(self._loader):
            both = pictures if isinstance(pictures, list) else [pictures, None]
            yield indices_B, self._moved(both[0]), None if both[1] is None else self._moved(both[1])

    def split(self, rows: int) -> Iterator[Tensor]:
        """Yield all pictures in order, without augmentation, at most so many at a time.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
        """
        from batchsift.data.images import ImageDataset  # noqa: PLC0415 (Pillow)

        size = min(rows, PREDICTED * self.batch_size)
        blocks = torch.split(torch.arange(self.data.num_samples, device="cpu"), size)
        for pictures, _ in _checked(self._loaded(ImageDataset(self.data, self.clean), _Blocks(blocks), keep=False)):
            yield self._moved(pictures)

    def _loaded(self, dataset: Dataset[Any], blocks: "_Blocks", *, keep: bool) -> "DataLoader[Any]":
        workers = self.settings.workers
        return DataLoader(
            _Told(dataset),
            batch_sampler=blocks,
            num_workers=workers,
            persistent_workers=keep and workers > 0,
            collate_fn=_collate,
            pin_memory=self.device.type == "cuda",
            # Its own: with the global one, workers would change what a model draws for dropout.
            generator=torch.Generator(device="cpu").manual_seed(0),
        )

    def _moved(self, pictures: Tensor) -> Tensor:
        return pictures.to(self.device, non_blocking=True, memory_format=torch.channels_last)


class _Blocks:
    """Batches of indices for a `DataLoader` that outlives the epochs they belong to."""

    def __init__(self, source: Iterable[Tensor] = ()) -> None:
        self.source = source

    def __iter__(self) -> Iterator[list[int]]:
        return (block_B.tolist() for block_B in self.source)


class _Told(Dataset[Any]):
    """A data set that returns the error of a broken picture: raised in a worker, it would come as a traceback."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except PictureError as error:
            return error


def _collate(samples: list[Any]) -> Any:
    return next((sample for sample in samples if isinstance(sample, PictureError)), None) or default_collate(samples)


def _checked(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, PictureError):
            raise PictureError(f"{batch}; broken='skip' leaves such pictures out")
        yield batch
