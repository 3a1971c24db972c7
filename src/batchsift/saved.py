"""What is saved and taken over again: trackers, and checks whose messages begin with the key they are about."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchsift.entries import LARGEST, check_keys, described
from batchsift.functional.chunks import row_chunks


def tensor_of(state: Mapping[str, Any], key: str, shape: tuple[int | None, ...], dtype: torch.dtype) -> Tensor:
    """Return the entry of a key, a plain tensor of this shape and type.

    Args:
        state: The state.
        key: The key.
        shape: The shape; None for a dimension of any size.
        dtype: The type.

    Raises:
        ValueError: It is something else.
    """
    value = state[key]
    is_plain = isinstance(value, Tensor) and not value.is_nested and value.layout == torch.strided
    if (
        not is_plain
        or value.is_meta
        or value.dtype != dtype
        or value.ndim != len(shape)
        or any(wanted not in (None, size) for wanted, size in zip(shape, value.shape, strict=True))
    ):
        wanted = f"({', '.join('any' if size is None else str(size) for size in shape)})"
        raise ValueError(f"{key}: must be {dtype} of shape {wanted}, got {described(value)}")
    tensor: Tensor = value.detach()
    return tensor


def check_within(key: str, values: Tensor, lowest: float, highest: float) -> None:
    """Check that all values lie within bounds; NaN never does.

    Raises:
        ValueError: One does not.
    """
    if values.numel():
        least, most = (bound.item() for bound in torch.aminmax(values))
        if not (lowest <= least and most <= highest):
            raise ValueError(f"{key}: values must lie from {lowest} to {highest}, got {least} to {most}")


def check_near(key: str, values: Tensor, expected: Tensor) -> None:
    """Check that values that follow from something else are what they must be, to rounding.

    Raises:
        ValueError: They are not.
    """
    if not torch.allclose(values.to(expected.device), expected, rtol=1e-6, atol=0):
        raise ValueError(f"{key}: holds other values than follow from the labels and options here")


def check_rows(key: str, values_NM: Tensor, rows_N: Tensor, expected: float) -> None:
    """Check that some rows of a matrix hold one number throughout, such as what nothing was observed of.

    Args:
        key: The key of the matrix.
        values_NM: The matrix.
        rows_N: Boolean: which rows.
        expected: The number.

    Raises:
        ValueError: They do not.
    """
    for chunk in row_chunks(values_NM.shape, values_NM.device):
        if ((values_NM[chunk] != expected) & rows_N[chunk, None]).any():
            raise ValueError(f"{key}: must hold {expected} wherever nothing was observed yet")


def alike(value: float, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a tensor whose cells are all the same and take no memory; see `Tracker.begin`."""
    return torch.full((), value, dtype=dtype, device=device).expand(shape)


class Tracker:
    """Tensors of one kind of memory, saved and restored together.

    Until something is observed all cells of a tensor are the same and take no memory (see `alike`).
    """

    sample_dims: ClassVar[Mapping[str, int]] = {}  # the dimension of the samples, where it is not the first
    _has_begun = False

    def begin(self) -> None:
        """Give every cell memory of its own: before anything is written."""
        if not self._has_begun:
            for name, value in self._tensors().items():
                setattr(self, name, value.contiguous())
            self._has_begun = True

    def keep(self, rows: slice) -> None:
        """Remember consecutive samples only, from now on."""
        for name, (value, dim) in self.row_tensors().items():
            kept = value.narrow(dim, rows.start, rows.stop - rows.start)
            setattr(self, name, kept.clone(memory_format=torch.contiguous_format) if self._has_begun else kept)

    def row_tensors(self) -> dict[str, tuple[Tensor, int]]:
        """Return what is remembered, not copied, and the dimension of the samples in each."""
        return {name: (value, self.sample_dims.get(name, 0)) for name, value in self._tensors().items()}

    def _tensors(self) -> dict[str, Tensor]:
        """Return the tensors that are remembered; private ones follow from the settings."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Tensor) and not k.startswith("_")}

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of the tensors: what is observed later does not change a saved state."""
        return {name: value.detach().cpu().clone() for name, value in self._tensors().items()}

    def check_state(self, state: Any) -> None:
        """Check that a saved state is one that this tracker could have come to.

        Raises:
            ValueError: The state is of another kind, shape or storage type, or holds what cannot be; it names the key.
        """
        own = self._tensors()
        check_keys(state, own)
        for name, value in own.items():
            tensor_of(state, name, value.shape, value.dtype)
        if "count_N" in own:
            check_within("count_N", state["count_N"], 0, LARGEST)
        self._check_values(state)

    def _check_values(self, state: dict[str, Tensor]) -> None:
        """Check the values of a state whose tensors have the right shapes and types; here any will do."""

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a saved state.

        Raises:
            ValueError: See `check_state`; nothing has changed.
        """
        self.check_state(state)
        self.take_over(state)

    def take_over(self, state: dict[str, Tensor]) -> None:
        """Take over a saved state that was checked."""
        self.begin()
        for name, value in self._tensors().items():
            value.copy_(state[name])
