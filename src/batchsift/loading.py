"""Getting the index of each sample through a DataLoader."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import Dataset, IterableDataset

_INDEX_KEY = "sample_index"
_S = TypeVar("_S")
_T = TypeVar("_T")


class WithIndices(Dataset[Any]):
    """A data set whose samples carry their index: `(index, sample)`.

    A sample that is a mapping keeps its keys and gains `sample_index` instead, since that is what frameworks expect.

    Args:
        dataset: A map-style data set. If it has `__getitems__`, whole batches are fetched through that.

    Raises:
        TypeError: An iterable data set, which has no indices.

    >>> WithIndices(["a", "b"])[1]
    (1, 'b')
    """

    def __init__(self, dataset: Any) -> None:
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"{type(dataset).__name__} cannot be indexed: batch selection needs a map-style data set "
                "(__getitem__ and __len__)"
            )
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return _with_index(index, self.dataset[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The samples of a batch, in order."""
        fetch = getattr(self.dataset, "__getitems__", None)
        samples = fetch(indices) if callable(fetch) else [self.dataset[index] for index in indices]
        return [_with_index(index, sample) for index, sample in zip(indices, samples, strict=True)]


def _with_index(index: int, sample: Any) -> Any:
    if not isinstance(sample, Mapping):
        return index, sample
    if _INDEX_KEY in sample:
        raise ValueError(f"sample {index} already has a key {_INDEX_KEY!r}: rename it, WithIndices needs that name")
    return {**sample, _INDEX_KEY: index}


@dataclass(frozen=True)
class collate_with_indices(Generic[_S, _T]):  # noqa: N801 -- used like a function; a class so that workers can pickle it
    """Wrap a collate function of your own: it is given the samples as the data set made them.

    The batch is `(indices, user_collate(samples))` with indices `(B,)` int64; if the collated batch is a mapping whose
    samples were mappings, it keeps its keys and gains `sample_index`. The default collate function needs no wrapper.

    >>> collate_with_indices(sum)([(4, 10), (2, 20)])
    (tensor([4, 2]), 30)
    """

    user_collate: Callable[[list[_S]], _T]

    def __call__(self, batch: list[Any]) -> Any:
        """Collate samples of `WithIndices`."""
        if not batch or not isinstance(batch[0], Mapping):
            return torch.tensor([index for index, _ in batch]), self.user_collate([sample for _, sample in batch])
        indices = torch.tensor([sample[_INDEX_KEY] for sample in batch])
        plain: list[Any] = [{k: v for k, v in sample.items() if k != _INDEX_KEY} for sample in batch]
        collated = self.user_collate(plain)
        return {**collated, _INDEX_KEY: indices} if isinstance(collated, Mapping) else (indices, collated)
