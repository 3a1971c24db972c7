"""What is remembered of every sample and label while training goes on.

Shapes: N samples, L labels, B rows observed together, T window. A tracker stores and reads back; the formulas are in
`functional`. The rows of one `update` must be of different samples (`distinct_rows` splits others).
"""

from collections.abc import Iterator

import torch
from torch import Tensor


def distinct_rows(indices_B: Tensor) -> Iterator[Tensor]:
    """Positions of the rows, in pieces without a repeated sample: first occurrences, then second ones, and so on.

    >>> [piece.tolist() for piece in distinct_rows(torch.tensor([7, 3, 7]))]
    [[0, 1], [2]]
    """
    positions_B = torch.arange(len(indices_B), device=indices_B.device)
    value_B, order_B = indices_B.sort(stable=True)
    is_start_B = torch.ones_like(value_B, dtype=torch.bool)
    is_start_B[1:] = value_B[1:] != value_B[:-1]
    start_B = torch.where(is_start_B, positions_B, 0).cummax(0).values
    occurrence_B = torch.empty_like(order_B).scatter_(0, order_B, positions_B - start_B)
    for occurrence in range(int(occurrence_B.max()) + 1 if len(indices_B) else 0):
        yield (occurrence_B == occurrence).nonzero()[:, 0]


class Tracker:
    """Tensors of one kind of memory, saved and restored together."""

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of the tensors: what is observed later does not change a saved state."""
        return {name: value.detach().cpu().clone() for name, value in self._tensors().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a saved state.

        Raises:
            ValueError: The state is of another kind, shape or storage type.
        """
        own = self._tensors()
        for name in own.keys() | state.keys():
            mine, saved = own.get(name), state.get(name)
            if mine is None or saved is None or mine.shape != saved.shape or mine.dtype != saved.dtype:
                have, want = (t if t is None else f"{tuple(t.shape)} {t.dtype}" for t in (saved, mine))
                raise ValueError(f"{type(self).__name__}.{name}: the state holds {have}, this selector needs {want}")
        for name, value in own.items():
            value.copy_(state[name])


class PredictionWindow(Tracker):
    """The last T predicted probabilities of every sample, in a ring: the window is over a sample's own observations.

    Attributes:
        ring_TNL: Probabilities in the storage type; 1/2 where nothing was observed yet.
        count_N: How often each sample was observed (the newest stands in slot `(count - 1) % T`).
    """

    def __init__(self, labels_NL: Tensor, window: int, storage: torch.dtype) -> None:
        """Empty windows, of the shape and on the device of the labels."""
        device = labels_NL.device
        self.ring_TNL = torch.full((window, *labels_NL.shape), 0.5, dtype=storage, device=device)
        self.count_N = torch.zeros(len(labels_NL), dtype=torch.int64, device=device)

    @property
    def window(self) -> int:
        """T."""
        return self.ring_TNL.shape[0]

    @property
    def size_N(self) -> Tensor:  # noqa: N802
        """How many predictions are in each sample's window."""
        return self.count_N.clamp(max=self.window)

    def update(self, indices_B: Tensor, probs_BL: Tensor) -> None:
        """Append one prediction to the windows of different samples."""
        slot_B = self.count_N[indices_B] % self.window
        self._rows().index_copy_(0, self._row(slot_B, indices_B), probs_BL.to(self.ring_TNL.dtype))
        self.count_N[indices_B] += 1

    def latest(self, indices_B: Tensor | None = None) -> Tensor:
        """The newest prediction of the given samples, or of all; 1/2 where there is none."""
        if indices_B is None:
            indices_B = torch.arange(len(self.count_N), device=self.count_N.device)
        slot_B = (self.count_N[indices_B] - 1) % self.window
        return self._rows().index_select(0, self._row(slot_B, indices_B))

    def change(self, indices_B: Tensor, probs_BL: Tensor) -> Tensor:
        """`|p(t) - p(t-1)|` that appending `probs_BL` would make; 0 for a first observation."""
        step_BL = (probs_BL - self.latest(indices_B).to(probs_BL.dtype)).abs()
        return step_BL.where(self.count_N[indices_B, None] > 0, 0.0)

    def fluctuation(self, dtype: torch.dtype) -> Tensor:
        """Mean absolute difference of successive predictions, d: `(N, L)` in [0, 1]; 0 with fewer than two."""
        total_NL = torch.zeros(self.ring_TNL.shape[1:], dtype=dtype, device=self.ring_TNL.device)
        oldest_N = torch.where(self.count_N < self.window, 0, self.count_N % self.window)
        for slot in range(self.window):
            follows_N = (oldest_N != slot) & (slot < self.count_N)
            step_NL = (self.ring_TNL[slot].to(dtype) - self.ring_TNL[slot - 1].to(dtype)).abs()
            total_NL += step_NL.where(follows_N[:, None], 0.0)
        return total_NL / (self.size_N - 1).clamp(min=1)[:, None]

    def _rows(self) -> Tensor:
        return self.ring_TNL.view(-1, self.ring_TNL.shape[2])

    def _row(self, slot_B: Tensor, indices_B: Tensor) -> Tensor:
        return slot_B * self.ring_TNL.shape[1] + indices_B

    def share_above(self, threshold: float, dtype: torch.dtype) -> Tensor:
        """The share of the predictions in the window above a threshold, `(N, L)`; 0 where there is none."""
        total_NL = torch.zeros(self.ring_TNL.shape[1:], dtype=dtype, device=self.ring_TNL.device)
        for slot in range(self.window):
            total_NL += (self.ring_TNL[slot] > threshold) & (slot < self.count_N)[:, None]
        return total_NL / self.size_N.clamp(min=1)[:, None]

    def variance(self, dtype: torch.dtype) -> Tensor:
        """The sample variance (ddof 1) of the predictions in the window, `(N, L)`; 0 with fewer than two."""
        filled_TN1 = (torch.arange(self.window, device=self.count_N.device)[:, None] < self.count_N)[:, :, None]
        size_N1 = self.size_N[:, None]
        # Less one of them, so that predictions that are all equal have exactly no variance.
        shifted_TNL = (self.ring_TNL.to(dtype) - self.ring_TNL[0].to(dtype)).where(filled_TN1, 0.0)
        mean_NL = shifted_TNL.sum(0) / size_N1.clamp(min=1)
        squares_NL = (shifted_TNL - mean_NL).where(filled_TN1, 0.0).square().sum(0)
        return squares_NL / (size_N1 - 1).clamp(min=1)


