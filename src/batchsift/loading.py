"""Data sets for a selector: the index of each sample through a DataLoader, and the label matrix of a data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from batchsift.progress import with_progress

_LABEL_KEYS = ("labels", "label", "targets", "target", "y")
_ROWS = 64
INDEX_KEY = "sample_index"
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
        """Return the samples of a batch, in order."""
        fetch = getattr(self.dataset, "__getitems__", None)
        samples = fetch(indices) if callable(fetch) else [self.dataset[index] for index in indices]
        return [_with_index(index, sample) for index, sample in zip(indices, samples, strict=True)]


def _with_index(index: int, sample: Any) -> Any:
    if not isinstance(sample, Mapping):
        return index, sample
    if INDEX_KEY in sample:
        raise ValueError(f"sample {index} already has a key {INDEX_KEY!r}: rename it, WithIndices needs that name")
    return {**sample, INDEX_KEY: index}


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
            return torch.tensor([index for index, _ in batch], device="cpu"), self.user_collate(
                [sample for _, sample in batch]
            )
        indices = torch.tensor([sample[INDEX_KEY] for sample in batch], device="cpu")
        plain: list[Any] = [{k: v for k, v in sample.items() if k != INDEX_KEY} for sample in batch]
        collated = self.user_collate(plain)
        return {**collated, INDEX_KEY: indices} if isinstance(collated, Mapping) else (indices, collated)


def collect_labels(dataset: Any, num_workers: int = 0, *, labels_of: Callable[[Any], Any] | None = None) -> Tensor:
    """Go through a data set once and put its labels together, in order.

    Whole samples are made and thrown away: where the labels are known without that, pass them to the selector directly.
    A progress bar is shown on a terminal if rich is installed.

    Args:
        dataset: Map-style; its samples are tuples `(x, labels, ...)` or mappings with one of the keys `labels`,
            `label`, `targets`, `target` or `y`.
        num_workers: Processes that make samples.
        labels_of: Takes the labels out of samples of another form: `(L,)` of 0, 1 and NaN.

    Returns:
        `(N, L)`, in the dtype of the samples' labels.

    Raises:
        TypeError: An iterable data set, or samples without labels where they are looked for.
        ValueError: Labels of different lengths, or an empty data set.

    >>> collect_labels([("a", [1.0, 0.0]), ("b", [1.0, 1.0])])
    tensor([[1., 0.],
            [1., 1.]])
    """
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise TypeError(f"{type(dataset).__name__} has no __getitem__ and __len__: batch selection needs an index")
    if len(dataset) == 0:
        raise ValueError("the data set is empty: there are no labels to collect")
    loader = DataLoader(
        _LabelsOnly(dataset, labels_of or _labels_of), batch_size=_ROWS, num_workers=num_workers, collate_fn=list
    )
    rows = [row for some in with_progress(loader, "collecting labels", len(loader)) for row in some]
    widths = {tuple(row.shape) for row in rows}
    if len(widths) > 1 or rows[0].ndim != 1:
        raise ValueError(
            f"every sample must have labels of one shape (L,), got {sorted(widths)}: class indices are not 0/1"
        )
    return torch.stack(rows)


class _LabelsOnly(Dataset[Tensor]):
    """The labels of each sample, so that workers send nothing else."""

    def __init__(self, dataset: Any, labels_of: Callable[[Any], Any]) -> None:
        self.dataset = dataset
        self.labels_of = labels_of

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tensor:
        labels = self.labels_of(self.dataset[index])
        return labels if isinstance(labels, Tensor) else torch.as_tensor(labels, device="cpu")


def _labels_of(sample: Any) -> Any:
    if isinstance(sample, Mapping):
        keys = [key for key in _LABEL_KEYS if key in sample]
        if keys:
            return sample[keys[0]]
        raise TypeError(
            f"a sample has the keys {', '.join(map(str, sample))}, none of which holds labels: pass labels_of"
        )
    if isinstance(sample, tuple | list) and len(sample) > 1:
        return sample[1]
    raise TypeError(f"a sample is a {type(sample).__name__}, not (x, labels) and no mapping: pass labels_of")
