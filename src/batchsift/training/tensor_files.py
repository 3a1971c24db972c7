"""Tensors, numbers, strings and containers of them in one file, which `torch.load(weights_only=True)` reads."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from batchsift.files import write


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write one file, whole or not at all.

    Raises:
        OSError: Where that cannot be done.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write(path.parent, {path.name: buffer.getvalue()})


def load_tensors(path: Path) -> dict[str, Any]:
    """Read what `save_tensors` wrote, onto the CPU.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where it is damaged, or of another kind.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, which batchsift did not write")
    return content
