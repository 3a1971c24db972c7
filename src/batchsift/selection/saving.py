"""Saving a selector into a folder, and loading it: all processes write and read their rows of the same files.

A file of the folder is one tensor of all samples, as it lies in memory; `common.pt` is the rest of the state. So what
is saved does not depend on the number of processes, and no process ever holds all of it.
"""

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from batchsift.entries import check_keys, described, put
from batchsift.functional.chunks import row_chunks
from batchsift.selection.group import Group
from batchsift.selection.inference import outside_inference_mode
from batchsift.selection.selector import Selector
from batchsift.selection.state import PartedState

COMMON = "common.pt"
_FORMAT = 1
_TYPES = {
    str(one).removeprefix("torch."): one
    for one in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8)
}


@outside_inference_mode
def save_state(selector: Selector, folder: str | os.PathLike[str]) -> None:
    """Save a selector into a folder: what `state_dict` gives, without ever having it in one place.

    Under `shard` a collective call: every process writes the rows of the samples it owns, so all must see the same
    folder. The folder is there whole or, if this is interrupted, as it was before. `load_state` reads it in any number
    of processes.

    Args:
        selector: The selector, in the middle of an epoch or not.
        folder: The folder; an earlier state in it is replaced.

    Raises:
        ValueError: The folder holds something else.
        OSError: A process cannot write.
    """
    folder = Path(folder)
    state, group = selector.parted_state()
    is_first = group is None or group.rank == 0
    unfinished = _beside(folder, "unfinished")
    with _all_or_none(group):
        if is_first:
            if folder.exists() and not (folder / COMMON).is_file():
                raise ValueError(f"{folder} is there and holds no saved state: name another folder")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            for name, (value, dim) in state.rows.items():
                with (unfinished / name).open("wb") as file:
                    file.truncate(math.prod(_whole_shape(value, dim, state)) * value.element_size())
    with _all_or_none(group):
        if is_first or len(state.part.bounds) > 2:  # else the first has all of it
            for name, (value, dim) in state.rows.items():
                _write_rows(unfinished / name, value, dim, state)
    with _all_or_none(group):
        if is_first:
            outlines = {
                name: {"dtype": str(value.dtype).removeprefix("torch."), "shape": _whole_shape(value, dim, state)}
                for name, (value, dim) in state.rows.items()
            }
            with (unfinished / COMMON).open("wb") as file:
                torch.save({"format": _FORMAT, "state": state.common, "rows": outlines}, file)
                file.flush()
                os.fsync(file.fileno())
            _take_the_place(unfinished, folder)


@outside_inference_mode
def load_state(selector: Selector, folder: str | os.PathLike[str]) -> None:
    """Go on where `save_state` saved a selector, in whatever number of processes.

    Each process reads the rows of the samples it remembers only.

    Args:
        selector: A selector that was made alike; shard it first.
        folder: The folder.

    Raises:
        ValueError: It is no folder of `save_state`, or damaged, or see `Selector.load_state_dict`.
    """
    folder = Path(folder)
    if not folder.exists():  # a process that was killed between two renames left the one before
        folder = next(filter(Path.exists, [_beside(folder, "before")]), folder)
    try:
        content = torch.load(folder / COMMON, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes
        raise ValueError(f"{folder} cannot be read as what save_state() left: {error}") from error
    check_keys(content, ("format", "state", "rows"))
    if content["format"] != _FORMAT:
        raise ValueError(f"{folder} has format {described(content['format'])}, this batchsift reads {_FORMAT}")
    if not isinstance(content["state"], dict) or not isinstance(content["rows"], dict):
        raise ValueError(f"{folder / COMMON} is damaged: it holds no state")
    for name, outline in content["rows"].items():
        put(content["state"], name, _on_disk(folder, name, outline))
    selector.load_state_dict(content["state"])


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}")


def _take_the_place(unfinished: Path, folder: Path) -> None:
    """Put a folder in the place of another."""
    before = _beside(folder, "before")
    if folder.exists():
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)
    unfinished.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


@contextmanager
def _all_or_none(group: Group | None) -> Iterator[None]:
    """Go on only if all processes could do their part.

    Raises:
        OSError: One could not.
    """
    problem: Exception | None = None
    try:
        yield
    except (OSError, ValueError) as error:
        problem = error
    if group is not None:
        told = group.each(torch.tensor([problem is not None], dtype=torch.int64, device="cpu"))
        failed = [rank for rank, one in enumerate(told) if one]
        if failed and problem is None:
            raise OSError(f"the state could not be saved: rank {failed[0]} says why")
    if problem is not None:
        raise problem


def _whole_shape(value: Tensor, dim: int, state: PartedState) -> list[int]:
    """Return the shape that a tensor has for all samples."""
    return [*value.shape[:dim], state.part.num_samples, *value.shape[dim + 1 :]]


def _write_rows(path: Path, value: Tensor, dim: int, state: PartedState) -> None:
    """Write the rows of this process where they belong in the file of all samples."""
    rows_MR = value.flatten(0, dim - 1) if dim else value[None]
    with path.open("r+b") as file:
        for layer, rows_R in enumerate(rows_MR):
            flat_RC = rows_R.reshape(len(rows_R), -1)
            for chunk in row_chunks(tuple(flat_RC.shape)):
                piece = flat_RC[chunk].cpu().contiguous()
                first = layer * state.part.num_samples + state.part.rows.start + chunk.start
                file.seek(first * flat_RC.shape[1] * value.element_size())
                file.write(piece.view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


def _on_disk(folder: Path, name: str, outline: Any) -> Tensor:
    """Return a tensor that stays on disk until its rows are read.

    Raises:
        ValueError: The file is not what it should be.
    """
    check_keys(outline, ("dtype", "shape"))
    dtype, shape, path = _TYPES.get(outline["dtype"]), outline["shape"], folder / name
    is_shape = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if dtype is None or not is_shape or Path(name).name != name:
        raise ValueError(f"{folder / COMMON} is damaged: it describes {name} by {described(outline)}")
    size = path.stat().st_size if path.is_file() else None
    if size != math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"{path} is damaged: it has {'nothing' if size is None else f'{size} bytes'}, "
            f"{math.prod(shape) * dtype.itemsize} are needed"
        )
    if not size:
        return torch.empty(shape, dtype=dtype, device="cpu")
    return torch.from_file(str(path), shared=False, size=math.prod(shape), dtype=dtype).view(shape)
