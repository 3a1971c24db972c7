"""Pictures and labels as tensors, for a `DataLoader`.

Shape suffixes: N samples, L labels.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.decoding import Image, decode
from batchsift.data.images.transforms import EvaluationTransform, TrainTransform

_NO_EPOCH = -1


class ImageDataset(Dataset[tuple[Any, Tensor]]):
    """The samples of an `ImageData`: a transformed picture and its labels.

    A picture is opened, decoded and transformed when its sample is asked for, in the worker that asks.

    With a `seed`, what a transform draws is a function of (seed, epoch, index): the number of workers, prefetching and
    a resume in the middle of an epoch change nothing, and a sample that is drawn twice in an epoch looks the same
    twice. It may draw from the generators of torch (on the CPU), NumPy and Python, which are left as they were. Call
    `set_epoch` before each epoch; persistent workers hear of it. Without a seed, transforms draw on from the global
    generators, which the `DataLoader` seeds in each worker.

    Args:
        data: The pictures and their labels.
        transform: Takes an RGB `PIL.Image` and returns what a sample's picture shall be: `TrainTransform`,
            `EvaluationTransform`, or any callable, such as one of torchvision.
        seed: At least 0, or None.
        decode_size: The least height and width that `transform` needs, in pixels; larger JPEG files are decoded at a
            fraction of their size. None: the two transforms above know theirs, for others pictures are decoded whole.

    Example:
        >>> dataset = ImageDataset(data, TrainTransform(224), seed=0)  # doctest: +SKIP
        >>> loader = DataLoader(bs.WithIndices(dataset), 32, sampler=selector, num_workers=4)  # doctest: +SKIP
    """

    def __init__(
        self,
        data: ImageData,
        transform: Callable[[Image.Image], Any],
        *,
        seed: int | None = None,
        decode_size: int | None = None,
    ) -> None:
        if seed is not None and seed < 0:
            raise ValueError(f"seed is {seed}; expected at least 0, or None")
        if decode_size is None and isinstance(transform, TrainTransform | EvaluationTransform):
            decode_size = transform.decode_size
        self.data, self.transform, self.seed, self.decode_size = data, transform, seed, decode_size
        self.labels_NL = torch.from_numpy(data.labels)
        # In shared memory, so that workers which outlive an epoch see the next one.
        self._epoch = torch.tensor(_NO_EPOCH, dtype=torch.int64, device="cpu").share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch is about to begin, counted from 0; only a data set with a seed needs to know.

        Raises:
            ValueError: A negative number.
        """
        if epoch < 0:
            raise ValueError(f"epoch is {epoch}; expected at least 0")
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self.data.num_samples

    def __getitem__(self, index: int) -> tuple[Any, Tensor]:
        """Return the transformed picture of a sample, and its labels `(L,)` of 0, 1 and NaN, float32.

        Raises:
            PictureError: The picture cannot be decoded; the message names it.
            RuntimeError: There is a seed, and nobody said which epoch it is.
        """
        pictures = self.data.pictures
        image = decode(pictures.content(index), pictures.name_of(index), size=self.decode_size)
        labels_L = self.labels_NL[index].to(torch.float32)
        if self.seed is None or isinstance(self.transform, EvaluationTransform):
            return self.transform(image), labels_L
        epoch = int(self._epoch)
        if epoch == _NO_EPOCH:
            raise RuntimeError("an ImageDataset with a seed needs to know the epoch: call set_epoch(epoch) before it")
        with _seeded(self.seed, epoch, index):
            return self.transform(image), labels_L


@contextmanager
def _seeded(*numbers: int) -> Iterator[None]:
    """Seed the generators that a transform may draw from, and put them back afterwards."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (transforms of others draw from it)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every accelerator
        random.seed(seed)
        np.random.seed(seed & 0xFFFFFFFF)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002