class RunningMoments(Tracker):
    """Mean and variance of everything that was observed of each cell (Welford's updates).

    Attributes:
        count_N: How often each sample was observed.
        mean_NL: The mean so far.
        squares_NL: The sum of squared deviations from the mean so far.
    """

    def __init__(self, labels_NL: Tensor, storage: torch.dtype) -> None:
        """Nothing observed, in the shape and on the device of the labels."""
        self.count_N = torch.zeros(len(labels_NL), dtype=torch.int64, device=labels_NL.device)
        self.mean_NL = torch.zeros(labels_NL.shape, dtype=storage, device=labels_NL.device)
        self.squares_NL = torch.zeros_like(self.mean_NL)

    @property
    def size_N(self) -> Tensor:  # noqa: N802
        """How many observations count for each sample: all of them."""
        return self.count_N

    def update(self, indices_B: Tensor, values_BL: Tensor) -> None:
        """Take in one value for each cell of different samples."""
        self.count_N[indices_B] += 1
        mean_BL = self.mean_NL[indices_B].to(values_BL.dtype)
        before_BL = values_BL - mean_BL
        mean_BL = mean_BL + before_BL / self.count_N[indices_B, None]
        squares_BL = self.squares_NL[indices_B].to(values_BL.dtype) + before_BL * (values_BL - mean_BL)
        self.mean_NL.index_copy_(0, indices_B, mean_BL.to(self.mean_NL.dtype))
        self.squares_NL.index_copy_(0, indices_B, squares_BL.to(self.squares_NL.dtype))

    def variance(self, dtype: torch.dtype) -> Tensor:
        """The sample variance (ddof 1), `(N, L)`; 0 with fewer than two observations."""
        return self.squares_NL.to(dtype) / (self.count_N - 1).clamp(min=1)[:, None]


class LatestValue(Tracker):
    """One number for each cell, replaced whenever the sample is observed."""

    def __init__(self, labels_NL: Tensor, initial: float, storage: torch.dtype) -> None:
        """`initial` everywhere, in the shape and on the device of the labels."""
        self.value_NL = torch.full(labels_NL.shape, initial, dtype=storage, device=labels_NL.device)

    def update(self, indices_B: Tensor, values_BL: Tensor) -> None:
        """Replace the values of different samples; what the storage type cannot hold becomes its largest number."""
        largest = torch.finfo(self.value_NL.dtype).max
        self.value_NL.index_copy_(0, indices_B, values_BL.clamp(-largest, largest).to(self.value_NL.dtype))
