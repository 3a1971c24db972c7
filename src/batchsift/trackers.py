"""What is remembered of every sample and label while training goes on.

Shapes: N samples, L labels, B rows observed together, R consecutive rows of the state, T window. A tracker stores and
reads back; the formulas are in `functional`. The rows of one `update` must be of different samples (`distinct_rows`
splits others). Reading takes a slice of the samples: the whole state is never turned into another type at once.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from batchsift.functional.chunks import one_thread_pieces
from batchsift.functional.suspicion import CLIP, observation_shares
from batchsift.saved import Tracker as Tracker  # noqa: PLC0414 -- looked for here
from batchsift.saved import alike, check_rows, check_within

ALL = slice(None)
_MOST_OBSERVATIONS = 4096  # of a sample: what comes after them counts as much as the last of them


def distinct_rows(indices_B: Tensor) -> Iterator[Tensor]:
    """Yield the positions of rows in pieces without a repeated sample: first occurrences, then second ones, and so on.

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


def on_host(tensor: Tensor) -> bool:
    """Return whether a tensor's values can be looked at without waiting for a device."""
    return tensor.device.type == "cpu"


def bookkeeping(integers: Tensor) -> Any:
    """Return integers for arithmetic: on the CPU as an array, whose arithmetic costs a quarter of a tensor's."""
    return integers.numpy() if on_host(integers) else integers


def write_rows(target_ML: Tensor, rows_B: Any, values_BL: Tensor, valid_B: Tensor | None = None) -> None:
    """Replace different rows of a matrix, values being rounded to its type.

    On a CPU a row is copied in one piece, as NumPy does with elements of any size: that costs half of `index_copy_`.

    Args:
        target_ML: Contiguous.
        rows_B: Which rows, all different: as `bookkeeping` gives them.
        values_BL: What they become.
        valid_B: Boolean: the other rows stay as they are; None for all. (Nothing waits for the device to know them.)
    """
    values_BL = values_BL.to(target_ML.dtype)
    if valid_B is not None:
        values_BL = values_BL.where(
            valid_B[:, None], target_ML.index_select(0, torch.as_tensor(rows_B, device=target_ML.device))
        )
    if on_host(target_ML):
        # Rows are never outside; "clip" spares the copy with which NumPy would be able to go back.
        np.put(_whole_rows(target_ML), rows_B, _whole_rows(values_BL.contiguous()), mode="clip")
    else:
        target_ML.index_copy_(0, rows_B, values_BL)


