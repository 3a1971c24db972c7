"""Observing where the state lives on another device than the host: nothing waits for a value.

Looking at a value makes the host wait until the device has computed it, and with it all that was asked for before.
So shapes and types are checked at once, as on the CPU, but what is wrong with values is noted on the device, and
reported when the selector is asked for something: at the end of the epoch at the latest.

Shapes: N samples, L labels, B rows observed together.
"""

from typing import Any

import torch
from torch import Tensor

from batchsift.labels import LabelMatrix
from batchsift.methods import BaseMethod
from batchsift.selection.inputs import NO_PROBABILITIES, logits_of, refuse_outside, wrong_target, wrong_targets
from batchsift.selection.plan import Plan, Position
from batchsift.trackers import distinct_rows, on_host


class Deferred:
    """Takes in observations without looking at their values, and remembers what was wrong with them."""

    def __init__(self, labels: LabelMatrix, count_N: Tensor, method: Any) -> None:
        """With the selector's labels, its in-plan counts, which are kept up, and its method."""
        device = count_N.device
        self._labels, self._count_N, self._method = labels, count_N, method
        self._skipped = torch.zeros((), dtype=torch.int64, device=device)
        flags = torch.zeros(4, dtype=torch.bool, device=device)
        self._no_probabilities, self._outside, self._out_of_order, self._wrong_target = flags.unbind()
        self._flags = flags
        self._first_wrong = torch.zeros(3, dtype=torch.float64, device=device)  # sample, label, target
        self._plan_N = torch.empty(0, dtype=torch.int64, device=device)

    def enter(self, plan: Plan) -> None:
        """Keep a copy of the plan: what is observed in its order needs no index to travel."""
        self._plan_N = plan.indices.to(self._count_N.device)

    def observe(
        self,
        position: Position,
        epoch: int,
        indices_B: Tensor,
        logits_BL: Tensor,
        targets: Tensor | None,
        *,
        probabilities: bool,
        in_plan: bool,
    ) -> None:
        """See `Selector.observe`. Indices beside the plan had better be on the CPU: others are fetched, which waits."""
        device, num_samples = self._count_N.device, self._labels.num_samples
        rows_B, pieces = self._rows(position, epoch, indices_B) if in_plan else self._rows_beside(indices_B)
        logits_BL = logits_BL.to(device, non_blocking=True)
        if probabilities:
            logits_BL = logits_of(logits_BL, self._no_probabilities)
        inside_B = rows_B.clamp(0, num_samples - 1)
        self._outside |= (inside_B != rows_B).any()
        if targets is not None:
            self._note_targets(targets, inside_B)
        valid_B = logits_BL.isfinite().all(1) & (inside_B == rows_B)
        self._skipped += (~valid_B).sum()
        if in_plan:
            self._count_N.index_add_(0, inside_B, valid_B.long())
        if type(self._method).observe is BaseMethod.observe:
            return  # nothing is remembered
        if not getattr(self._method, "skips_rows", False):  # a method that must be given the valid rows alone
            self._method.observe(inside_B[valid_B], logits_BL[valid_B])
            return
        logits_BL = logits_BL.where(valid_B[:, None], 0.0)
        for piece in pieces:
            self._method.observe_distinct(inside_B[piece], logits_BL[piece], valid_B[piece])

    def _rows(self, position: Position, epoch: int, indices_B: Tensor) -> tuple[Tensor, list[Any]]:
        """The rows of a block in plan on the device, and its pieces without a repeat: it has none."""
        first, near = position.absorbed, on_host(indices_B)
        as_planned = not near or position.is_next(indices_B)
        if not as_planned:
            refuse_outside(indices_B, self._labels.num_samples)
        position.advance(indices_B, epoch, 1)
        position.absorb(len(indices_B), as_planned=as_planned)
        planned_B = self._plan_N[first : first + len(indices_B)]
        if not near:
            rows_B = indices_B.to(self._count_N.device)
            self._out_of_order |= (rows_B != planned_B).any()
            return rows_B, [slice(None)]
        if as_planned:
            return planned_B, [slice(None)]
        return indices_B.to(self._count_N.device, non_blocking=True), list(distinct_rows(indices_B))

    def _rows_beside(self, indices_B: Tensor) -> tuple[Tensor, list[Any]]:
        """The same of rows beside the plan."""
        indices_B = indices_B.cpu()
        refuse_outside(indices_B, self._labels.num_samples)
        return indices_B.to(self._count_N.device, non_blocking=True), list(distinct_rows(indices_B))

    def _note_targets(self, targets: Tensor, rows_B: Tensor) -> None:
        """Remember the first target that differs from its label."""
        targets_BL, wrong_BL = wrong_targets(targets, rows_B, self._labels)
        at = wrong_BL.flatten().to(torch.uint8).argmax()
        row, label = at // wrong_BL.shape[1], at % wrong_BL.shape[1]
        found = torch.stack([rows_B.take(row).double(), label.double(), targets_BL.take(at).double()])
        self._first_wrong.copy_(torch.where(self._wrong_target, self._first_wrong, found))
        self._wrong_target |= wrong_BL.any()

    def report(self) -> tuple[int, bool]:
        """The rows that were skipped since the last report, and whether the plan's order was kept. Waits.

        Raises:
            ValueError: Values that do not fit. What came with them has been taken in; reported once.
        """
        no_probabilities, outside, out_of_order, is_wrong = self._flags.tolist()
        skipped, (sample, label, target) = int(self._skipped), self._first_wrong.tolist()
        self._flags.zero_()
        self._skipped.zero_()
        if no_probabilities:
            raise ValueError(NO_PROBABILITIES)
        if outside:
            raise ValueError(
                f"an index observed since the last report is outside the {self._labels.num_samples} samples"
            )
        if is_wrong:
            raise wrong_target(int(sample), int(label), target, self._labels)
        return skipped, not out_of_order
