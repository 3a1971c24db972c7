"""Checks of what a training loop hands in: indices, predictions, targets.

Shapes: N samples, L labels, B rows observed together.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batchsift.functional.chunks import one_thread_pieces
from batchsift.functional.signals import clamp_probabilities
from batchsift.labels import LabelMatrix
from batchsift.matrices import as_matrix, check_form
from batchsift.messages import count_nouns, shown, warn
from batchsift.trackers import on_host

_LOGARITHMS_OF_ONE_THREAD = 2**11  # PyTorch spreads the logarithms of more over its threads, and `logit` of any number
_ENOUGH_CELLS = 32
_WIDE_ENOUGH = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_WIDE = 0.4  # logits of a network that has learned little yet can all be of one sign, but lie closer together
NO_PROBABILITIES = "probabilities must lie in [0, 1]: are these logits? Then leave out probabilities=True"


def as_tensor(values: Any, what: str) -> Tensor:
    """Return a tensor as it is, or anything else as one on the CPU, whatever the default device is.

    Raises:
        TypeError: It makes no tensor, or one without values.
        ValueError: Some of it is masked.
    """
    if isinstance(values, Tensor):
        if values.device.type == "meta" or values.layout is not torch.strided:
            raise TypeError(f"{what} must be a dense tensor with values, got {values.layout} on {values.device}")
        return values
    if np.ma.is_masked(values):
        raise ValueError(f"{what} hold masked cells; expected a value in each")
    try:
        if isinstance(values, np.ndarray) and values.dtype == object:
            values = values.tolist()
        return torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"{what} must be numbers, got {type(values).__name__} {shown(values)}") from error


def feature_matrix(features: Any, num_samples: int) -> Any:
    """Return features as an array or a scipy sparse matrix; a dense tensor as it came.

    Raises:
        ValueError: No matrix of numbers, or another number of rows than samples.
    """
    if features is None:
        return None
    matrix = as_matrix(features, "features")
    check_form("features", matrix)
    if matrix.shape[0] != num_samples:
        raise ValueError(
            f"features have {count_nouns(matrix.shape[0], 'row')}, labels {num_samples}: one row a sample is needed"
        )
    return features if isinstance(features, Tensor) and features.layout is torch.strided else matrix


def index_tensor(indices: Any) -> Tensor:
    """Return indices as `(B,)` int64, on the device they came on.

    Raises:
        TypeError: They are not integers.
        ValueError: They are not flat.
    """
    indices_B = as_tensor(indices, "indices")
    if indices_B.dtype != torch.int64:
        if indices_B.numel() == 0 and not isinstance(indices, Tensor):
            indices_B = indices_B.long()
        if indices_B.is_floating_point() or indices_B.is_complex() or indices_B.dtype == torch.bool:
            raise TypeError(f"indices must be integers, got {indices_B.dtype}")
        indices_B = indices_B.long()
    if indices_B.ndim != 1:
        raise ValueError(f"indices must have shape (B,), got {tuple(indices_B.shape)}")
    return indices_B


def refuse_outside(indices_B: Tensor, num_samples: int) -> None:
    """Check that no index is outside [0, N).

    Raises:
        ValueError: One is.
    """
    outside_B = (indices_B < 0) | (indices_B >= num_samples)
    if outside_B.any():
        raise ValueError(
            f"index {int(indices_B[outside_B][0])} is outside the {num_samples} samples [0, {num_samples})"
        )


def checked_indices(indices: Any, num_samples: int) -> Tensor:
    """Return indices as `(B,)` int64 on the CPU.

    Raises:
        TypeError: They are not integers.
        ValueError: They are not flat, or one is outside [0, N).
    """
    indices_B = index_tensor(indices).cpu()
    refuse_outside(indices_B, num_samples)
    return indices_B


def prediction_tensor(logits: Tensor, num_rows: int, num_labels: int) -> Tensor:
    """Return predictions as detached `(B, L)`, on the device they came on; floats of eight bits as float32.

    Raises:
        TypeError: They are not a floating tensor.
        ValueError: Another shape.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        kind = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise TypeError(f"logits must be a tensor of a floating dtype, got {kind}")
    logits = as_tensor(logits, "logits")
    if logits.shape != (num_rows, num_labels):
        raise ValueError(
            f"logits must have shape ({num_rows}, {num_labels}): a row for each of the {num_rows} indices and a column "
            f"for each of the {num_labels} labels, got {tuple(logits.shape)}"
        )
    # There is hardly an operation for floats of eight bits.
    return logits.detach() if logits.dtype in _WIDE_ENOUGH else logits.detach().float()


