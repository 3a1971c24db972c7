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
from batchsift.methods.parts import SamplePart
from batchsift.selection.observer import Progress
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
    def of(cls, seen: "Seen", cells_2L: Tensor, share: float) -> Self:
        """Return the limits that a share of the observed cells, rounded up, gives.

        Args:
            seen: What this process remembers.
            cells_2L: How many negatives, and positives, of each label all processes observed, int64 on the CPU.
            share: In (0, 1].
        """
        counts = [[math.ceil(share * cells) for cells in side] for side in cells_2L.tolist()]
        count_2L = torch.tensor(counts, dtype=torch.int64, device="cpu")
        least_2L = torch.zeros(cells_2L.shape, dtype=torch.float32, device=seen.labels.positive_NL.device)
        # Labels travel in groups: one by one takes long, and all together may be as many values as there are cells.
        for labels in row_chunks((cells_2L.shape[1], math.ceil(share * seen.part.num_samples))):
            sides = [(given, label) for label in range(cells_2L.shape[1])[labels] for given in (0, 1)]
            highest = seen.of_all([seen.highest(*side, counts[side[0]][side[1]]) for side in sides])
            for (given, label), values in zip(sides, highest, strict=True):
                if count := counts[given][label]:
                    least_2L[given, label] = values.topk(count).values[-1]
        return cls(count_2L, least_2L)

    def reached(self, logit_RL: Tensor, positive_RL: Tensor) -> Tensor:
        """Return which cells are contradicted enough by their mean logits, `(R, L)`."""
        return _against(logit_RL, positive_RL) >= torch.where(positive_RL, self.least_2L[1], self.least_2L[0])


def _against(logit: Tensor, positive: Tensor) -> Tensor:
    """Return logits with the sign that is positive where they contradict the given value."""
    return torch.where(positive, -logit, logit)


