"""The saved state of a selector: tensors, numbers and strings only, so that it loads with `weights_only=True`."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from batchsift.entries import LARGEST, check_keys, described, mapped, part, truth, whole_number
from batchsift.functional.sampling import Drawing
from batchsift.labels import LabelMatrix
from batchsift.methods import BaseMethod, Method
from batchsift.methods.adapter import load_or_leave
from batchsift.methods.parts import SamplePart
from batchsift.saved import check_within, tensor_of
from batchsift.selection.observer import Progress
from batchsift.selection.plan import Plan
from batchsift.selection.planner import Planner
from batchsift.selection.saved_plan import check_position
from batchsift.trackers import CourseMeans

_VERSION = 4
_WITHOUT_COURSE = 3  # nothing was remembered for suspects
_WITHOUT_DRAWING = 2  # and every plan was drawn independently
_LARGEST_SEED = 2**4096  # Python writes no number of ten thousand digits, which a seed must be
_KEYS = (
    "version",
    "settings",
    "seed",
    "epoch",
    "position",
    "in_order",
    "probabilities",
    "plan",
    "plan_block_size",
    "plan_drawing",
    "plan_stepwise",
    "counts",
    "skipped_rows",
    "method_state",
    "course",
)


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
    def of(cls, settings: SelectorSettings, planner: Planner, progress: Progress, *, rows: bool = True) -> Self:
        """Return the state of a selector, of all processes together.

        Args:
            settings: Its settings.
            planner: What the epoch was planned from.
            progress: The progress.
            rows: Whether it is to hold the tensors that `PartedState` names.
        """
        method, course = progress.method, progress.course
        plain = _with_plain_state(method)
        of_course = {} if course is None or not rows else course.state_dict()
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
            method_state=method.state_dict() if rows or plain is None else plain.state_without_rows(),
            course=None if course is None else {name: progress.part.joined(one) for name, one in of_course.items()},
        )

    def restore(self, planner: Planner, progress: Progress) -> None:
        """Give planner, method and progress what was saved; the position is the observer's to start from.

        All of it is checked first; the method takes over last of all that may refuse.

        Raises:
            ValueError: Something does not fit, or cannot be. Nothing has changed; the message names the key.
        """
        with _refused():
            planner.check_saved(self.plan, self.probabilities)
            check_position(self.plan, self.position, in_order=self.in_order)
            course = progress.course or _no_course(progress)
            own_course = mapped(self.course, lambda _, value: _own(progress, value))
            if self.course is not None:
                with part("course"):
                    course.check_state(own_course)
            with part("method_state"):
                load_or_leave(progress.method, self.method_state)
        if progress.course is not None:  # of a state that has none, it begins anew
            if self.course is None:
                progress.course = _no_course(progress)
            else:
                progress.course.take_over(own_course)
        planner.take_over(self.plan, self.probabilities, self.seed)
        progress.count_N.copy_(progress.part.own(self.counts))
        progress.skipped_rows = self.skipped_rows

    @classmethod
    def read(cls, state: Any, settings: SelectorSettings, num_samples: int) -> Self:
        """Read what `as_dict` gave; the tensors are copies on the CPU.

        Args:
            state: What to read.
            settings: The settings of the selector that is to take the state over.
            num_samples: N of that selector.

        Raises:
            ValueError: No state, or one of another version, of other labels, another method or other settings; or one
                that lacks something, or holds something of another type. The message names the key.
        """
        if not isinstance(state, Mapping) or not isinstance(state.get("settings"), Mapping):
            raise ValueError(
                f"this is no state of a selector: got {described(state)} without settings, pass what state_dict() gave"
            )
        with _refused():
            state = _as_of_now(state)
            check_keys(state, _KEYS)
            _check_settings(state["settings"], settings)
            probability_N = tensor_of(state, "probabilities", (num_samples,), torch.float64)
            count_N = tensor_of(state, "counts", (num_samples,), torch.int64)
            check_within("counts", count_N, 0, LARGEST)
            return cls(
                settings=settings,
                seed=whole_number(state, "seed", -_LARGEST_SEED, _LARGEST_SEED),
                epoch=whole_number(state, "epoch"),
                position=whole_number(state, "position"),
                in_order=truth(state, "in_order"),
                probabilities=probability_N.cpu().clone(),
                plan=_plan(state, settings),
                counts=count_N,
                skipped_rows=whole_number(state, "skipped_rows"),
                method_state=state["method_state"],
                course=state["course"],
            )


def _no_course(progress: Progress) -> CourseMeans:
    """Return what is remembered for suspects of the samples here before anything is observed; it takes no memory."""
    return CourseMeans(progress.labels.of_rows(progress.part.rows).positive_NL)


def _own(progress: Progress, value: Any) -> Any:
    """Return the rows that belong here of a tensor of all samples; anything else as it is."""
    return progress.part.own(value) if isinstance(value, Tensor) else value


@dataclass(frozen=True, eq=False)
class PartedState:
    """A state, with what is remembered of samples apart: as large as the state, and in parts where processes own them.

    Attributes:
        common: The state without these tensors.
        rows: The tensors, not copied, by their keys joined by dots; and the dimension of the samples in each.
        part: Which samples these are of.
    """

    common: dict[str, Any]
    rows: dict[str, tuple[Tensor, int]]
    part: SamplePart

    @classmethod
    def of(cls, settings: SelectorSettings, planner: Planner, progress: Progress) -> Self:
        """Return the state of a selector; a method with a `state_dict` of its own has it in `common`."""
        common = SelectorState.of(settings, planner, progress, rows=False).as_dict()
        rows = {} if progress.course is None else progress.course.row_tensors()
        named = {f"course.{name}": one for name, one in rows.items()}
        plain = _with_plain_state(progress.method)
        if plain is not None:
            named |= {f"method_state.{name}": one for name, one in plain.row_tensors().items()}
        return cls(common, named, progress.part)


def _with_plain_state(method: Method) -> BaseMethod | None:
    """Return a method whose state is that of `BaseMethod`; None for one with a `state_dict` of its own."""
    is_plain = isinstance(method, BaseMethod) and type(method).state_dict is BaseMethod.state_dict
    return method if isinstance(method, BaseMethod) and is_plain else None


@contextmanager
def _refused() -> Iterator[None]:
    """Say around the reason why a state is refused that nothing happened, and what to do."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"this state cannot be taken over, the selector is as it was: {error}. If it is damaged, load an earlier "
            "one, or begin the training anew"
        ) from error


