"""How the processes of a training tell each other what they observed.

What a process observed is pending until all exchange it: after every so many blocks, and whenever the selector is asked
for something. What is sent travels behind the model's work; it is recorded at the next exchange.

Shapes: N samples, B samples of a block, B / W of them for each of W processes, R rows of one call, L labels.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from batchsift.selection.group import Group, Parcel, digest
from batchsift.selection.inputs import logits_of, refuse_outside, refuse_wrong_targets
from batchsift.selection.observer import Call, Observer, Progress
from batchsift.selection.plan import Position
from batchsift.selection.planner import Planner


@dataclass(frozen=True, eq=False)
class Observation:
    """One call of `observe`.

    Attributes:
        indices: `(R,)` int64 on the CPU.
        logits: `(R, L)`, float32 or float64.
        in_plan: Whether it was in plan.
        as_planned: Whether it was the very share of the block that the plan had next.
    """

    indices: Tensor
    logits: Tensor
    in_plan: bool
    as_planned: bool = False


class SharedObserver(Observer):
    """Checks this process' share of every block, and exchanges what all processes observed.

    Args:
        progress: The progress it keeps up to date.
        planner: What the epoch was planned from.
        group: The processes.
        facts: What must be the same in all of them, by name; seed, epoch and plan are looked at beside it.
        exchange_every: After how many blocks what is pending is exchanged.
    """

    group: Group

    def __init__(
        self, progress: Progress, planner: Planner, group: Group, facts: Mapping[str, int], exchange_every: int
    ) -> None:
        super().__init__(progress)
        self._planner, self.group = planner, group
        self._facts, self._exchange_every = facts, exchange_every
        self._pending: list[Observation] = []  # what the other processes do not know yet
        self._is_due = False  # an exchange after a block is to come yet
        self._plan_digest: int | None = None

    def start(self, position: Position) -> None:
        """Begin at a position; what was not exchanged is dropped."""
        super().start(position)
        self._pending, self._is_due, self._plan_digest = [], False, None

    def agree(self, call: Call) -> None:
        """Check that all processes were made alike and have planned the same epoch: a collective call.

        Raises:
            ValueError: Some differ; it names them.
            RuntimeError: A process does not answer.
        """
        self._meet(call, [])

    def _meet(self, call: Call, numbers: list[int]) -> list[list[int]]:
        """Check that all processes are at the same place, and return the numbers that each has to say."""
        position = self.progress.position
        if self._plan_digest is None:
            drawn = () if position.plan.stepwise else (position.plan.indices,)
            self._plan_digest = digest(self._planner.probability_N, *drawn, len(position.plan), position.start)
        now = {"seed": digest(self._planner.seed), "epoch": position.epoch}
        facts = {**self._facts, **now, "plan of the epoch, or place in it": self._plan_digest}
        return self.group.meet(call, facts, sum(one.in_plan for one in self._pending), numbers)

    def observe(
        self, indices_B: Tensor, logits_BL: Tensor, targets: Tensor | None, *, probabilities: bool, in_plan: bool
    ) -> None:
        """Check some rows and keep a copy of them; see `Observer.observe`. After some blocks a collective call."""
        labels, position = self.progress.labels, self.progress.position
        indices_B = indices_B.cpu()
        refuse_outside(indices_B, labels.num_samples)
        if probabilities:
            logits_BL = logits_of(logits_BL)
        else:
            self.progress.logit_range.look(logits_BL)
        if targets is not None:
            refuse_wrong_targets(targets, indices_B, labels)
        as_planned = False
        if in_plan:
            self._make_up()
            start = position.observed
            position.advance(indices_B, self.group.share.world_size)
            planned_B = self.group.share.cut(position.plan.indices[start : position.observed])
            as_planned = torch.equal(indices_B, planned_B)
            self.progress.check.look(indices_B, start, as_planned=as_planned)
        dtype = torch.promote_types(logits_BL.dtype, torch.float32)
        # A copy: the caller may change the logits before they are exchanged.
        self._pending.append(Observation(indices_B.clone(), logits_BL.to(dtype, copy=True), in_plan, as_planned))
        if in_plan:
            self._is_due = position.observed // position.plan.block_size % self._exchange_every == 0
            self._make_up()

    def _make_up(self) -> None:
        """Exchange what is pending if that is due after a block. It stays due if it is refused."""
        if self._is_due:
            self._exchange(Call.BLOCK)
            self._is_due = False

    def catch_up(self, call: Call) -> None:
        """Record what all processes observed since the last time: a collective call.

        Raises:
            ValueError: The processes observed different numbers of blocks, call different things, or do not agree.
                Everything stays as it is.
            RuntimeError: A process does not answer.
        """
        self._make_up()
        self._exchange(call)
        self._land()

    def _exchange(self, call: Call) -> None:
        """Send what is pending on its way, and record what was sent before."""
        beside = [one for one in self._pending if not one.in_plan]
        is_wide = any(one.logits.dtype == torch.float64 for one in self._pending)
        met = self._meet(call, [self._groups_of(beside), is_wide, sum(len(one.indices) for one in self._pending)])
        pending, self._pending = self._pending, []
        self._land()
        if any(rows for _, _, rows in met) or any(pending):
            in_plan = [one for one in pending if one.in_plan]
            dtype = torch.float64 if any(is_wide for _, is_wide, _ in met) else torch.float32
            self._launch(in_plan, beside, dtype, [groups for groups, _, _ in met])

    def _groups_of(self, beside: list[Observation]) -> int:
        """Return in how many pieces observations beside the plan travel."""
        return len(beside)

    @abstractmethod
    def _launch(
        self, in_plan: list[Observation], beside: list[Observation], dtype: torch.dtype, groups: list[int]
    ) -> None:
        """Send observations on their way.

        Args:
            in_plan: Those of blocks; every process has as many.
            beside: The others.
            dtype: The dtype of logits that travel.
            groups: Of every process, in how many pieces it sends those beside the plan.
        """

    @abstractmethod
    def _land(self) -> None:
        """Record what is on its way, if anything is."""

    def _sent(self, observations: list[Observation], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the rows of some observations: `(R,)` indices and `(R, L)` logits."""
        if not observations:
            no_rows = torch.empty(0, dtype=torch.int64, device="cpu")
            return no_rows, torch.empty(0, self.progress.labels.num_labels, dtype=dtype, device="cpu")
        logits = [one.logits.to(self.group.device, dtype) for one in observations]
        return torch.cat([one.indices for one in observations]), torch.cat(logits)


