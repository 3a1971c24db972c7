"""Feather and Arrow IPC, as files or as streams, by pyarrow."""

from pathlib import Path
from typing import Any

import pandas as pd

from batchsift.data.limits import check_bytes


def frame_of(path: Path) -> pd.DataFrame:
    """Return the columns of a file.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: The file is damaged, or would become too large for its size.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError("reading Feather needs pyarrow: pip install 'batchsift[experiments]'") from error
    try:
        table = _table(path, pa)
        table.validate(full=True)  # offsets that lead out of the file are found before they are followed
    except (pa.ArrowException, OSError, MemoryError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path.name} cannot be read as Feather or Arrow IPC: {error}") from error
    check_bytes(path, table.nbytes, "its table")
    try:
        frame: pd.DataFrame = table.to_pandas()
    except Exception as error:  # what a file says of pandas is for pandas alone, and fails in almost any of them
        raise ValueError(f"{path.name} cannot be read as Feather or Arrow IPC: {error!r}") from error
    return frame


def _table(path: Path, pa: Any) -> Any:
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"FEA1"):
        from pyarrow.feather import read_table  # noqa: PLC0415

        return read_table(path, memory_map=False)
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source) if start == b"ARROW1" else pa.ipc.open_stream(source)
        with reader:
            return reader.read_all()
