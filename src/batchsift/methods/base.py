"""What a batch-selection method is, and the bookkeeping that methods share.

`Method` is what a method of your own must have. `CompleteMethod` is all that the selector may ask: `BaseMethod` has it,
and `adapter.completed` supplies to any other method what is missing.

Shapes: N samples, L labels, B rows observed together, R consecutive samples.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from batchsift.entries import check_keys, mapped, part, put, truth
from batchsift.functional.sampling import uniform
from batchsift.labels import LabelMatrix
from batchsift.methods.parts import SamplePart
from batchsift.saved import Tracker, tensor_of


@runtime_checkable
class Method(Protocol):
    """A batch-selection method: it remembers what it is shown and says how likely each sample should be drawn."""

    @property
    def name(self) -> str:
        """The name it is registered under, or any other."""

    def setup(self, labels: Tensor, epochs: int | None, features: Any) -> None:
        """Get ready to serve a selector: called once, before anything else; again, it raises.

        Args:
            labels: `(N, L)` uint8 of 0 and 1, or float32 with NaN for cells that are not labelled. Its device is where
                the method keeps its state.
            epochs: The number of epochs of the whole training, or None if not known.
            features: `(N, D)` or None.

        Raises:
            ValueError: The instance serves a selector already, or something does not fit.
        """

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Take in what the model predicted.

        Args:
            indices_B: int64. A sample that occurs twice counts twice, in order.
            logits_BL: Finite, detached, of any floating dtype.
        """

    def probabilities(self, epoch: int) -> Tensor:
        """Return how likely each sample is drawn: pure in what was observed and `epoch`; uniform in the warm-up.

        Returns:
            `(N,)` float64 on the CPU, not negative, summing to 1.
        """

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """Return an order of the method's own for the epoch, or None to draw from the probabilities.

        A method whose `plan` has further parameters of these names is given them too:

        - `probabilities`: `(N,)` float64 on the CPU, what `probabilities` said of the epoch;
        - `length`: how many indices the epoch has room for, at most `num_batches * batch_size`.

        Returns:
            A flat tensor of indices in blocks of `batch_size` without a repeat in any block, at least one block. What
            is over is cut off. One of N or more that is too short is followed by shuffled passes; a shorter one makes a
            shorter epoch, its last block cut off or filled up where blocks must be full.
        """

    def signals(self) -> dict[str, Tensor]:
        """Return the signals by name, `(N, L)` each; 0 in cells that are not labelled."""

    def scores(self) -> dict[str, Tensor]:
        """Return the scores by name, `(N,)` each; the higher, the likelier."""

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the state, which later observations do not change: tensors, numbers and strings."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state.

        Raises:
            ValueError: It is not a state of this method with these options.
        """


@runtime_checkable
class CompleteMethod(Method, Protocol):
    """A method with all that the selector may ask of it."""

    @property
    def remembers(self) -> bool:
        """Whether it remembers what it observes. If not, nothing is handed to it where its state is on a device."""

    @property
    def awaits_observations(self) -> bool:
        """Whether it selects by what it observes, and has observed nothing yet."""

    @property
    def refresh(self) -> str:
        """When its probabilities are renewed: "epoch", or "step" for before every block."""

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Take in what the model predicted for samples that are all different.

        Args:
            indices_B: int64.
            logits_BL: Detached, of any floating dtype; finite in the rows that are valid.
            valid_B: Boolean: the other rows are to be left out; None if all are valid.
        """

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Yield consecutive samples and their signals, `(R, L)` each; together these are `signals`."""

    def importance_weights(
        self, probabilities: Tensor, batch_size: int, num_batches: int, length: int
    ) -> Tensor | None:
        """Return the weights that make a mean over an epoch of the method's own order one over all samples.

        They depend on nothing that is observed during the epoch.

        Args:
            probabilities: `(N,)` float64: what `probabilities` said of the epoch.
            batch_size: B.
            num_batches: Blocks in an epoch.
            length: Indices in the epoch's plan.

        Returns:
            `(N,)`, not negative; None for 1 throughout.
        """


@dataclass(kw_only=True, eq=False)
class BaseMethod:
    """Labels, saved state, and uniform probabilities: a `CompleteMethod` that selects by nothing yet.

    Subclasses are dataclasses whose fields are their options. A subclass' `setup` does what can fail before it calls
    `super().setup()`, which marks the instance as taken. A subclass that has no `observe` says `remembers = False`.

    Several processes can each remember a part of the samples only (`batchsift.shard(selector, sharded=True)`) if the
    class itself says `in_parts = True`; to inherit it is not enough. Then `labels`, trackers and the tensors that
    `sample_tensors` names are of the rows that this process owns, `part.num_samples` is the N of all, and `part` puts
    together what the processes know; all of them ask it the same, in the same order.

    Attributes:
        labels: The labels of the samples that are remembered here; of all of them if the method remembers nothing.
        all_labels: The labels of all samples.
        part: Which samples are remembered here: all of them, or those that this process owns.
    """

    name: ClassVar[str]
    paper: ClassVar[str] = ""  # where it was published, for lists of methods
    remembers: ClassVar[bool] = True
    in_parts: ClassVar[bool] = False
    sample_tensors: ClassVar[tuple[str, ...]] = ()  # attributes, tensors whose first dimension is the samples'
    flags: ClassVar[tuple[str, ...]] = ()  # attributes, True or False, that are part of the saved state
    refresh = "epoch"  # without a type, so that it is no option: those are fields
    labels: LabelMatrix = field(init=False, repr=False)
    all_labels: LabelMatrix = field(init=False, repr=False)
    part: SamplePart = field(init=False, repr=False)
    epochs: int | None = field(init=False, repr=False, default=None)

    @property
    def awaits_observations(self) -> bool:
        """False: nothing here depends on what is observed."""
        return False

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Take the labels and the length of training; see `Method.setup`.

        Raises:
            ValueError: The instance serves a selector already.
        """
        if hasattr(self, "labels"):
            raise ValueError(f"this {type(self).__name__} already serves a selector: create another instance")
        self.labels = self.all_labels = LabelMatrix.sharing(labels)
        self.part = SamplePart(self.labels.num_samples)
        self.epochs = epochs

    def keep(self, part: SamplePart) -> None:
        """Remember the samples of a part only, from now on."""
        self.part = part
        if self.remembers:
            self.labels = self.all_labels.of_rows(part.rows)
            for name, value in self._memory().items():
                if isinstance(value, Tracker):
                    value.keep(part.rows)
                elif name in self.sample_tensors:
                    setattr(self, name, value[part.rows].clone())

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Remember nothing."""

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Hand the valid rows to `observe`; see `CompleteMethod.observe_distinct`."""
        observe_valid(self.observe, indices_B, logits_BL, valid_B)

    def probabilities(self, epoch: int) -> Tensor:
        """Return equal probabilities, `(N,)` float64."""
        return uniform(self.part.num_samples)

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """Return None: blocks are drawn from the probabilities."""
        return None

    def importance_weights(
        self, probabilities: Tensor, batch_size: int, num_batches: int, length: int
    ) -> Tensor | None:
        """Return None: an order of its own is taken to treat all samples alike."""
        return None

    def signals(self) -> dict[str, Tensor]:
        """Return no signals."""
        return {}

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Yield the signals of all samples at once."""
        yield slice(0, self.labels.num_samples), self.signals()

    def scores(self) -> dict[str, Tensor]:
        """Return no scores."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return the options in words, and a copy of all trackers, tensors and flags that are not options."""
        state = self.state_without_rows()
        for path, (value, dim) in self.row_tensors().items():
            put(state, path, self.part.joined(value.detach().cpu().clone(), dim))
        return state

    def state_without_rows(self) -> dict[str, Any]:
        """Return what `state_dict` does, without the tensors that `row_tensors` names."""
        memory = self._memory()
        tensors = {k: v for k, v in memory.items() if isinstance(v, Tensor) and k not in self.sample_tensors}
        return {
            "options": repr(self),
            "trackers": {name: {} for name, value in memory.items() if isinstance(value, Tracker)},
            "tensors": {name: value.cpu().clone() for name, value in tensors.items()},
            **{name: getattr(self, name) for name in self.flags},
        }

    def row_tensors(self) -> dict[str, tuple[Tensor, int]]:
        """Return what is remembered of the samples here, not copied, and the dimension of the samples in each.

        The names are the keys, joined by dots, of the tensors in `state_dict`.
        """
        found: dict[str, tuple[Tensor, int]] = {}
        for name, value in self._memory().items():
            if isinstance(value, Tracker):
                found |= {f"trackers.{name}.{key}": one for key, one in value.row_tensors().items()}
            elif name in self.sample_tensors:
                found[f"tensors.{name}"] = (value, 0)
        return found

    def check_state(self, state: Any) -> None:
        """Check that a saved state, of what is remembered here, is one that this method could have come to.

        A subclass that keeps tensors says here what they may hold. One with a `state_dict` of its own may save more.

        Raises:
            ValueError: It was saved with other options, or does not hold what it should; the message names the key.
        """
        has_own = type(self).state_dict is not BaseMethod.state_dict
        check_keys(state, ("options", "trackers", "tensors", *self.flags), others=has_own)
        if state["options"] != repr(self):
            raise ValueError(f"options: the state is of {state['options']}, this selector has {self!r}")
        memory = self._memory()
        with part("trackers"):
            trackers = {name: value for name, value in memory.items() if isinstance(value, Tracker)}
            check_keys(state["trackers"], trackers)
            for name, tracker in trackers.items():
                with part(name):
                    tracker.check_state(state["trackers"][name])
        with part("tensors"):
            tensors = {name: value for name, value in memory.items() if isinstance(value, Tensor)}
            check_keys(state["tensors"], tensors)
            for name, tensor in tensors.items():
                tensor_of(state["tensors"], name, tensor.shape, tensor.dtype)
        for name in self.flags:
            truth(state, name)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state, of all samples or of those that are remembered here.

        Raises:
            ValueError: See `check_state`; nothing has changed.
        """
        dims = {path: dim for path, (_, dim) in self.row_tensors().items()}
        state = mapped(
            state,
            lambda path, value: (
                self.part.own(value, dims[path]) if path in dims and isinstance(value, Tensor) else value
            ),
        )
        self.check_state(state)
        for name, value in self._memory().items():
            if isinstance(value, Tracker):
                value.take_over(state["trackers"][name])
            else:
                value.copy_(state["tensors"][name])
        for name in self.flags:
            setattr(self, name, state[name])

    def _memory(self) -> dict[str, Tracker | Tensor]:
        """Return trackers and tensors by the names of their attributes; options are not among them."""
        options = {one.name for one in fields(self) if one.init}
        return {k: v for k, v in vars(self).items() if k not in options and isinstance(v, Tracker | Tensor)}


def observe_valid(
    observe: Callable[[Tensor, Tensor], None], indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None
) -> None:
    """Call an `observe` that knows no mask with the valid rows, if there are any (which waits for a device)."""
    if valid_B is not None:
        indices_B, logits_BL = indices_B[valid_B], logits_BL[valid_B]
    if len(indices_B):
        observe(indices_B, logits_BL)
