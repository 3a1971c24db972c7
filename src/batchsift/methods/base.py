"""What a batch-selection method is, and the bookkeeping that methods share.

`Method` is all that the selector asks for. `BaseMethod` and `ScoredMethod` hold what every method would otherwise
repeat: labels, schedule, warm-up, saved state. A method of your own may use them or not.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread, row_chunks
from batchsift.functional.sampling import (
    pressure_at,
    probabilities_by_maximum,
    probabilities_by_range,
    shuffled_passes,
    uniform,
)
from batchsift.functional.schedule import resolve
from batchsift.labels import LabelMatrix
from batchsift.trackers import Tracker, distinct_rows


@runtime_checkable
class Method(Protocol):
    """A batch-selection method: it remembers what it is shown and says how likely each sample should be drawn.

    N samples, L labels, B rows observed together.
    """

    @property
    def name(self) -> str:
        """The name it is registered under, or any other."""

    def setup(self, labels: Tensor, epochs: int | None, features: Any) -> None:
        """Called once, before anything else; again, it raises.

        Args:
            labels: `(N, L)` uint8 of 0 and 1, or float32 with NaN for cells that are not labelled. Its device is where
                the method keeps its state.
            epochs: The number of epochs of the whole training, or None if not known.
            features: `(N, D)` or None.
        """

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """What the model predicted (finite, detached, any float dtype); a sample in it twice counts twice, in order."""

    def probabilities(self, epoch: int) -> Tensor:
        """`(N,)` float64 on the CPU, summing to 1. Pure in what was observed and `epoch`; uniform in the warm-up."""

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """A flat tensor of indices for the epoch, in blocks of `batch_size`; None to draw from the probabilities."""

    def signals(self) -> dict[str, Tensor]:
        """`(N, L)` each; 0 in cells that are not labelled."""

    def scores(self) -> dict[str, Tensor]:
        """`(N,)` each; the higher, the likelier."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and strings: a copy, which later observations do not change."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state; raises ValueError if it is not one of this method with these options."""


@dataclass(kw_only=True, eq=False)
class BaseMethod:
    """Labels, saved state, and uniform probabilities. Subclasses are dataclasses whose fields are their options.

    A subclass' `setup` does what can fail before it calls `super().setup()`, which marks the instance as taken.
    """

    name: ClassVar[str]
    labels: LabelMatrix = field(init=False, repr=False)
    epochs: int | None = field(init=False, repr=False, default=None)

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Take the labels and the length of training; see `Method.setup`."""
        if hasattr(self, "labels"):
            raise ValueError(f"this {type(self).__name__} already serves a selector: create another instance")
        self.labels = LabelMatrix.sharing(labels)
        self.epochs = epochs

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Nothing is remembered."""

    def probabilities(self, epoch: int) -> Tensor:
        """Uniform, `(N,)` float64."""
        return uniform(self.labels.num_samples)

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """None: drawn from the probabilities."""
        return None

    def signals(self) -> dict[str, Tensor]:
        """None are kept."""
        return {}

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """The signals of consecutive samples, chunk by chunk; here of all of them at once."""
        yield slice(0, self.labels.num_samples), self.signals()

    def scores(self) -> dict[str, Tensor]:
        """There are none."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """The options in words, and a copy of all trackers and tensors that are not options."""
        memory = self._memory()
        return {
            "options": repr(self),
            "trackers": {name: value.state_dict() for name, value in memory.items() if isinstance(value, Tracker)},
            "tensors": {name: value.cpu().clone() for name, value in memory.items() if isinstance(value, Tensor)},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state; ValueError if it was saved with other options or does not hold all there is."""
        if state["options"] != repr(self):
            raise ValueError(f"the state is of {state['options']}, this selector has {self!r}")
        memory, saved = self._memory(), {**state["trackers"], **state["tensors"]}
        for name, value in memory.items():
            if name not in saved or (isinstance(value, Tensor) and saved[name].shape != value.shape):
                raise ValueError(f"the state does not hold the {name} of this {type(self).__name__}")
        for name, value in memory.items():
            if isinstance(value, Tracker):
                value.load_state_dict(saved[name])
            else:
                value.copy_(saved[name])

    def _memory(self) -> dict[str, Tracker | Tensor]:
        """Trackers and tensors by the names of their attributes; options are not among them."""
        options = {one.name for one in fields(self) if one.init}
        return {k: v for k, v in vars(self).items() if k not in options and isinstance(v, Tracker | Tensor)}


