"""torch.distributed.checkpoint: a selector beside model and optimizer, each process its part, for any number of them.

Its tensors are cut evenly there, a process' samples may be others: rows go to their place before they are saved, and
back to their owners after they are loaded.

Shapes: N samples, R of them in one process, W processes.
"""

import io
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard

from batchsift.entries import described, put
from batchsift.selection.group import Group
from batchsift.selection.selector import Selector
from batchsift.selection.state import PartedState

_COMMON, _ROWS = "common", "rows"


class SelectorCheckpoint:
    """A selector as `torch.distributed.checkpoint` saves and loads it.

        state = {"model": model_state, "selector": SelectorCheckpoint(selector)}
        torch.distributed.checkpoint.save(state, checkpoint_id=folder)
        torch.distributed.checkpoint.load(state, checkpoint_id=folder)

    Every process takes part in both. Types are compared before anything is taken over, where the library would turn one
    into another without a word.

    Args:
        selector: The selector; shard it before it is loaded.
    """

    def __init__(self, selector: Selector) -> None:
        self.selector = selector

    def state_dict(self) -> dict[str, Any]:
        """Return the state as the library wants it: copies, cut evenly among the processes; a collective call."""
        state, group = self.selector.parted_state()
        types = {name: str(value.dtype) for name, (value, _) in state.rows.items()}
        packed = io.BytesIO()
        torch.save({"state": state.common, "types": types}, packed)
        rows = {name: _spread(value.movedim(dim, 0), state, group) for name, (value, dim) in state.rows.items()}
        return {_COMMON: packed.getvalue(), _ROWS: rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was loaded; a collective call.

        Raises:
            ValueError: It holds other types than this selector keeps, or see `Selector.load_state_dict`.
        """
        mine, group = self.selector.parted_state()
        content = torch.load(io.BytesIO(state_dict[_COMMON]), map_location="cpu", weights_only=True)
        for name, (value, _) in mine.rows.items():
            if content["types"].get(name) != str(value.dtype):
                raise ValueError(
                    f"the checkpoint has {name} in {described(content['types'].get(name))}, this selector keeps it in "
                    f"{value.dtype}: make it with the same storage"
                )
        for name, (_, dim) in mine.rows.items():
            rows_R = _gathered_back(state_dict[_ROWS][name], mine, group)
            put(content["state"], name, rows_R.movedim(0, dim))
        self.selector.load_state_dict(content["state"])


def _even_bounds(num_samples: int, processes: int) -> list[int]:
    """Return where each process' part of an evenly cut tensor begins, and N: as `torch.chunk` cuts."""
    size = -(-num_samples // processes)
    return [min(rank * size, num_samples) for rank in range(processes + 1)]


def _overlaps(start: int, stop: int, bounds: list[int]) -> list[int]:
    """Return how many of some consecutive samples lie in each of the parts between bounds."""
    return [max(0, min(stop, end) - max(start, begin)) for begin, end in pairwise(bounds)]


def _spread(rows_R: Tensor, state: PartedState, group: Group | None) -> Tensor:
    """Return a copy of rows, as one tensor of all processes that is cut evenly; without others the rows of all."""
    if group is None:
        return rows_R.cpu().clone(memory_format=torch.contiguous_format)
    even = _even_bounds(state.part.num_samples, group.size)
    mine = slice(even[group.rank], even[group.rank + 1])
    if len(state.part.bounds) == 2:  # all processes have all
        local = rows_R[mine].cpu().clone(memory_format=torch.contiguous_format)
    else:
        owned = state.part.rows
        sizes = _overlaps(owned.start, owned.stop, even)
        local = group.trade(rows_R, sizes, _overlaps(mine.start, mine.stop, state.part.bounds)).open()[0]
    shape = torch.Size([state.part.num_samples, *rows_R.shape[1:]])
    stride = torch.empty(shape, device="meta").stride()
    processes = group.process_group or dist.distributed_c10d._get_default_group()
    mesh = DeviceMesh.from_group(processes, "cpu")
    return DTensor.from_local(local, mesh, [Shard(0)], run_check=False, shape=shape, stride=stride)


def _gathered_back(value: Tensor, state: PartedState, group: Group | None) -> Tensor:
    """Return the rows that this process remembers of a tensor that is cut evenly."""
    if group is None:
        return value.full_tensor() if isinstance(value, DTensor) else value
    even = _even_bounds(state.part.num_samples, group.size)
    local = value.to_local() if isinstance(value, DTensor) else value
    if len(state.part.bounds) == 2:
        return group.joined(local, [end - begin for begin, end in pairwise(even)])
    owned = state.part.rows
    sizes = _overlaps(even[group.rank], even[group.rank + 1], state.part.bounds)
    return group.trade(local, sizes, _overlaps(owned.start, owned.stop, even)).open()[0]
