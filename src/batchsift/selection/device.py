"""Observing where the state lives on another device than the host: nothing waits for a value.

Looking at a value makes the host wait until the device has computed it, and with it all that was asked for before.
So shapes and types are checked at once, as on the CPU, but what is wrong with values is noted on the device, and
reported when the selector is asked for something: at the end of the epoch at the latest.

Shapes: N samples, L labels, B rows observed together.
"""

from typing import Any

import torch
from torch import Tensor

from batchsift.selection.inputs import NO_PROBABILITIES, logits_of, refuse_outside, wrong_target, wrong_targets
from batchsift.selection.observer import Call, Observer, Progress
from batchsift.selection.plan import Position
from batchsift.trackers import distinct_rows, on_host


class DeviceObserver(Observer):
    """Records observations without looking at their values, and notes on the device what is wrong with them."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._device = device = progress.count_N.device
        self._skipped = torch.zeros((), dtype=torch.int64, device=device)
        self._flags = torch.zeros(3, dtype=torch.bool, device=device)
        self._no_probabilities, self._outside, self._wrong_target = self._flags.unbind()
        self._first_wrong = torch.zeros(3, dtype=torch.float64, device=device)  # sample, label, target
        self._plan_N = torch.empty(0, dtype=torch.int64, device=device)
        self._unchecked: list[tuple[int, Tensor]] = []  # where in the plan a block began, if in order, and its rows
        self._bounds: list[Tensor] = []  # `(2,)` each: the lowest and the highest logit of a call
        self._cells = 0

    def start(self, position: Position) -> None:
        """Begin at a position; keep a copy of the plan: what is observed in its order needs no index to travel."""
        super().start(position)
        self._flags.zero_()
        self._skipped.zero_()
        self._unchecked, self._bounds, self._cells = [], [], 0
        self._plan_N = position.plan.indices.to(self._device, copy=True)

    def observe(
        self, indices_B: Tensor, logits_BL: Tensor, targets: Tensor | None, *, probabilities: bool, in_plan: bool
    ) -> None:
        """Record some rows; see `Observer.observe`. Indices beside the plan that are on the device are waited for."""
        method, course, num_samples = self.progress.method, self.progress.course, self.progress.labels.num_samples
        rows_B, pieces = self._rows_in_plan(indices_B) if in_plan else self._rows_beside(indices_B)
        logits_BL = logits_BL.to(self._device, non_blocking=True)
        if probabilities:
            logits_BL = logits_of(logits_BL, self._no_probabilities)
        elif self.progress.logit_range.is_open and logits_BL.numel():
            self._bounds.append(torch.stack(torch.aminmax(logits_BL)).float())
            self._cells += logits_BL.numel()
        inside_B = rows_B.clamp(0, num_samples - 1)
        self._outside |= (inside_B != rows_B).any()
        if targets is not None:
            self._note_targets(targets, inside_B)
        valid_B = logits_BL.isfinite().all(1) & (inside_B == rows_B)
        self._skipped += (~valid_B).sum()
        if in_plan:
            self.progress.count_N.index_add_(0, inside_B, valid_B.long())
        if method.remembers or course is not None:
            logits_BL = logits_BL.where(valid_B[:, None], 0.0)
            for piece in pieces:
                if method.remembers:
                    method.observe_distinct(inside_B[piece], logits_BL[piece], valid_B[piece])
                if course is not None:
                    course.update(inside_B[piece], logits_BL[piece], valid_B[piece])

    def _rows_in_plan(self, indices_B: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the rows of a block in plan on the device, and its pieces without a repeat: it has none."""
        position, on_cpu = self.progress.position, on_host(indices_B)
        as_planned = not on_cpu or position.is_next(indices_B)
        if not as_planned:
            refuse_outside(indices_B, self.progress.labels.num_samples)
        start, planned_B = position.observed, self._next_rows(len(indices_B))
        position.advance(indices_B)
        position.record(len(indices_B), as_planned=as_planned)
        rows_B = planned_B if on_cpu and as_planned else indices_B.to(self._device, non_blocking=True)
        if self._unchecked or not on_cpu:
            self._unchecked.append((start, rows_B.clone()))  # the caller may use the same memory for the next
        else:
            self.progress.check.look(indices_B, start, as_planned=as_planned)
        return rows_B, [slice(None)] if as_planned else list(distinct_rows(indices_B))

    def _next_rows(self, count: int) -> Tensor:
        """Return the rows that the plan has next, on the device."""
        position = self.progress.position
        if position.plan.stepwise:  # drawn since the plan was copied
            return position.next_rows(count).to(self._device, non_blocking=True)
        return self._plan_N[position.recorded : position.recorded + count]

    def _rows_beside(self, indices_B: Tensor) -> tuple[Tensor, list[Any]]:
        """Return rows beside the plan on the device, and their pieces without a repeat."""
        indices_B = indices_B.cpu()
        refuse_outside(indices_B, self.progress.labels.num_samples)
        return indices_B.to(self._device, non_blocking=True), list(distinct_rows(indices_B))

    def _note_targets(self, targets: Tensor, rows_B: Tensor) -> None:
        """Remember the first target that differs from its label."""
        targets_BL, wrong_BL = wrong_targets(targets, rows_B, self.progress.labels)
        cell = wrong_BL.flatten().to(torch.uint8).argmax()
        row, label = cell // wrong_BL.shape[1], cell % wrong_BL.shape[1]
        first_wrong = torch.stack([rows_B.take(row).double(), label.double(), targets_BL.take(cell).double()])
        self._first_wrong.copy_(torch.where(self._wrong_target, self._first_wrong, first_wrong))
        self._wrong_target |= wrong_BL.any()

    def agree(self, call: Call) -> None:
        """Do nothing: there is one process."""

    def catch_up(self, call: Call) -> None:
        """Report what was noted since the last time. Waits for the device.

        Raises:
            ValueError: Values that do not fit. What came with them has been recorded; reported once.
        """
        no_probabilities, outside, is_wrong = self._flags.tolist()
        skipped, (sample, label, target) = int(self._skipped), self._first_wrong.tolist()
        self._flags.zero_()
        self._skipped.zero_()
        unchecked, self._unchecked = self._unchecked, []
        labels = self.progress.labels
        if no_probabilities:
            raise ValueError(NO_PROBABILITIES)
        if outside:
            raise ValueError(f"an index observed since the last report is outside the {labels.num_samples} samples")
        if is_wrong:
            raise wrong_target(int(sample), int(label), target, labels)
        if unchecked:
            self._check_order(unchecked)
        if self._bounds:
            lowest, highest = torch.stack(self._bounds).unbind(1)
            self.progress.logit_range.take(lowest.min().item(), highest.max().item(), self._cells)
            self._bounds, self._cells = [], 0
        self.progress.skip(skipped)

    def _check_order(self, unchecked: list[tuple[int, Tensor]]) -> None:
        """Look whether the plan was followed by blocks whose rows were on the device."""
        position = self.progress.position
        rows = torch.cat([rows_B for _, rows_B in unchecked]).cpu()
        for (start, _), rows_B in zip(unchecked, torch.split(rows, [len(one) for _, one in unchecked]), strict=True):
            as_planned = torch.equal(rows_B, position.plan.indices[start : start + len(rows_B)])
            position.in_order &= as_planned
            self.progress.check.look(rows_B, start, as_planned=as_planned)
