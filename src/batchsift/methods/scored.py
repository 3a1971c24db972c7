"""Methods that draw by a score of each sample, after a warm-up, under a selection pressure.

Shapes: N samples, L labels, B rows observed together, R consecutive samples.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchsift.functional.chunks import on_one_thread, one_thread_pieces, row_chunks
from batchsift.functional.sampling import (
    pressure_at,
    probabilities_by_maximum,
    probabilities_by_range,
    shuffled_passes,
    uniform,
)
from batchsift.functional.schedule import resolve
from batchsift.messages import count_nouns, warn
from batchsift.methods.base import BaseMethod, observe_valid
from batchsift.trackers import distinct_rows

_STORAGES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(kw_only=True, eq=False)
class ScoredMethod(BaseMethod):
    """A method that draws by scores, after a shuffled warm-up, under a selection pressure.

    Attributes:
        warmup: gamma, the epochs before selection starts: an int, or a float share of the epochs, rounded up.
        pressure: s_0, at least 1: nearly the factor between the best and the worst sample's probability.
        storage: The torch dtype of what is remembered.
        pressure_falls: Whether the pressure falls over the epochs, which must then be known.
        skips_rows: Whether `remember` takes a third argument, the rows that are valid. If not, the valid rows are
            picked for it, which waits for a device.
        warmup_epochs: The epochs of the warm-up.
        observed: Whether anything was observed.
    """

    pressure_falls: ClassVar[bool] = True
    skips_rows: ClassVar[bool] = False
    flags: ClassVar[tuple[str, ...]] = ("observed",)
    warmup: float = 0.1
    pressure: float = 8.0
    storage: torch.dtype = torch.float32
    warmup_epochs: int = field(init=False, repr=False, default=0)
    observed: bool = field(init=False, repr=False, default=False)

    @property
    def awaits_observations(self) -> bool:
        """Whether nothing was observed yet."""
        return not self.observed

    def __post_init__(self) -> None:
        if not 1 <= self.pressure < float("inf"):
            raise ValueError(f"pressure={self.pressure} must be a finite number of at least 1 (1 is uniform)")
        if self.storage not in _STORAGES:
            raise ValueError(
                f"storage={self.storage!r} must be a floating dtype such as torch.float32: one of "
                f"{', '.join(map(str, _STORAGES))}"
            )
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
            warn(
                f"{type(self).__name__} would never select: its warm-up "
                f"({count_nouns(self.warmup_epochs, 'epoch')}) is not shorter "
                f"than the training ({epochs}); lower warmup"
            )

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Remember what was predicted; a sample that occurs twice counts twice, in order."""
        for rows in distinct_rows(indices_B):
            self.observe_distinct(indices_B.index_select(0, rows), logits_BL.index_select(0, rows))

    def observe_distinct(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Remember what was predicted for samples that are all different; see `CompleteMethod.observe_distinct`."""
        if valid_B is not None and not self.skips_rows:
            observe_valid(self.observe_distinct, indices_B, logits_BL, valid_B)
            return
        device = self.labels.positive_NL.device
        belonging = (indices_B,) if valid_B is None else (indices_B, valid_B)
        for logits_RL, *belonging_R in one_thread_pieces(logits_BL, *belonging):
            self.remember(belonging_R[0], self._computable(logits_RL).to(device), *belonging_R[1:])
        self.observed = True

    def _computable(self, logits_RL: Tensor) -> Tensor:
        """Return logits in the dtype `compute`; what is finite in their own dtype stays finite, and sums of it do."""
        largest = torch.finfo(torch.float32).max
        if largest < torch.finfo(logits_RL.dtype).max:
            logits_RL = logits_RL.clamp(-largest, largest)
        return logits_RL.to(self.compute)

    def remember(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Store the predictions of different samples.

        Args:
            indices_B: int64.
            logits_BL: Finite, in the dtype `compute`, on the device of the labels. With `skips_rows` a third argument
                says which rows are valid (boolean, or None for all), and the others may hold anything finite.
        """
        raise NotImplementedError

    def signals_of(self, rows: slice) -> dict[str, Tensor]:
        """Return the signals of consecutive samples, `(R, L)` each; 0 in cells that are not labelled. Here none."""
        return {}

    @on_one_thread
    def signals(self) -> dict[str, Tensor]:
        """Return what `signals_of` says of each sample, `(N, L)` each."""
        y = self.labels.positive_NL
        whole: dict[str, Tensor] = {}
        for rows in self.row_chunks():
            for name, signal_RL in self.signals_of(rows).items():
                if name not in whole:
                    whole[name] = torch.empty(y.shape, dtype=signal_RL.dtype, device=y.device)
                whole[name][rows] = signal_RL
        return self.joined_signals(whole)

    def joined_signals(self, signals: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return signals of the samples that are remembered here together with those of the other processes."""
        if not signals and len(self.labels.positive_NL) == 0:  # a process that owns nothing says what others have, too
            signals = self.signals_of(slice(0, 0))
        return {name: self.part.joined(signal_RL) for name, signal_RL in signals.items()}

    def signal_chunks(self) -> Iterator[tuple[slice, dict[str, Tensor]]]:
        """Yield the signals of consecutive samples, so that nothing as large as the state is made."""
        if type(self).signals is not ScoredMethod.signals:  # a subclass has its own, of all samples at once
            yield from super().signal_chunks()
            return
        for rows in self.row_chunks():
            yield rows, self.signals_of(rows)
        if not len(self.labels.positive_NL):  # a process that owns no sample has sums of signals, too
            yield slice(0, 0), self.signals_of(slice(0, 0))

    def row_chunks(self) -> Iterator[slice]:
        """Yield the slices of samples that a pass over the state takes one after the other."""
        y = self.labels.positive_NL
        return row_chunks(y.shape, y.device)

    def summed(self, name: str) -> Tensor:
        """Return a signal's sum over the labels, `(N,)` float64 on the CPU."""
        sum_N = torch.empty(self.labels.num_samples, dtype=torch.float64, device="cpu")
        for rows in self.row_chunks():
            sum_N[rows] = self.signals_of(rows)[name].sum(1, dtype=torch.float64)
        return self.part.joined(sum_N)

    def plan(self, epoch: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor | None:
        """Return shuffled passes in the warm-up; after it None: drawn from the probabilities."""
        if self.warming_up(epoch):
            return shuffled_passes(self.part.num_samples, batch_size, num_batches, generator)
        return None

    def warming_up(self, epoch: int) -> bool:
        """Return whether selection has not started."""
        return epoch < self.warmup_epochs

    def selecting(self, epoch: int) -> bool:
        """Return whether there is anything to select by: the warm-up is over and something was observed."""
        return self.observed and not self.warming_up(epoch)

    def selected(self, name: str, select: Callable[[Tensor, int], Tensor], epoch: int) -> Tensor:
        """Return probabilities by one of the scores, which are not computed where there is nothing to select by."""
        return select(self.scores()[name], epoch) if self.selecting(epoch) else uniform(self.part.num_samples)

    def select_by_range(self, score_N: Tensor, epoch: int) -> Tensor:
        """Return probabilities in min-max form, under the falling pressure; uniform with nothing to select by."""
        if not self.selecting(epoch) or self.epochs is None:
            return uniform(len(score_N))
        pressure = pressure_at(epoch, self.pressure, self.warmup_epochs, self.epochs)
        return probabilities_by_range(score_N, pressure, 1e-12 if self.storage == torch.float64 else 1e-6)

    def select_by_maximum(self, score_N: Tensor, epoch: int) -> Tensor:
        """Return probabilities in max form, under the constant pressure; uniform with nothing to select by."""
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
        """Return the signals, of all samples or of consecutive ones, with 0 in the cells that are not labelled."""
        return {name: self.labels.masked(signal_RL, rows) for name, signal_RL in signals.items()}
