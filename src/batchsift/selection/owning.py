"""Observing where every process remembers the samples it owns: what was observed travels to its owner.

A value must not depend on who computes it. Vectorised functions differ in the last bit between the body and the tail of
an array, so an owner lays out the rows it has of a block as they lay in the block: a row that was in the tail there is
in the tail again, and all others are in the body. Up to 1,024 labels that holds for any number of threads.

Shapes: N samples, P rows that this process sends or receives, n rows that are laid out, L labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from batchsift.selection.exchange import Observation, SharedObserver
from batchsift.selection.group import Parcel
from batchsift.selection.inputs import all_finite
from batchsift.selection.plan import Position
from batchsift.trackers import distinct_rows, on_host

_VECTORS = 32  # cells: no vectorised loop of PyTorch takes more at a time


@dataclass(frozen=True, eq=False)
class Flight:
    """What all processes sent each other.

    Attributes:
        places: On their way: `(P, 4)` int64: the row among those of its owner; the group of rows it was observed in;
            its place there; how many these are.
        logits: On their way: `(P, L)`.
        blocks: Of each block: its rows, and whether all were as planned.
        skipped: Rows of all processes that were not finite.
        rows: Rows of all processes that were.
    """

    places: Parcel
    logits: Parcel
    blocks: list[tuple[int, bool]]
    skipped: int
    rows: int


class OwnerObserver(SharedObserver):
    """Sends what was observed to the owners of the samples, and records what this process owns."""

    _flight: Flight | None = None

    def start(self, position: Position) -> None:
        """Begin at a position; what was not exchanged is dropped."""
        super().start(position)
        self._flight = None

    def _groups_of(self, beside: list[Observation]) -> int:
        return sum(1 for one in beside for _ in distinct_rows(finite_rows(one).indices))

    def _launch(
        self, in_plan: list[Observation], beside: list[Observation], dtype: torch.dtype, groups: list[int]
    ) -> None:
        """See `SharedObserver._launch`."""
        finite = [finite_rows(one) for one in in_plan]
        others = list(map(finite_rows, beside))
        indices, logits = self._sent(finite + others, dtype)
        first_W = torch.tensor(self.progress.part.bounds, device="cpu")
        owner_P = torch.bucketize(indices, first_W[1:], right=True)
        sizes = owner_P.bincount(minlength=self.group.size)
        skipped = sum(len(one.indices) for one in in_plan + beside) - len(indices)
        said = [
            [len(one.indices), len(kept.indices), one.as_planned] for one, kept in zip(in_plan, finite, strict=True)
        ]
        table = [*sizes.tolist(), skipped, *(number for one in said for number in one)]
        told = torch.stack(self.group.each(torch.tensor(table, dtype=torch.int64, device="cpu")))
        sizes_WW, blocks_WK3 = told[:, : self.group.size], told[:, self.group.size + 1 :].view(len(told), -1, 3)
        places = self._places(finite, blocks_WK3[:, :, 1]) + self._places_beside(others, len(in_plan), groups)
        place_P4 = torch.cat([(indices - first_W[owner_P])[:, None], torch.cat(places)], 1)
        order_P = owner_P.argsort(stable=True)
        received = sizes_WW[:, self.group.rank].tolist()
        self._flight = Flight(
            self.group.trade(place_P4[order_P], sizes.tolist(), received),
            self.group.trade(logits[order_P.to(logits.device)], sizes.tolist(), received),
            [(int(one[:, 0].sum()), bool(one[:, 2].all())) for one in blocks_WK3.unbind(1)],
            int(told[:, self.group.size].sum()),
            int(sizes_WW.sum()),
        )

    def _places(self, finite: list[Observation], counts_WK: Tensor) -> list[Tensor]:
        """Return block, place in it and its size for every row of this process' shares, `(R, 3)` each."""
        first_K, size_K = counts_WK[: self.group.rank].sum(0).tolist(), counts_WK.sum(0).tolist()
        return [
            _numbered(k, first, len(one.indices), size)
            for k, (one, first, size) in enumerate(zip(finite, first_K, size_K, strict=True))
        ] + [torch.empty(0, 3, dtype=torch.int64, device="cpu")]

    def _places_beside(self, others: list[Observation], blocks: int, groups: list[int]) -> list[Tensor]:
        """Return the same for what was beside the plan: every piece without a repeat is a group of its own."""
        group, places = blocks + sum(groups[: self.group.rank]), []
        for one in others:
            place_R3 = torch.empty(len(one.indices), 3, dtype=torch.int64, device="cpu")
            for rows in distinct_rows(one.indices):
                place_R3[rows] = _numbered(group, 0, len(rows), len(rows))
                group += 1
            places.append(place_R3)
        return places

    def _land(self) -> None:
        """Record the rows that this process owns, block by block; then what was beside the plan, rank by rank."""
        if self._flight is None:
            return
        flight, self._flight = self._flight, None
        (place_P4,), (logits_PL,) = flight.places.open(), flight.logits.open()
        for rows, as_planned in flight.blocks:
            self.progress.position.record(rows, as_planned=as_planned)
        self.progress.skip(flight.skipped)
        if not len(place_P4) and flight.rows:  # something was observed: the method is to know it
            self._record(place_P4[:, 0], logits_PL, None)
        order_P = place_P4[:, 1].argsort(stable=True)
        place_P4, logits_PL = place_P4[order_P], logits_PL[order_P]
        groups, counts = torch.unique_consecutive(place_P4[:, 1], return_counts=True)
        pieces = (torch.split(rows, counts.tolist()) if len(counts) else () for rows in (place_P4, logits_PL))
        for group, place_R4, logits_RL in zip(groups.tolist(), *pieces, strict=True):
            rows_R, _, ordinal_R, size_R = place_R4.unbind(1)
            if group < len(flight.blocks):
                counts_N = self.progress.count_N
                counts_N.index_add_(0, rows_R.to(counts_N.device), torch.ones_like(rows_R).to(counts_N.device))
            self._record_group(rows_R, logits_RL, ordinal_R, int(size_R[0]))

    def _record_group(self, rows_R: Tensor, logits_RL: Tensor, ordinal_R: Tensor, size: int) -> None:
        """Record the rows that this process owns of those that were observed together."""
        if len(torch.unique(rows_R)) < len(rows_R):  # a block that is none of the plan's may repeat a sample
            for some in distinct_rows(rows_R):
                self._record(rows_R[some], logits_RL[some], None)
        elif not on_host(self.progress.count_N):
            self._record(rows_R, logits_RL, None)
        else:
            for laid_out in layouts(rows_R, logits_RL, ordinal_R, size, len(self.progress.count_N)):
                self._record(*laid_out)

    def _record(self, rows_n: Tensor, logits_nL: Tensor, valid_n: Tensor | None) -> None:
        """Hand rows of different samples, among those that this process owns, to the method and to the course."""
        device = self.progress.count_N.device
        rows_n, logits_nL = rows_n.to(device), logits_nL.to(device)
        if self.progress.method.remembers:
            self.progress.method.observe_distinct(rows_n, logits_nL, valid_n)
        if self.progress.course is not None:
            self.progress.course.update(rows_n, logits_nL, valid_n)