def _as_of_now(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state of an earlier version in the words of this one.

    Raises:
        ValueError: It is of none that is known.
    """
    check_keys(state, ("version",), others=True)
    before = state["version"]
    if type(before) is not int or before not in (_VERSION, _WITHOUT_COURSE, _WITHOUT_DRAWING):
        raise ValueError(f"the state has version {described(before)}, this batchsift reads {_VERSION}")
    if before == _VERSION:
        return state
    if "course" in state:
        raise ValueError(f"course: a state of version {before} has none")
    state = {**state, "version": _VERSION, "course": None}
    if before == _WITHOUT_DRAWING:
        check_keys(state, ("plan_drawn",), others=True)
        state["settings"] = {**state["settings"], "drawing": "independent"}
        state["plan_drawing"] = "independent" if truth(state, "plan_drawn") else None
        del state["plan_drawn"]
    return state


def _check_settings(saved: Mapping[str, Any], settings: SelectorSettings) -> None:
    """Check that the settings of a state are those of the selector.

    Raises:
        ValueError: One is another, is missing or unknown.
    """
    wanted = dataclasses.asdict(settings)
    with part("settings"):
        check_keys(saved, wanted)
    for name, mine in wanted.items():
        if type(saved[name]) is not type(mine) or saved[name] != mine:
            theirs = described(saved[name])
            raise ValueError(f"the state was saved with {name}={theirs}, this selector has {name}={mine!r}")


def _plan(state: Mapping[str, Any], settings: SelectorSettings) -> Plan:
    """Return the plan of a state.

    Raises:
        ValueError: A part of it is of another type.
    """
    drawing: Drawing | None = state["plan_drawing"]
    if not isinstance(drawing, str | None) or drawing not in (None, "systematic", "independent"):
        raise ValueError(f"plan_drawing: must be 'systematic', 'independent' or None, got {described(drawing)}")
    indices = tensor_of(state, "plan", (None,), torch.int64).cpu().clone()
    if not len(indices):
        raise ValueError("plan: is empty")
    size = whole_number(state, "plan_block_size", 1, settings.batch_size)
    return Plan(indices, size, drawing, truth(state, "plan_stepwise"))