def logits_of(probs_BL: Tensor, outside: Tensor | None = None) -> Tensor:
    """Return the logits, in float64, of probabilities clamped to [eps, 1 - eps] of their dtype; NaN stays NaN.

    Args:
        probs_BL: The probabilities.
        outside: A flag that is set where one is outside [0, 1], instead of raising.

    Raises:
        ValueError: One is outside [0, 1].
    """
    is_outside = ((probs_BL < 0) | (probs_BL > 1)).any()
    if outside is not None:
        outside |= is_outside
    elif is_outside:
        raise ValueError(NO_PROBABILITIES)
    wide = torch.float32 if probs_BL.device.type == "mps" else torch.float64  # that device has no float64
    p = clamp_probabilities(probs_BL).to(wide)
    odds = (p / (1 - p)).flatten()
    for piece in torch.split(odds, _LOGARITHMS_OF_ONE_THREAD) if on_host(odds) else [odds]:
        piece.log_()
    return odds.view(p.shape)


def all_finite(logits_BL: Tensor) -> bool:
    """Return whether every value is finite. A sum is only if all are; one that is not is looked at closely."""
    wide = torch.promote_types(logits_BL.dtype, torch.float32)
    for (part_RL,) in one_thread_pieces(logits_BL):
        if not math.isfinite(part_RL.sum(dtype=wide).item()) and not part_RL.isfinite().all():
            return False
    return True


def wrong_targets(targets: Tensor, rows_B: Tensor, labels: LabelMatrix) -> tuple[Tensor, Tensor]:
    """Return the targets, and where they differ from the labels of their rows; cells that are not labelled never do.

    Raises:
        ValueError: Another shape.
    """
    rows_B = rows_B.to(labels.positive_NL.device)
    targets_BL = as_tensor(targets, "targets").detach().to(rows_B.device)
    expected_BL = labels.positive_NL.index_select(0, rows_B)
    if targets_BL.shape != expected_BL.shape:
        raise ValueError(f"targets must have shape {tuple(expected_BL.shape)}, got {tuple(targets_BL.shape)}")
    wrong_BL = targets_BL != expected_BL.to(targets_BL.dtype)
    if labels.known_NL is not None:
        wrong_BL &= labels.known_NL.index_select(0, rows_B)
    return targets_BL, wrong_BL


def refuse_wrong_targets(targets: Tensor, rows_B: Tensor, labels: LabelMatrix) -> None:
    """Check that the targets of a batch are the labels of its rows.

    Raises:
        ValueError: Another shape, or a target that differs from the label.
    """
    targets = as_tensor(targets, "targets")
    if targets.shape != (len(rows_B), labels.num_labels):
        raise ValueError(f"targets must have shape {(len(rows_B), labels.num_labels)}, got {tuple(targets.shape)}")
    for part_RL, rows_R in one_thread_pieces(targets, rows_B):
        targets_RL, wrong_RL = wrong_targets(part_RL, rows_R, labels)
        if wrong_RL.any():
            row, label = wrong_RL.nonzero()[0].tolist()
            raise wrong_target(int(rows_R[row]), label, targets_RL[row, label].item(), labels)


def wrong_target(sample: int, label: int, target: float, labels: LabelMatrix) -> ValueError:
    """Return the error that names a target which differs from its label."""
    return ValueError(
        f"the target of sample {sample}, label {label} is {target:g}, its label is "
        f"{int(labels.positive_NL[sample, label])}: the indices do not belong to these samples (is the data "
        "shuffled again, or the index off by one?). Under mixup or label smoothing leave targets out"
    )


class LogitRange:
    """Warns, once, of logits that look like probabilities: all of an epoch are in [0, 1], and not close to each other.

    Attributes:
        is_open: Whether that may still be so. The first value outside ends the looking.
    """

    def __init__(self) -> None:
        self.is_open = True
        self._cells, self._lowest, self._highest = 0, math.inf, -math.inf

    def look(self, logits_BL: Tensor) -> None:
        """Look at what was handed in as logits."""
        if self.is_open and logits_BL.numel():
            lowest, highest = torch.aminmax(logits_BL)
            self.take(lowest.item(), highest.item(), logits_BL.numel())

    def take(self, lowest: float, highest: float, cells: int) -> None:
        """Take in the bounds of some logits; NaN ends the looking."""
        self.is_open = self.is_open and 0 <= lowest <= highest <= 1
        self._lowest, self._highest = min(self._lowest, lowest), max(self._highest, highest)
        self._cells += cells

    def look_back(self) -> None:
        """Look back at an epoch that ends, and begin another: logits spread from epoch to epoch."""
        cells, lowest, highest = self._cells, self._lowest, self._highest
        self._cells, self._lowest, self._highest = 0, math.inf, -math.inf
        if self.is_open and cells >= _ENOUGH_CELLS and highest - lowest > _WIDE:
            self.is_open = False
            warn(
                f"all logits that were observed lie between {lowest:.3g} and {highest:.3g}: are these "
                "probabilities? Then pass probabilities=True to observe(), or observe the logits before the sigmoid"
            )