@dataclass(frozen=True, eq=False)
class Seen:
    """What this process remembers of the samples: all of them, or a part.

    Attributes:
        course: What was predicted for them.
        labels: Their labels.
        part: Which they are.
    """

    course: CourseMeans
    labels: LabelMatrix
    part: SamplePart

    def chunks(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Yield consecutive samples, which of their cells are labelled and were observed, and how contradicted."""
        labels, course = self.labels, self.course
        for rows in row_chunks(labels.positive_NL.shape, labels.positive_NL.device):
            seen_RL = (course.count_N[rows] > 0)[:, None].repeat(1, labels.num_labels)
            if labels.known_NL is not None:
                seen_RL &= labels.known_NL[rows]
            yield rows, seen_RL, contradiction(course.means_N2L[rows, 0], labels.positive_NL[rows])

    def highest(self, given: int, label: int, count: int) -> Tensor:
        """Return the highest mean logits against a given value, 0 or 1, of a label: `(<= count,)`."""
        positive_N, wanted_N = self.labels.positive_NL[:, label], self.course.count_N > 0
        if self.labels.known_NL is not None:
            wanted_N &= self.labels.known_NL[:, label]
        wanted_N &= positive_N if given else ~positive_N
        side = _against(self.course.means_N2L[:, 0, label], positive_N)[wanted_N]
        return side.topk(min(count, len(side))).values

    def of_all(self, lists: list[Tensor]) -> list[Tensor]:
        """Return each of some lists of values with those of all processes, in the order of the ranks."""
        lengths = self.part.each(torch.tensor([len(one) for one in lists], dtype=torch.int64, device="cpu"))
        pieces = torch.split(self.part.collected(torch.cat(lists)), torch.cat(lengths).tolist())
        return [torch.cat(pieces[place :: len(lists)]) for place in range(len(lists))]


@on_one_thread
def find_suspects(progress: Progress, k: int, share: float = 1.0) -> Suspects:
    """Find the k cells that are most likely mislabelled; see `Selector.suspects`.

    Raises:
        ValueError: k or `share` is out of range, or nothing was remembered.
    """
    if progress.course is None:
        raise ValueError("this selector was made with suspects=False and keeps nothing to find them by")
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    if not 0 < share <= 1:
        raise ValueError(f"share={share} must be in (0, 1]")
    seen = Seen(progress.course, progress.labels.of_rows(progress.part.rows), progress.part)
    course, labels, num_labels = seen.course, seen.labels, progress.labels.num_labels
    usual_2L, cells_2L = _usual(seen)
    limits = None if share == 1 else Limits.of(seen, cells_2L, share)
    nothing = torch.empty(0, dtype=torch.float32, device="cpu"), torch.empty(0, dtype=torch.int64, device="cpu")
    best: list[tuple[Tensor, Tensor]] = [nothing]  # of each chunk, `(<= k,)` each: scores and cells
    for rows, seen_RL, contradiction_RL in seen.chunks():
        positive_RL = labels.positive_NL[rows]
        score_RL = suspicion(contradiction_RL, positive_RL, usual_2L)
        wanted_RL = seen_RL if limits is None else seen_RL & limits.reached(course.means_N2L[rows, 0], positive_RL)
        score_R = score_RL.where(wanted_RL, -torch.inf).flatten()
        score_k, cell_k = score_R.topk(min(k, int(wanted_RL.sum())))
        best.append((score_k.cpu(), cell_k.cpu() + rows.start * num_labels))
    score, cell = (torch.cat(parts) for parts in zip(*best, strict=True))
    cell = cell[(order := cell.argsort())]  # equals come in the order of the cells
    score, places = score[order].sort(descending=True, stable=True)
    cell = cell[places]
    if limits is None:  # else more than k may be among equals
        score, cell = score[:k], cell[:k]
    samples, columns = cell // num_labels, cell % num_labels
    at = samples.to(course.means_N2L.device), columns.to(course.means_N2L.device)
    given, probability = labels.positive_NL[at].long().cpu(), course.means_N2L[at[0], 1, at[1]].cpu()
    parts = tuple(map(seen.part.collected, (samples + seen.part.rows.start, columns, given, probability, score)))
    order = parts[-1].sort(descending=True, stable=True).indices
    parts = tuple(one[order] for one in parts)
    if limits is not None:  # among equals more may have reached them
        _, columns, given, _, _ = parts
        inside = _places(2 * columns + given) <= limits.count_2L[given, columns]
        parts = tuple(one[inside] for one in parts)
    return Suspects(*(one[:k] for one in parts))


def _places(group_k: Tensor) -> Tensor:
    """Return the place of each in its group, from 1, in the order they come in: `(k,)` int64."""
    order_k = group_k.argsort(stable=True)
    sorted_k, place_k = group_k[order_k], torch.arange(len(group_k), device="cpu")
    return torch.empty_like(place_k).scatter_(0, order_k, place_k - torch.searchsorted(sorted_k, sorted_k) + 1)


def _usual(seen: Seen) -> tuple[Tensor, Tensor]:
    """Return the mean contradiction of the negatives and of the positives of each label, 0 where none is.

    Returns:
        The means, `(2, L)` float32; how many they are of, `(2, L)` int64 on the CPU.
    """
    device, num_labels = seen.labels.positive_NL.device, seen.labels.num_labels
    total_2L = torch.zeros(2, num_labels, dtype=torch.float64, device="cpu")
    count_2L = torch.zeros(2, num_labels, dtype=torch.int64, device="cpu")
    for rows, seen_RL, contradiction_RL in seen.chunks():
        positive_RL = seen.labels.positive_NL[rows]
        for given, side_RL in enumerate((seen_RL & ~positive_RL, seen_RL & positive_RL)):
            total_2L[given] += contradiction_RL.where(side_RL, 0.0).sum(0).cpu()
            count_2L[given] += side_RL.sum(0).cpu()
    total_2L, count_2L = seen.part.total(total_2L), seen.part.total(count_2L)
    return (total_2L / count_2L.clamp(min=1)).to(device, torch.float32), count_2L