class ReplicatedObserver(SharedObserver):
    """Lets every process record all that was observed: all keep the same."""

    _flight: tuple[Parcel, Parcel, list[list[list[int]]]] | None = None

    def start(self, position: Position) -> None:
        """Begin at a position; what was not exchanged is dropped."""
        super().start(position)
        self._flight = None

    def _launch(
        self, in_plan: list[Observation], beside: list[Observation], dtype: torch.dtype, groups: list[int]
    ) -> None:
        """See `SharedObserver._launch`: all rows go to all processes."""
        calls = in_plan + beside
        table = torch.zeros(len(in_plan) + max(groups), dtype=torch.int64, device="cpu")
        table[: len(calls)] = torch.tensor([len(one.indices) for one in calls], device="cpu")
        sizes = [
            [one[: len(in_plan)].tolist(), one[len(in_plan) : len(in_plan) + count].tolist()]
            for one, count in zip(self.group.each(table), groups, strict=True)
        ]
        rows = [sum(blocks) + sum(others) for blocks, others in sizes]
        indices, logits = self._sent(calls, dtype)
        self._flight = self.group.share_out(indices, rows), self.group.share_out(logits, rows), sizes

    def _land(self) -> None:
        """Record the k-th calls in plan together, in the order of the ranks; then what was beside it, rank by rank."""
        if self._flight is None:
            return
        (indices, logits), sizes = (one.open() for one in self._flight[:2]), self._flight[2]
        self._flight = None
        by_rank = [
            [torch.split(part, [*blocks, *others]) for part in parts]
            for *parts, (blocks, others) in zip(indices, logits, sizes, strict=True)
        ]
        for k in range(len(sizes[0][0])):
            indices_B, logits_BL = (torch.cat([parts[what][k] for parts in by_rank]) for what in (0, 1))
            as_planned = self.progress.position.is_next(indices_B)
            self.progress.record(indices_B, logits_BL, in_plan=True, as_planned=as_planned)
        for (indices_R, logits_RL), (blocks, _) in zip(by_rank, sizes, strict=True):
            for one in zip(indices_R[len(blocks) :], logits_RL[len(blocks) :], strict=True):
                self.progress.record(*one, in_plan=False, as_planned=False)