def _whole_rows(matrix: Tensor) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return a view of a contiguous matrix, one element a row."""
    plain = matrix.view(torch.int16) if matrix.dtype == torch.bfloat16 else matrix  # of which NumPy knows nothing
    return plain.numpy().view(f"V{matrix.shape[1] * matrix.element_size()}")


def count_rows(count_N: Tensor, indices_B: Tensor, valid_B: Tensor | None = None) -> Any:
    """Count an observation of different samples, and return how many each had before, as `bookkeeping` gives them."""
    count, indices = bookkeeping(count_N), bookkeeping(indices_B)
    before_B = count[indices]
    count[indices] = before_B + (1 if valid_B is None else bookkeeping(valid_B))
    return before_B


class RecentSteps(Tracker):
    """The latest prediction of every cell, and how far each of the last T predictions was from the one before.

    As large as the last T predictions themselves, but the end of an epoch reads the fluctuation as a plain sum: nothing
    needs to know where in the window a sample stands. A sample's window is over its own observations.

    Attributes:
        latest_NL: The newest probability in the storage type; 1/2 where nothing was observed yet.
        steps_SNL: `|p(t) - p(t-1)|` of the last S = T - 1 steps in a ring; 0 where there was none yet.
        count_N: How often each sample was observed.
    """

    sample_dims: ClassVar[Mapping[str, int]] = {"steps_SNL": 1}

    def __init__(self, labels_NL: Tensor, window: int, storage: torch.dtype) -> None:
        """Start with nothing observed, in the shape and on the device of the labels."""
        device = labels_NL.device
        self.latest_NL = alike(0.5, labels_NL.shape, storage, device)
        self.steps_SNL = alike(0.0, (window - 1, *labels_NL.shape), storage, device)
        self.count_N = alike(0, labels_NL.shape[:1], torch.int64, device)

    def _check_values(self, state: dict[str, Tensor]) -> None:
        for name in ("latest_NL", "steps_SNL"):
            check_within(name, state[name], 0, 1)
        check_rows("latest_NL", state["latest_NL"], state["count_N"] == 0, 0.5)
        for slot, steps_NL in enumerate(state["steps_SNL"]):
            check_rows("steps_SNL", steps_NL, state["count_N"] <= slot + 1, 0.0)

    def update(self, indices_B: Tensor, probs_BL: Tensor, valid_B: Tensor | None = None) -> Tensor:
        """Append one prediction of different samples.

        Args:
            indices_B: The samples.
            probs_BL: Predictions for them, rounded to the storage type already.
            valid_B: Boolean: the other rows are left out; None for all.

        Returns:
            `|p(t) - p(t-1)|`, in the type of the predictions; 0 for a first observation.
        """
        self.begin()
        before_B, rows_B = count_rows(self.count_N, indices_B, valid_B), bookkeeping(indices_B)
        previous_BL = self.latest_NL.index_select(0, indices_B).to(probs_BL.dtype)
        step_BL = torch.sub(probs_BL, previous_BL, out=previous_BL).abs_()
        if not on_host(self.count_N) or not before_B.all():
            step_BL.mul_(torch.as_tensor(before_B > 0, device=step_BL.device)[:, None])
        write_rows(self.latest_NL, rows_B, probs_BL, valid_B)
        num_steps, num_samples, num_labels = self.steps_SNL.shape
        if num_steps:
            slot_B = (before_B - 1) % num_steps * num_samples + rows_B
            write_rows(self.steps_SNL.view(-1, num_labels), slot_B, step_BL, valid_B)
        return step_BL

    def fluctuation(self, dtype: torch.dtype, rows: slice = ALL) -> Tensor:
        """Return d, the mean absolute difference of successive predictions: `(R, L)` in [0, 1]; 0 with one or none."""
        if not len(self.steps_SNL):
            return torch.zeros_like(self.latest_NL[rows], dtype=dtype)
        first_RL, *others = self.steps_SNL[:, rows].unbind()
        total_RL = first_RL.to(dtype, copy=True)
        for steps_RL in others:
            total_RL += steps_RL
        number_of_steps = len(self.steps_SNL)
        count_R = self.count_N[rows]
        if (count_R > number_of_steps).all():  # all windows are full
            return total_RL.div_(number_of_steps)
        return total_RL.div_((count_R - 1).clamp_(1, number_of_steps).to(dtype)[:, None])


class PredictionWindow(Tracker):
    """The last T predicted probabilities of every sample, in a ring: the window is over a sample's own observations.

    Attributes:
        ring_TNL: Probabilities in the storage type; 1/2 where nothing was observed yet.
        count_N: How often each sample was observed (the newest stands in slot `(count - 1) % T`).
    """

    sample_dims: ClassVar[Mapping[str, int]] = {"ring_TNL": 1}

    def __init__(self, labels_NL: Tensor, window: int, storage: torch.dtype) -> None:
        """Start with empty windows, of the shape and on the device of the labels."""
        device = labels_NL.device
        self.ring_TNL = alike(0.5, (window, *labels_NL.shape), storage, device)
        self.count_N = alike(0, labels_NL.shape[:1], torch.int64, device)

    def _check_values(self, state: dict[str, Tensor]) -> None:
        check_within("ring_TNL", state["ring_TNL"], 0, 1)
        for slot, values_NL in enumerate(state["ring_TNL"]):
            check_rows("ring_TNL", values_NL, state["count_N"] <= slot, 0.5)

    @property
    def window(self) -> int:
        """T, the predictions that are remembered."""
        return self.ring_TNL.shape[0]

    @property
    def size_N(self) -> Tensor:  # noqa: N802
        """How many predictions are in each sample's window."""
        return self.count_N.clamp(max=self.window)

    def update(self, indices_B: Tensor, probs_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Append one prediction to the windows of different samples; the rows that are not valid are left out."""
        self.begin()
        slot_B = count_rows(self.count_N, indices_B, valid_B) % self.window
        row_B = slot_B * self.ring_TNL.shape[1] + bookkeeping(indices_B)
        write_rows(self.ring_TNL.view(-1, self.ring_TNL.shape[2]), row_B, probs_BL, valid_B)

    def share_above(self, threshold: float, dtype: torch.dtype, rows: slice = ALL) -> Tensor:
        """Return the share of the predictions in the window above a threshold, `(R, L)`; 0 where there is none."""
        count_R = self.count_N[rows]
        total_RL = torch.zeros_like(self.ring_TNL[0, rows], dtype=torch.int32)
        for slot, values_NL in enumerate(self.ring_TNL):
            total_RL += (values_NL[rows] > threshold).logical_and_((slot < count_R)[:, None])
        return total_RL.to(dtype).div_(count_R.clamp(1, self.window).to(dtype)[:, None])

    def variance(self, dtype: torch.dtype, rows: slice = ALL) -> Tensor:
        """Return the sample variance (ddof 1) of the predictions in the window, `(R, L)`; 0 with fewer than two."""
        size_R = self.size_N[rows]
        filled_TR1 = (torch.arange(self.window, device=size_R.device)[:, None] < size_R)[:, :, None]
        # Less one of them, so that predictions that are all equal have exactly no variance.
        shifted_TRL = (self.ring_TNL[:, rows].to(dtype) - self.ring_TNL[0, rows].to(dtype)).where(filled_TR1, 0.0)
        mean_RL = shifted_TRL.sum(0) / size_R.clamp(min=1)[:, None]
        squares_RL = (shifted_TRL - mean_RL).where(filled_TR1, 0.0).square_().sum(0)
        return squares_RL / (size_R - 1).clamp(min=1)[:, None]


class RunningMoments(Tracker):
    """Mean and variance of everything that was observed of each cell (Welford's updates).

    Attributes:
        count_N: How often each sample was observed.
        mean_NL: The mean so far.
        squares_NL: The sum of squared deviations from the mean so far.
    """

    def __init__(
        self, labels_NL: Tensor, storage: torch.dtype, *, bounds: tuple[float, float] = (-math.inf, math.inf)
    ) -> None:
        """Start with nothing observed, in the shape and on the device of the labels; `bounds` hold all values."""
        # A sum stands still when what is added falls below its resolution: in half precision after some hundred times.
        storage, device = torch.promote_types(storage, torch.float32), labels_NL.device
        self.count_N = alike(0, labels_NL.shape[:1], torch.int64, device)
        self.mean_NL = alike(0.0, labels_NL.shape, storage, device)
        self.squares_NL = alike(0.0, labels_NL.shape, storage, device)
        self._bounds = bounds

    def check_state(self, state: Any) -> None:
        """See `Tracker.check_state`; of earlier versions the moments may be in half precision."""
        half = torch.float16, torch.bfloat16
        if isinstance(state, Mapping):
            state = {k: v.float() if isinstance(v, Tensor) and v.dtype in half else v for k, v in state.items()}
        super().check_state(state)

    def _check_values(self, state: dict[str, Tensor]) -> None:
        (lowest, highest), count_N = self._bounds, state["count_N"]
        most = int(count_N.max()) if len(count_N) else 0
        check_within("mean_NL", state["mean_NL"], min(lowest, 0.0), max(highest, 0.0))  # 0 of what was never observed
        check_within("squares_NL", state["squares_NL"], 0, (highest - lowest) ** 2 * most)
        for name in ("mean_NL", "squares_NL"):
            check_rows(name, state[name], count_N == 0, 0.0)

    @property
    def size_N(self) -> Tensor:  # noqa: N802
        """How many observations count for each sample: all of them."""
        return self.count_N

    def update(self, indices_B: Tensor, values_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Take in one value for each cell of different samples; the rows that are not valid are left out."""
        self.begin()
        count_B = torch.as_tensor(count_rows(self.count_N, indices_B, valid_B), device=self.count_N.device) + 1
        mean_BL = self.mean_NL.index_select(0, indices_B).to(values_BL.dtype)
        before_BL = values_BL - mean_BL
        mean_BL = mean_BL + before_BL / count_B[:, None]
        squares_BL = self.squares_NL.index_select(0, indices_B).to(values_BL.dtype)
        squares_BL = squares_BL + before_BL * (values_BL - mean_BL)
        write_rows(self.mean_NL, bookkeeping(indices_B), mean_BL, valid_B)
        write_rows(self.squares_NL, bookkeeping(indices_B), squares_BL, valid_B)

    def variance(self, dtype: torch.dtype, rows: slice = ALL) -> Tensor:
        """Return the sample variance (ddof 1), `(R, L)`; 0 with fewer than two observations."""
        return self.squares_NL[rows].to(dtype) / (self.count_N[rows] - 1).clamp(min=1)[:, None]


class LatestValue(Tracker):
    """One number for each cell, replaced whenever the sample is observed."""

    def __init__(
        self, labels_NL: Tensor, initial: float, storage: torch.dtype, *, bounds: tuple[float, float] | None = None
    ) -> None:
        """Start with `initial` everywhere, in the shape and on the device of the labels.

        Args:
            labels_NL: The labels.
            initial: Of what was never observed; it may be NaN.
            storage: The type of the values.
            bounds: What all values lie between; None: a saved state may hold anything.
        """
        self.value_NL = alike(initial, labels_NL.shape, storage, labels_NL.device)
        self._initial, self._bounds = initial, bounds

    def _check_values(self, state: dict[str, Tensor]) -> None:
        if self._bounds is not None:
            value_NL = state["value_NL"]
            if math.isnan(self._initial):
                value_NL = value_NL.nan_to_num(nan=self._bounds[0], posinf=math.inf, neginf=-math.inf)
            check_within("value_NL", value_NL, *self._bounds)

    def update(self, indices_B: Tensor, values_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Replace the values of different samples; what the storage type cannot hold becomes its largest number."""
        self.begin()
        largest = torch.finfo(self.value_NL.dtype).max
        if largest < torch.finfo(values_BL.dtype).max:
            values_BL = values_BL.clamp(-largest, largest)
        write_rows(self.value_NL, bookkeeping(indices_B), values_BL, valid_B)


class CourseMeans(Tracker):
    """The means of what was predicted for each cell over a sample's observations, in float32.

    Attributes:
        count_N: How often each sample was observed.
        means_N2L: The mean logit, weighted as `functional.suspicion` says, and the mean probability: side by side, so
            that a row is read and written in one piece.
    """

    def __init__(self, labels_NL: Tensor) -> None:
        """Start with nothing observed, in the shape and on the device of the labels."""
        (num_samples, num_labels), device = labels_NL.shape, labels_NL.device
        self.count_N = alike(0, (num_samples,), torch.int64, device)
        self.means_N2L = alike(0.0, (num_samples, 2, num_labels), torch.float32, device)
        before_T = torch.arange(_MOST_OBSERVATIONS, dtype=torch.float64, device="cpu")
        self._share_T2 = observation_shares(before_T).to(device, torch.float32)

    def _check_values(self, state: dict[str, Tensor]) -> None:
        logit_NL, prob_NL = state["means_N2L"].unbind(1)
        check_within("means_N2L", logit_NL, -CLIP, CLIP)
        check_within("means_N2L", prob_NL, 0, 1)
        check_rows("means_N2L", state["means_N2L"].flatten(1), state["count_N"] == 0, 0.0)

    def observe(self, indices_B: Tensor, logits_BL: Tensor) -> None:
        """Take in logits, on any device; a sample that occurs twice counts twice, in order."""
        for rows in distinct_rows(indices_B):
            self.update(indices_B.index_select(0, rows), logits_BL.index_select(0, rows))

    def update(self, indices_B: Tensor, logits_BL: Tensor, valid_B: Tensor | None = None) -> None:
        """Take in logits of different samples, of any floating dtype; the rows that are not valid are left out."""
        device = self.means_N2L.device
        belonging = (indices_B,) if valid_B is None else (indices_B, valid_B)
        for logits_RL, *belonging_R in one_thread_pieces(logits_BL, *belonging):
            self._update(logits_RL.to(device, torch.float32), *belonging_R)

    def _update(self, logits_BL: Tensor, indices_B: Tensor, valid_B: Tensor | None = None) -> None:
        self.begin()
        before_B = count_rows(self.count_N, indices_B, valid_B)
        if on_host(self.count_N):
            share_B2 = torch.from_numpy(self._share_T2.numpy().take(before_B, axis=0, mode="clip"))
        else:
            share_B2 = self._share_T2[before_B.clamp(max=_MOST_OBSERVATIONS - 1)]
        new_2BL = torch.empty(2, *logits_BL.shape, dtype=torch.float32, device=logits_BL.device)
        clipped_BL, probs_BL = new_2BL.unbind()
        torch.clamp(logits_BL, -CLIP, CLIP, out=clipped_BL)
        torch.sigmoid(logits_BL, out=probs_BL)
        mean_B2L = self.means_N2L.index_select(0, indices_B)
        mean_B2L.lerp_(new_2BL.transpose(0, 1), share_B2[:, :, None])
        write_rows(self.means_N2L.flatten(1), bookkeeping(indices_B), mean_B2L.flatten(1), valid_B)
