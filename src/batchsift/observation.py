"""Checks of what a training loop hands in: indices, predictions, targets.

Shapes: N samples, L labels, B rows observed together.
"""

from typing import Any

import torch
from torch import Tensor

from batchsift.functional.signals import clamp_probabilities
from batchsift.labels import LabelMatrix


def checked_indices(indices: Any, num_samples: int) -> Tensor:
    """Indices as `(B,)` int64 on the CPU.

    Raises:
        TypeError: They are not integers.
        ValueError: They are not flat, or one is outside [0, N).
    """
    indices_B = torch.as_tensor(indices).detach().cpu()
    if indices_B.numel() == 0 and not isinstance(indices, Tensor):
        indices_B = indices_B.long()
    if indices_B.is_floating_point() or indices_B.is_complex() or indices_B.dtype == torch.bool:
        raise TypeError(f"indices must be integers, got {indices_B.dtype}")
    if indices_B.ndim != 1:
        raise ValueError(f"indices must have shape (B,), got {tuple(indices_B.shape)}")
    outside_B = (indices_B < 0) | (indices_B >= num_samples)
    if outside_B.any():
        raise ValueError(
            f"index {int(indices_B[outside_B][0])} is outside the {num_samples} samples [0, {num_samples})"
        )
    return indices_B.long()


def checked_logits(logits: Tensor, num_rows: int, num_labels: int, *, probabilities: bool) -> Tensor:
    """Predictions as detached `(B, L)` logits, on the device they came on.

    Probabilities are clamped to [eps, 1 - eps] of their dtype and turned into float64 logits.

    Raises:
        TypeError: They are not a floating tensor.
        ValueError: Another shape, or probabilities outside [0, 1].
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        kind = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise TypeError(f"logits must be a tensor of a floating dtype, got {kind}")
    if logits.shape != (num_rows, num_labels):
        raise ValueError(
            f"logits must have shape ({num_rows}, {num_labels}): a row for each of the {num_rows} indices and a column "
            f"for each of the {num_labels} labels, got {tuple(logits.shape)}"
        )
    logits = logits.detach()
    if not probabilities:
        return logits
    if ((logits < 0) | (logits > 1)).any():
        raise ValueError("probabilities must lie in [0, 1]: are these logits? Then leave out probabilities=True")
    wide = torch.float32 if logits.device.type == "mps" else torch.float64  # that device has no float64
    return clamp_probabilities(logits).to(wide).logit()


def checked_targets(targets: Tensor, indices_B: Tensor, labels: LabelMatrix) -> None:
    """Compare the targets of a batch with the labels of its indices; cells that are not labelled are not compared.

    Raises:
        ValueError: Another shape, or a target that differs from the label.
    """
    targets_BL = torch.as_tensor(targets).detach().to(labels.positive_NL.device)
    rows_B = indices_B.to(labels.positive_NL.device)
    expected_BL = labels.positive_NL[rows_B]
    if targets_BL.shape != expected_BL.shape:
        raise ValueError(f"targets must have shape {tuple(expected_BL.shape)}, got {tuple(targets_BL.shape)}")
    wrong_BL = targets_BL != expected_BL.to(targets_BL.dtype)
    if labels.known_NL is not None:
        wrong_BL &= labels.known_NL[rows_B]
    if wrong_BL.any():
        row, label = wrong_BL.nonzero()[0].tolist()
        raise ValueError(
            f"the target of sample {int(indices_B[row])}, label {label} is {targets_BL[row, label].item():g}, its "
            f"label is {int(expected_BL[row, label])}: the indices do not belong to these samples (is the data "
            "shuffled again, or the index off by one?). Under mixup or label smoothing leave targets out"
        )
