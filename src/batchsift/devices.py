"""Devices of torch, as users name them."""

from typing import Any

import torch


def check_device(device: Any) -> None:
    """Check that tensors can be computed with on a device.

    Args:
        device: A `torch.device`, or what torch makes one of.

    Raises:
        ValueError: For a device that cannot be used here.
    """
    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:  # without CUDA an AssertionError
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device {device!r} cannot be used here: {reason}; expected one such as 'cpu' or 'cuda:0'"
        ) from error