@dataclass(kw_only=True, eq=False)
class ScoredMethod(BaseMethod):
    """A method that draws by scores, after a shuffled warm-up, under a selection pressure.

    Attributes:
        warmup: gamma, the epochs before selection starts: an int, or a float share of the epochs, rounded up.
        pressure: s_0, at least 1: nearly the factor between the best and the worst sample's probability.
        storage: The torch dtype of what is remembered.
    """

    pressure_falls: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = False
    warmup: float = 0.1
    pressure: float = 8.0
    storage: torch.dtype = torch.float32
    warmup_epochs: int = field(init=False, repr=False, default=0)
    observed: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        if not 1 <= self.pressure < float("inf"):
            raise ValueError(f"pressure={self.pressure} must be a finite number of at least 1 (1 is uniform)")
        if not self.storage.is_floating_point:
            raise ValueError(f"storage={self.storage} must be a floating dtype such as torch.float32")
        resolve(self.warmup, 1, "warmup")

    def setup(self, labels: Tensor, epochs: int | None, features: Any = None) -> None:
        """Take the labels and the length of training; see `Method.setup`.

        Raises:
            ValueError: The instance serves a selector already, or `epochs` is None and something depends on it.
        """
        if self.pressure_falls and epochs is None:
            raise ValueError(f"the pressure of {type(self).__name__} falls over the epochs: pass epochs")
        warmup_epochs = resolve(self.warmup, epochs, "warmup")
        super().setup(labels, epochs, features)
        self.warmup_epochs = warmup_epochs
        if epochs is not None and epochs <= self.warmup_epochs:
            warnings.warn(
                f"{type(self).__name__} would never select: its warm-up ({self.warmup_epochs} epochs) is not shorter "
                f"than the training ({epochs}); lower warmup",
                UserWarning,
                stacklevel=4,
            )

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Remember what was predicted; a sample that occurs twice counts twice, in order."""
        for rows in distinct_rows(indices_B):
            self.observe_distinct(indices_B[rows], logits_BL[rows])

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """The same where all samples are known to be different.

        Args:
            indices_B: Which samples.
            logits_BL: What was predicted for them.
            valid_B: Boolean: the other rows are left out; None for all. Only where `skips_rows`.
        """
        largest = torch.finfo(self.compute).max
        if largest < torch.finfo(logits_BL.dtype).max:  # what is finite in the caller's dtype stays finite
            logits_BL = logits_BL.clamp(-largest, largest)
        logits_BL = logits_BL.to(self.labels.positive_NL.device, self.compute)
        if valid_B is None:
            self.remember(indices_B, logits_BL)
        else:
            self.remember(indices_B, logits_BL, valid_B)  # type: ignore[call-arg]
        self.observed = True

    def remember(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Store the predictions of different samples; with `skips_rows` a third argument says which are valid."""
        raise NotImplementedError

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """The signals of consecutive samples, `(R, L)` each; 0 in cells that are not labelled. None are kept here."""
        return {}

    @on_one_thread
    def signals(self) -> dict[str, Tensor]:
        """What `signals_of` says of each sample, `(N, L)` each."""
        y = self.labels.positive_NL
        whole: dict[str, Tensor] = {}
        for rows in self.row_chunks():
            for name, signal_RL in self.signals_of(rows).items():
                if name not in whole:
                    whole[name] = torch.empty(y.shape, dtype=signal_RL.dtype, device=y.device)
                whole[name][rows] = signal_RL
        return whole

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """The signals of consecutive samples, chunk by chunk: nothing as large as the state is made."""
        if type(self).signals is not ScoredMethod.signals:  # a method of one's own that has them as a whole
            yield from super().signal_chunks()
            return
        for rows in self.row_chunks():
            yield rows, self.signals_of(rows)

    def row_chunks(self) -> Iterator[slice]:
        """Slices of the samples that a pass over the state takes one after the other."""
        y = self.labels.positive_NL
        return row_chunks(y.shape, y.device)

    def summed(self, name: str) -> Tensor:
        """A signal's sum over the labels, `(N,)` float64 on the CPU."""
        sum_N = torch.empty(self.labels.num_samples, dtype=torch.float64)
        for rows in self.row_chunks():
            sum_N[rows] = self.signals_of(rows)[name].sum(1, dtype=torch.float64)
        return sum_N

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """Shuffled passes in the warm-up; after it None: drawn from the probabilities."""
        if self.warming_up(epoch):
            return shuffled_passes(self.labels.num_samples, batch_size, num_batches, generator)
        return None

    def warming_up(self, epoch: int) -> bool:
        """Whether selection has not started."""
        return epoch < self.warmup_epochs

    def selecting(self, epoch: int) -> bool:
        """Whether there is anything to select by: the warm-up is over and something was observed."""
        return self.observed and not self.warming_up(epoch)

    def selected(self, name: str, select: Callable[[Tensor, int], Tensor], epoch: int) -> Tensor:
        """Selection by one of the scores; they are not computed where there is nothing to select by."""
        return select(self.scores()[name], epoch) if self.selecting(epoch) else uniform(self.labels.num_samples)

    def select_by_range(self, score_N: Tensor, epoch: int) -> Tensor:
        """Min-max selection under the falling pressure; uniform where there is nothing to select by."""
        if not self.selecting(epoch) or self.epochs is None:
            return uniform(len(score_N))
        pressure = pressure_at(epoch, self.pressure, self.warmup_epochs, self.epochs)
        return probabilities_by_range(score_N, pressure, 1e-12 if self.storage == torch.float64 else 1e-6)

    def select_by_maximum(self, score_N: Tensor, epoch: int) -> Tensor:
        """Max-form selection under the constant pressure; uniform where there is nothing to select by."""
        if not self.selecting(epoch):
            return uniform(len(score_N))
        return probabilities_by_maximum(score_N, self.pressure)

    @property
    def compute(self) -> torch.dtype:
        """The dtype of arithmetic: float64 for float64 storage, else float32."""
        return torch.float64 if self.storage == torch.float64 else torch.float32

    @property
    def eps(self) -> float:
        """The resolution of the storage type: how near to 0 and 1 a stored probability is trusted."""
        return torch.finfo(self.storage).eps

    def masked(self, rows: slice = slice(None), /, **signals: Tensor) -> dict[str, Tensor]:
        """The signals, of all samples or of consecutive ones, with 0 in the cells that are not labelled."""
        return {name: self.labels.masked(signal_RL, rows) for name, signal_RL in signals.items()}

    def state_dict(self) -> dict[str, Any]:
        """The options in words, a copy of all trackers, and whether anything was observed."""
        return {**super().state_dict(), "observed": self.observed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state; ValueError if it was saved with other options."""
        super().load_state_dict(state)
        self.observed = state["observed"]
