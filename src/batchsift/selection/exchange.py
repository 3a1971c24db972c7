"""How the processes of a training tell each other what they observed.

Shapes: B samples of a block, B / W of them for each of W processes, R rows of one call, L labels.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from batchsift.selection.inputs import logits_of, refuse_outside, refuse_wrong_targets
from batchsift.selection.observer import Observer, Progress
from batchsift.selection.plan import Position
from batchsift.selection.share import Share


@dataclass(frozen=True, eq=False)
class Observation:
    """One call of `observe`.

    Attributes:
        indices: `(R,)` int64 on the CPU.
        logits: `(R, L)`.
        in_plan: Whether it was in plan.
    """

    indices: Tensor
    logits: Tensor
    in_plan: bool


class SharedObserver(Observer):
    """Checks this process' share of every block; all shares are recorded together when the processes exchange them.

    Args:
        progress: The progress it keeps up to date, the same in all processes.
        share: This process' part of every block.
    """

    def __init__(self, progress: Progress, share: Share) -> None:
        super().__init__(progress)
        self._share = share
        self._pending: list[Observation] = []  # what the other processes do not know yet

    def start(self, position: Position) -> None:
        """Begin at a position; what was not exchanged is dropped."""
        super().start(position)
        self._pending = []

    def observe(
        self, indices_B: Tensor, logits_BL: Tensor, targets: Tensor | None, *, probabilities: bool, in_plan: bool
    ) -> None:
        """Check some rows and keep a copy of them; see `Observer.observe`."""
        labels = self.progress.labels
        indices_B = indices_B.cpu()
        refuse_outside(indices_B, labels.num_samples)
        if probabilities:
            logits_BL = logits_of(logits_BL)
        else:
            self.progress.logit_range.look(logits_BL)
        if targets is not None:
            refuse_wrong_targets(targets, indices_B, labels)
        if in_plan:
            position = self.progress.position
            start = position.observed
            position.advance(indices_B, self._share.world_size)
            planned_B = self._share.cut(position.plan.indices[start : position.observed])
            self.progress.check.look(indices_B, start, as_planned=torch.equal(indices_B, planned_B))
        dtype = torch.promote_types(logits_BL.dtype, torch.float32)
        # A copy: the caller may change the logits before they are exchanged.
        self._pending.append(Observation(indices_B.clone(), logits_BL.to(dtype, copy=True), in_plan))

    def catch_up(self) -> None:
        """Record what all processes observed since the last time: a collective call.

        Raises:
            ValueError: The processes observed different numbers of blocks.
        """
        pending, self._pending = self._pending, []
        for one in gathered(pending):
            as_planned = one.in_plan and self.progress.position.is_next(one.indices)
            self.progress.record(one.indices, one.logits, in_plan=one.in_plan, as_planned=as_planned)


def gathered(mine: list[Observation]) -> list[Observation]:
    """Return what all processes observed since the last time, the same list in each: a collective call.

    The k-th calls in plan are put together in the order of the ranks, which is the k-th block; what was observed
    beside the plan follows, rank by rank.

    Raises:
        ValueError: The processes observed different numbers of blocks.
    """
    calls = [(len(one.indices), one.in_plan) for one in mine]
    wide = any(one.logits.dtype == torch.float64 for one in mine)
    outlines: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(outlines, (calls, wide, mine[0].logits.shape[1] if mine else 0))
    blocks = [sum(in_plan for _, in_plan in calls) for calls, _, _ in outlines]
    if len(set(blocks)) > 1:
        raise ValueError(
            f"the processes observed different numbers of blocks since the last exchange, by rank: {blocks}. Every "
            "process must observe its share of every block, and all must call end_epoch(), state_dict(), signals(), "
            "scores, counts and summary() together"
        )
    num_labels = max(width for _, _, width in outlines)
    if num_labels == 0:
        return []
    dtype = torch.float64 if any(wide for _, wide, _ in outlines) else torch.float32
    rows = [sum(size for size, _ in calls) for calls, _, _ in outlines]
    indices = _all_rows([one.indices for one in mine], rows, (), torch.int64)
    logits = _all_rows([one.logits for one in mine], rows, (num_labels,), dtype)
    by_rank = [
        [
            Observation(i, z, in_plan)
            for i, z, (_, in_plan) in zip(
                _by_call(indices[rank], calls), _by_call(logits[rank], calls), calls, strict=True
            )
        ]
        for rank, (calls, _, _) in enumerate(outlines)
    ]
    in_plan = [[one for one in calls if one.in_plan] for calls in by_rank]
    together = [
        Observation(torch.cat([one.indices for one in parts]), torch.cat([one.logits for one in parts]), in_plan=True)
        for parts in zip(*in_plan, strict=True)
    ]
    return together + [one for calls in by_rank for one in calls if not one.in_plan]


def _all_rows(mine: list[Tensor], rows: list[int], width: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    """Return the concatenated rows of every process, on the CPU; they travel padded to the longest."""
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    padded = torch.zeros((max(rows), *width), dtype=dtype, device=device)
    if mine:
        filled = torch.cat(mine)
        padded[: len(filled)] = filled.to(device, dtype)
    received = [torch.empty_like(padded) for _ in rows]
    dist.all_gather(received, padded)
    return [part[:count].cpu() for part, count in zip(received, rows, strict=True)]


def _by_call(rows: Tensor, calls: list[tuple[int, bool]]) -> list[Tensor]:
    """Cut one process' rows into those of its calls."""
    return list(torch.split(rows, [size for size, _ in calls])) if calls else []
