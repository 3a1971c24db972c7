"""Observing at once, where the state lives on the CPU.

Shapes: L labels, B rows observed together.
"""

from torch import Tensor

from batchsift.selection.inputs import logits_of, refuse_outside, refuse_wrong_targets
from batchsift.selection.observer import Call, Observer


class HostObserver(Observer):
    """Checks and records every observation as it comes."""

    def observe(
        self, indices_B: Tensor, logits_BL: Tensor, targets: Tensor | None, *, probabilities: bool, in_plan: bool
    ) -> None:
        """Check and record some rows; see `Observer.observe`."""
        position, labels = self.progress.position, self.progress.labels
        indices_B = indices_B.cpu()
        as_planned = in_plan and position.is_next(indices_B)
        if not as_planned:  # what is in the plan is no index outside
            refuse_outside(indices_B, labels.num_samples)
        if probabilities:
            logits_BL = logits_of(logits_BL)
        else:
            self.progress.logit_range.look(logits_BL)
        if targets is not None:
            refuse_wrong_targets(targets, indices_B, labels)
        if in_plan:
            start = position.observed
            position.advance(indices_B)
            self.progress.check.look(indices_B, start, as_planned=as_planned)
        self.progress.record(indices_B, logits_BL, in_plan=in_plan, as_planned=as_planned)

    def agree(self, call: Call) -> None:
        """Do nothing: there is one process."""

    def catch_up(self, call: Call) -> None:
        """Do nothing: all is taken in."""
