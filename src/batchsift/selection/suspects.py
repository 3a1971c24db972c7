"""The labels that are most likely wrong, from what a selector saw of every cell.

The means are read a chunk of samples at a time: nothing as large as the state is made.
Shapes: k suspects, N samples, L labels, R consecutive samples.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

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
        return _places(self.labels)

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


@dataclass(frozen=True, eq=False)
class Limits:
    """How many of the negatives, and of the positives, of each label may be among the suspects.

    Attributes:
        count_2L: That number, int64 on the CPU.
        least_2L: The mean logit of the last of them, negative where it speaks for the given value: unlike its logistic
            it is the same however many are looked at together.
    """

    count_2L: Tensor
    least_2L: Tensor

    @classmethod
    def of(cls, course: CourseMeans, labels: LabelMatrix, share: float) -> Self:
        """Return the limits that a share of the observed cells, rounded up, gives."""
        device = labels.positive_NL.device
        count_2L = torch.zeros(2, labels.num_labels, dtype=torch.int64, device="cpu")
        least_2L = torch.zeros(2, labels.num_labels, dtype=torch.float32, device=device)
        for label in range(labels.num_labels):
            seen_N, positive_N = course.count_N > 0, labels.positive_NL[:, label]
            if labels.known_NL is not None:
                seen_N &= labels.known_NL[:, label]
            against_N = _against(course.means_N2L[:, 0, label], positive_N)
            for given, side_N in enumerate((seen_N & ~positive_N, seen_N & positive_N)):
                side = against_N[side_N]
                if len(side):
                    count_2L[given, label] = count = math.ceil(share * len(side))
                    least_2L[given, label] = side.topk(count).values[-1]
        return cls(count_2L, least_2L)

    def reached(self, logit_RL: Tensor, positive_RL: Tensor) -> Tensor:
        """Return which cells are contradicted enough by their mean logits, `(R, L)`."""
        return _against(logit_RL, positive_RL) >= torch.where(positive_RL, self.least_2L[1], self.least_2L[0])


def _against(logit: Tensor, positive: Tensor) -> Tensor:
    """Return logits with the sign that is positive where they contradict the given value."""
    return torch.where(positive, -logit, logit)


@on_one_thread
def find_suspects(course: CourseMeans | None, labels: LabelMatrix, k: int, share: float = 1.0) -> Suspects:
    """Find the k cells that are most likely mislabelled; see `Selector.suspects`.

    Raises:
        ValueError: k or `share` is out of range, or nothing was remembered.
    """
    if course is None:
        raise ValueError("this selector was made with suspects=False and keeps nothing to find them by")
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    if not 0 < share <= 1:
        raise ValueError(f"share={share} must be in (0, 1]")
    usual_2L, limits = _usual(course, labels), None if share == 1 else Limits.of(course, labels, share)
    best: list[tuple[Tensor, Tensor]] = []  # of each chunk, `(<= k,)` each: scores and cells
    for rows, seen_RL, contradiction_RL in _chunks(course, labels):
        positive_RL = labels.positive_NL[rows]
        score_RL = suspicion(contradiction_RL, positive_RL, usual_2L)
        wanted_RL = seen_RL if limits is None else seen_RL & limits.reached(course.means_N2L[rows, 0], positive_RL)
        score_R = score_RL.where(wanted_RL, -torch.inf).flatten()
        score_k, cell_k = score_R.topk(min(k, int(wanted_RL.sum())))
        best.append((score_k.cpu(), cell_k.cpu() + rows.start * labels.num_labels))
    score, cell = (torch.cat(parts) for parts in zip(*best, strict=True))
    cell = cell[(order := cell.argsort())]  # equals come in the order of the cells
    score, places = score[order].sort(descending=True, stable=True)
    samples, columns = cell[places] // labels.num_labels, cell[places] % labels.num_labels
    at = samples.to(course.means_N2L.device), columns.to(course.means_N2L.device)
    given, probability = labels.positive_NL[at].long().cpu(), course.means_N2L[at[0], 1, at[1]].cpu()
    parts = samples, columns, given, probability, score
    if limits is not None:  # among equals more may have reached them
        inside = _places(2 * columns + given) <= limits.count_2L[given, columns]
        samples, columns, given, probability, score = (part[inside] for part in parts)
    return Suspects(samples[:k], columns[:k], given[:k], probability[:k], score[:k])


def _places(group_k: Tensor) -> Tensor:
    """Return the place of each in its group, from 1, in the order they come in: `(k,)` int64."""
    order_k = group_k.argsort(stable=True)
    sorted_k, place_k = group_k[order_k], torch.arange(len(group_k), device="cpu")
    return torch.empty_like(place_k).scatter_(0, order_k, place_k - torch.searchsorted(sorted_k, sorted_k) + 1)


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
        seen_RL = (course.count_N[rows] > 0)[:, None].repeat(1, labels.num_labels)
        if labels.known_NL is not None:
            seen_RL &= labels.known_NL[rows]
        yield rows, seen_RL, contradiction(course.means_N2L[rows, 0], labels.positive_NL[rows])
