"""Taking in what a training predicts: the interface of those who do it, and what they keep up to date.

There are three: at once on the CPU (`host.py`), on another device without waiting for it (`device.py`), and in several
processes, which must tell each other first (`exchange.py`). The selector has exactly one and need not know which.

Shapes: N samples, L labels, B rows observed together.
"""

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchsift.labels import LabelMatrix
from batchsift.messages import warn
from batchsift.methods import CompleteMethod
from batchsift.methods.parts import SamplePart
from batchsift.selection.check import PlanCheck
from batchsift.selection.inputs import LogitRange, all_finite
from batchsift.selection.plan import Position
from batchsift.trackers import CourseMeans, count_rows

if TYPE_CHECKING:
    from batchsift.selection.group import Group

_logger = logging.getLogger("batchsift.selection.selector")  # by which users know it


class Call(IntEnum):
    """What the selector is asked for: several processes must ask theirs for the same."""

    SHARD = 0
    BLOCK = 1
    DRAW = 2
    END_EPOCH = 3
    PLAN = 4
    SCORES = 5
    SIGNALS = 6
    COUNTS = 7
    SUMMARY = 8
    SUSPECTS = 9
    STATE = 10
    SAVE = 11

    @property
    def words(self) -> str:
        """What a process does."""
        return _WORDS[self]


_WORDS = {
    Call.SHARD: "calls shard()",
    Call.BLOCK: "has observed a block",
    Call.DRAW: "draws a block",
    Call.END_EPOCH: "calls end_epoch()",
    Call.PLAN: "has planned an epoch",
    Call.SCORES: "asks for scores",
    Call.SIGNALS: "calls signals()",
    Call.COUNTS: "asks for counts",
    Call.SUMMARY: "calls summary()",
    Call.SUSPECTS: "calls suspects()",
    Call.STATE: "calls state_dict()",
    Call.SAVE: "saves or loads the state",
}


@dataclass(eq=False)
class Progress:
    """The progress of a training, as all observers keep it; what was predicted is with the method.

    Attributes:
        labels: The labels of the selector.
        method: The method of the selector.
        count_N: The in-plan observations of each sample that is remembered here, int64, on the device of the labels.
        course: What was predicted over the training, in plan or beside it, or None where nobody will ask for suspects.
        part: Which samples are remembered here; method, `count_N` and course are of these.
        position: How far the epoch has come.
        check: Looks whether the plan is followed.
        logit_range: Looks whether logits are logits.
        skipped_rows: Rows that were not finite.
    """

    labels: LabelMatrix
    method: CompleteMethod
    count_N: Tensor
    course: CourseMeans | None
    part: SamplePart
    position: Position = field(init=False)
    check: PlanCheck = field(init=False, default_factory=PlanCheck)
    logit_range: LogitRange = field(init=False, default_factory=LogitRange)
    skipped_rows: int = 0
    _warned: bool = field(init=False, default=False)

    def record(self, indices_B: Tensor, logits_BL: Tensor, *, in_plan: bool, as_planned: bool) -> None:
        """Count the rows that are finite, and hand them to the method.

        Args:
            indices_B: int64 on the CPU.
            logits_BL: Predictions on any device.
            in_plan: Whether they count for the plan.
            as_planned: Whether they are the very next rows of the plan, which are of different samples.
        """
        logits_BL = logits_BL.to(self.count_N.device)
        if in_plan:
            self.position.record(len(indices_B), as_planned=as_planned)
        if not all_finite(logits_BL):
            finite_B = logits_BL.isfinite().all(1)
            indices_B, logits_BL = indices_B[finite_B.cpu()], logits_BL[finite_B]
            self.skip(len(finite_B) - len(indices_B))
        rows_B = indices_B.to(self.count_N.device)
        if as_planned:
            count_rows(self.count_N, rows_B)
        elif in_plan:
            self.count_N.index_add_(0, rows_B, torch.ones_like(rows_B))
        if len(rows_B):
            (self.method.observe_distinct if as_planned else self.method.observe)(rows_B, logits_BL)
            if self.course is not None:
                (self.course.update if as_planned else self.course.observe)(rows_B, logits_BL)

    def look_back(self, epochs: int | None) -> None:
        """Say what was not as it should be in an epoch that ends.

        Args:
            epochs: The length of the training, or None.
        """
        if self.position.epoch == 0 and self.method.awaits_observations:
            _logger.warning(
                "the first epoch ended and nothing was observed yet: %s draws uniformly until then; call "
                "observe(indices, logits) after every batch",
                self.method.name,
            )
        self.check.look_back()
        self.logit_range.look_back()
        if self.position.epoch == epochs and self.position.observed > self.position.start:  # counted from 0
            warn(
                f"epoch {epochs + 1} of a selector that was made for epochs={epochs} has ended: the pressure has "
                "fallen to 1, so that most methods draw uniformly. Pass the length of the whole training, and make a "
                "new Selector for every training (a trial run, a stopped epoch or one that averages weights counts too)"
            )

    def skip(self, rows: int) -> None:
        """Note that rows were skipped; the first time, warn."""
        self.skipped_rows += rows
        if rows and not self._warned:
            self._warned = True
            warn("rows of logits that are not finite are skipped: see skipped_rows in summary()")


class Observer(ABC):
    """Takes in observations.

    Attributes:
        progress: What it keeps up to date.
        group: The processes it exchanges with, if there are several.
    """

    group: "Group | None" = None

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def start(self, position: Position) -> None:
        """Begin at a position of an epoch. What was not yet taken in is dropped."""
        self.progress.position = position
        self.progress.check.start(position)

    @abstractmethod
    def observe(
        self, indices_B: Tensor, logits_BL: Tensor, targets: Tensor | None, *, probabilities: bool, in_plan: bool
    ) -> None:
        """Take in what was predicted for some rows, or keep it until `catch_up`; see `Selector.observe`.

        Raises:
            ValueError: Indices, targets or probabilities that do not fit, or a block that does not fit the plan.
        """

    @abstractmethod
    def agree(self, call: Call) -> None:
        """Check that all processes are alike, where there are several.

        Raises:
            ValueError: Some differ.
        """

    @abstractmethod
    def catch_up(self, call: Call) -> None:
        """Take in all that was observed, so that method and progress know it.

        Args:
            call: What for.

        Raises:
            ValueError: Something that was observed does not fit.
        """
