"""The labels that are most likely wrong, from what a selector saw of every cell.

The means are read a chunk of samples at a time: nothing as large as the state is made.
Shapes: k suspects, N samples, L labels, R consecutive samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread, row_chunks
from batchsift.functional.suspicion import contradiction, suspicion
from batchsift.labels import LabelMatrix
from batchsift.trackers import CourseMeans

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Suspects:
    """Cells of the labels that are probably wrong, the most suspicious first.

    Attributes:
        samples: `(k,)` int64: the rows of the labels.
        labels: `(k,)` int64: their columns.
        given: `(k,)` int64: the value that is given, 0 or 1.
        probability: `(k,)` float32: the mean probability that was predicted for the label, over all observations.
        score: `(k,)` float32 in [-1, 1]: what they are ranked by, see `Selector.suspects`.
    """

    samples: Tensor
    labels: Tensor
    given: Tensor
    probability: Tensor
    score: Tensor

    def __len__(self) -> int:
        """Return k."""
        return len(self.samples)

    @property
    def rank(self) -> Tensor:
        """The place of each among the suspects of its label, `(k,)` int64, from 1."""
        order_k = self.labels.argsort(stable=True)
        label_k, place_k = self.labels[order_k], torch.arange(len(self), device="cpu")
        first_k = torch.searchsorted(label_k, label_k)
        return torch.empty_like(place_k).scatter_(0, order_k, place_k - first_k + 1)

    def to_frame(
        self, label_names: Sequence[str] | None = None, ids: Sequence[Any] | None = None
    ) -> "pandas.DataFrame":
        """Return a data frame of one row a suspect: sample, label, given, probability, rank, score.

        Args:
            label_names: L names, which then stand for the numbers of the labels.
            ids: N values, such as names of files, that become a second column, `id`.

        Raises:
            ValueError: Fewer names or ids than there are labels or samples.
            ModuleNotFoundError: pandas is not installed.
        """
        import pandas  # noqa: PLC0415 -- an extra

        table: dict[str, Any] = {"sample": self.samples.numpy()}
        if ids is not None:
            table["id"] = _named(self.samples, ids, "ids", "sample")
        table["label"] = (
            self.labels.numpy() if label_names is None else _named(self.labels, label_names, "label_names", "label")
        )
        rest = {"given": self.given, "probability": self.probability, "rank": self.rank, "score": self.score}
        return pandas.DataFrame(table | {name: value.numpy() for name, value in rest.items()})


def _named(numbers: Tensor, names: Sequence[Any], argument: str, kind: str) -> list[Any]:
    """Return the names of numbers.

    Raises:
        ValueError: There are too few.
    """
    names = list(names)
    if len(numbers) and int(numbers.max()) >= len(names):
        raise ValueError(f"{argument} has {len(names)} entries, but {kind} {int(numbers.max())} is among the suspects")
    return [names[number] for number in numbers.tolist()]


@on_one_thread
def find_suspects(course: CourseMeans, labels: LabelMatrix, k: int) -> Suspects:
    """Find the k cells that are most likely mislabelled; see `Selector.suspects`.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    usual_2L = _usual(course, labels)
    best: list[tuple[Tensor, Tensor]] = []  # of each chunk, `(<= k,)` each: scores and cells
    for rows, seen_RL, contradiction_RL in _chunks(course, labels):
        score_RL = suspicion(contradiction_RL, labels.positive_NL[rows], usual_2L)
        score_R = score_RL.where(seen_RL, -torch.inf).flatten()
        score_k, cell_k = score_R.topk(min(k, int(seen_RL.sum())))
        best.append((score_k.cpu(), cell_k.cpu() + rows.start * labels.num_labels))
    score, cell = (torch.cat(parts) for parts in zip(*best, strict=True))
    cell = cell[(order := cell.argsort())]  # equals come in the order of the cells
    score, places = score[order].sort(descending=True, stable=True)
    cell, score = cell[places[:k]], score[:k]
    samples, columns = cell // labels.num_labels, cell % labels.num_labels
    at = samples.to(course.means_N2L.device), columns.to(course.means_N2L.device)
    probability = course.means_N2L[at[0], 1, at[1]].cpu()
    return Suspects(samples, columns, labels.positive_NL[at].long().cpu(), probability, score)


def _usual(course: CourseMeans, labels: LabelMatrix) -> Tensor:
    """Return the mean contradiction of the negatives and of the positives of each label, `(2, L)`; 0 where none is."""
    device = labels.positive_NL.device
    total_2L = torch.zeros(2, labels.num_labels, dtype=torch.float64, device="cpu")
    count_2L = torch.zeros(2, labels.num_labels, dtype=torch.int64, device="cpu")
    for rows, seen_RL, contradiction_RL in _chunks(course, labels):
        positive_RL = labels.positive_NL[rows]
        for given, side_RL in enumerate((seen_RL & ~positive_RL, seen_RL & positive_RL)):
            total_2L[given] += contradiction_RL.where(side_RL, 0.0).sum(0).cpu()
            count_2L[given] += side_RL.sum(0).cpu()
    return (total_2L / count_2L.clamp(min=1)).to(device, torch.float32)


def _chunks(course: CourseMeans, labels: LabelMatrix) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Yield consecutive samples, which of their cells are labelled and were observed, and how they are contradicted."""
    for rows in row_chunks(labels.positive_NL.shape, labels.positive_NL.device):
        seen_RL = (course.count_N[rows] > 0)[:, None].expand(-1, labels.num_labels)
        if labels.known_NL is not None:
            seen_RL = seen_RL & labels.known_NL[rows]
        yield rows, seen_RL, contradiction(course.means_N2L[rows, 0], labels.positive_NL[rows])