def finite_rows(one: Observation) -> Observation:
    """Return an observation without its rows that are not finite."""
    if all_finite(one.logits):
        return one
    finite_R = one.logits.isfinite().all(1)
    return Observation(one.indices[finite_R.cpu()], one.logits[finite_R], one.in_plan, one.as_planned)


def _numbered(group: int, first: int, count: int, size: int) -> Tensor:
    """Return group, consecutive places from `first` on, and the size of the group: `(count, 3)` int64."""
    places = torch.arange(first, first + count, device="cpu")
    return torch.stack([torch.full_like(places, group), places, torch.full_like(places, size)], 1)


def layouts(
    rows_R: Tensor, logits_RL: Tensor, ordinal_R: Tensor, size: int, num_rows: int
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Lay out some rows of a block so that each is computed as in the block.

    Args:
        rows_R: Which of the rows that this process owns, all different.
        logits_RL: Their logits.
        ordinal_R: Their places in the block, ascending.
        size: The rows of the block.
        num_rows: How many rows this process owns; at least two, or as many as the block has.

    Yields:
        Rows `(n,)`, logits `(n, L)`, and which of them are valid; None if all are. The others name a row that is not
        among the valid ones.
    """
    count = len(rows_R)
    if count == size:
        yield rows_R, logits_RL, None
        return
    if count == num_rows:  # no row is left to stand for the others
        for half in (slice(0, count // 2), slice(count // 2, count)):
            yield from layouts(rows_R[half], logits_RL[half], ordinal_R[half], size, num_rows)
        return
    num_labels = logits_RL.shape[1]
    tail = -(-(size * num_labels % _VECTORS) // num_labels)  # rows with a cell in the block's last, incomplete vectors
    before = int((ordinal_R < size - tail).sum())
    length = size - (size - tail - before) // _VECTORS * _VECTORS
    at_R = torch.cat([torch.arange(before, device="cpu"), ordinal_R[before:] - size + length])
    free = torch.ones(count + 1, dtype=torch.bool, device="cpu")
    free[rows_R[rows_R <= count]] = False
    rows_n = torch.full((length,), int(free.nonzero()[0]), dtype=torch.int64, device="cpu")
    logits_nL = logits_RL.new_zeros(length, num_labels)
    valid_n = torch.zeros(length, dtype=torch.bool, device="cpu")
    rows_n[at_R], logits_nL[at_R], valid_n[at_R] = rows_R, logits_RL, torch.ones_like(at_R, dtype=torch.bool)
    yield rows_n, logits_nL, valid_n
