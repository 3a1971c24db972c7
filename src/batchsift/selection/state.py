"""The saved state of a selector: tensors, numbers and strings only, so that it loads with `weights_only=True`."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from batchsift.functional.sampling import Drawing
from batchsift.labels import LabelMatrix
from batchsift.methods import Method
from batchsift.methods.base import joined_state, own_state
from batchsift.selection.observer import Progress
from batchsift.selection.plan import Plan
from batchsift.selection.planner import Planner
from batchsift.trackers import CourseMeans

_VERSION = 4
_WITHOUT_COURSE = 3  # nothing was remembered for suspects
_WITHOUT_DRAWING = 2  # and every plan was drawn independently


@dataclass(frozen=True)
class SelectorSettings:
    """What a state must share with the selector that takes it over.

    Attributes:
        labels: The fingerprint of the labels.
        method: The method's name.
        batch_size: Samples in a block.
        num_batches: Blocks in an epoch.
        length: Samples in an epoch.
        epochs: The length of the training, or None.
        drawing: How plans are drawn from probabilities.
    """

    labels: str
    method: str
    batch_size: int
    num_batches: int
    length: int
    epochs: int | None
    drawing: Drawing

    @classmethod
    def of(cls, labels: LabelMatrix, method: Method, planner: Planner, epochs: int | None) -> Self:
        """Return the settings of a selector."""
        blocks = planner.blocks
        return cls(labels.fingerprint(), method.name, blocks.size, blocks.count, blocks.length, epochs, planner.drawing)


@dataclass(frozen=True, eq=False)
class SelectorState:
    """Everything needed to go on exactly, mid-epoch included.

    Attributes:
        settings: The settings of the selector that was saved.
        seed: The seed of all drawing.
        epoch: The epoch, counted from 0.
        position: Rows observed in plan.
        in_order: Whether they came in the plan's order.
        probabilities: `(N,)`: what the epoch is drawn from.
        plan: The plan of the epoch.
        counts: `(N,)`: the in-plan observations of each sample.
        skipped_rows: Rows that were not finite.
        method_state: What the method's `state_dict` gave.
        course: What was remembered for suspects; None if nothing was.
    """

    settings: SelectorSettings
    seed: int
    epoch: int
    position: int
    in_order: bool
    probabilities: Tensor
    plan: Plan
    counts: Tensor
    skipped_rows: int
    method_state: dict[str, Any]
    course: dict[str, Tensor] | None

    def as_dict(self) -> dict[str, Any]:
        """Return what `read` reads; the tensors are copies on the CPU."""
        return {
            "version": _VERSION,
            "settings": dataclasses.asdict(self.settings),
            "seed": self.seed,
            "epoch": self.epoch,
            "position": self.position,
            "in_order": self.in_order,
            "probabilities": self.probabilities.cpu().clone(),
            "plan": self.plan.indices.clone(),
            "plan_block_size": self.plan.block_size,
            "plan_drawing": self.plan.drawing,
            "plan_stepwise": self.plan.stepwise,
            "counts": self.counts.cpu().clone(),
            "skipped_rows": self.skipped_rows,
            "method_state": self.method_state,
            "course": self.course,
        }

    @classmethod
    def of(cls, settings: SelectorSettings, planner: Planner, progress: Progress) -> Self:
        """Return the state of a selector."""
        return cls(
            settings=settings,
            seed=planner.seed,
            epoch=progress.position.epoch,
            position=progress.position.observed,
            in_order=progress.position.in_order,
            probabilities=planner.probability_N,
            plan=planner.plan,
            counts=progress.part.joined(progress.count_N.cpu()),
            skipped_rows=progress.skipped_rows,
            method_state=progress.method.state_dict(),
            course=None if progress.course is None else joined_state(progress.course, progress.part),
        )

    def restore(self, planner: Planner, progress: Progress) -> None:
        """Give planner, method and progress what was saved; the position is the observer's to start from.

        Raises:
            ValueError: The method, or what is remembered for suspects, does not fit.
        """
        progress.method.load_state_dict(self.method_state)
        if progress.course is not None:  # of a state that has none, it begins anew
            anew = CourseMeans(progress.labels.positive_NL)
            saved = (
                {name: value for name, (value, _) in anew.row_tensors().items()} if self.course is None else self.course
            )
            progress.course.load_state_dict(own_state(anew, progress.part, saved))
        planner.take_over(self.plan, self.probabilities, self.seed)
        progress.count_N.copy_(progress.part.own(self.counts))
        progress.skipped_rows = self.skipped_rows

    @classmethod
    def read(cls, state: Any, settings: SelectorSettings) -> Self:
        """Read what `as_dict` gave; the tensors are copies on the CPU.

        Args:
            state: What to read.
            settings: The settings of the selector that is to take the state over.

        Raises:
            ValueError: No state, or one of another version, of other labels, another method or other settings; or of
                the middle of an epoch whose blocks were not observed in the plan's order.
        """
        wanted = dataclasses.asdict(settings)
        state = _as_of_now(state)
        if not isinstance(state, dict) or not wanted.keys() <= state.get("settings", {}).keys():
            raise ValueError(f"this is no state of a selector: got {type(state).__name__}, pass what state_dict() gave")
        if state.get("version") != _VERSION:
            raise ValueError(f"the state has version {state.get('version')!r}, this batchsift reads {_VERSION}")
        for name, mine in wanted.items():
            saved = state["settings"].get(name)
            if saved != mine:
                raise ValueError(f"the state was saved with {name}={saved!r}, this selector has {name}={mine!r}")
        if not state["in_order"] and 0 < state["position"] < len(state["plan"]):
            raise ValueError(
                "the state is of the middle of an epoch whose blocks were not observed in the plan's order: what is "
                "left of it is not known; save at the end of an epoch, or let the DataLoader keep the order"
            )
        indices = state["plan"].cpu().clone()
        return cls(
            settings=settings,
            seed=state["seed"],
            epoch=state["epoch"],
            position=state["position"],
            in_order=state["in_order"],
            probabilities=state["probabilities"].cpu().clone(),
            plan=Plan(indices, state["plan_block_size"], state["plan_drawing"], state["plan_stepwise"]),
            counts=state["counts"],
            skipped_rows=state["skipped_rows"],
            method_state=state["method_state"],
            course=state["course"],
        )


def _as_of_now(state: Any) -> Any:
    """Return a state of an earlier version in the words of this one; anything else as it is."""
    if not isinstance(state, dict) or state.get("version") not in (_WITHOUT_COURSE, _WITHOUT_DRAWING):
        return state
    before, state = state["version"], {**state, "version": _VERSION, "course": None}
    if before == _WITHOUT_DRAWING:
        state["settings"] = {**state.get("settings", {}), "drawing": "independent"}
        state["plan_drawing"] = "independent" if state.pop("plan_drawn") else None
    return state
