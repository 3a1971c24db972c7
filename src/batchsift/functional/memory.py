"""Large tensors."""

import numpy as np
import torch
from torch import Tensor


def large_empty(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
    """An uninitialised tensor that is large and needed for a moment.

    On a CPU its memory is NumPy's, which asks the system for huge pages where there are any: touching it for the first
    time then costs a fifth.

    >>> large_empty((2, 3), torch.bfloat16).shape
    torch.Size([2, 3])
    """
    if torch.device(device).type != "cpu" or 0 in shape:
        return torch.empty(shape, dtype=dtype, device=device)
    num_bytes = int(np.prod(shape)) * torch.empty((), dtype=dtype).element_size()
    return torch.from_numpy(np.empty(num_bytes, dtype=np.uint8)).view(dtype).view(shape)
