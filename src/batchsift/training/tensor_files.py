"""Tensors, numbers, strings and containers of them in one file, which `torch.load(weights_only=True)` reads."""

import io
import zipfile
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
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} cannot be read: {reason}; take another copy of the file, or train again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, which batchsift did not write")
    return content


def _check_sums(path: Path) -> None:
    """Check the sums that the archive keeps of its parts, which torch does not look at: a flipped bit changes them.

    Raises:
        ValueError: One differs, or a part is packed, as torch never does.
        OSError: The file cannot be read.
        zipfile.BadZipFile: It is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        packed = [one.filename for one in archive.infolist() if one.compress_type != zipfile.ZIP_STORED]
        damaged = packed[0] if packed else archive.testzip()
        if damaged is not None:
            raise ValueError(f"its part {damaged!r} is damaged")
