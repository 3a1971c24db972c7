"""Large tensors."""

import numpy as np
import torch
from torch import Tensor


def large_empty(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
    """An uninitialised tensor that may be large.

    On a CPU its memory is NumPy's, which asks the system for huge pages where there are any: touching it for the first
    time then costs a fifth, and rows here and there are found faster.
    """
    if torch.device(device).type != "cpu" or 0 in shape:
        return torch.empty(shape, dtype=dtype, device=device)
    num_bytes = int(np.prod(shape)) * torch.empty((), dtype=dtype).element_size()
    return torch.from_numpy(np.empty(num_bytes, dtype=np.uint8)).view(dtype).view(shape)


def large_full(shape: tuple[int, ...], value: float, dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
    """The same, filled with a value.

    >>> large_full((2, 2), 0.5, torch.bfloat16)
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]], dtype=torch.bfloat16)
    """
    return large_empty(shape, dtype, device).fill_(value)
