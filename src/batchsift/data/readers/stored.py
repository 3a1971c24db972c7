"""Tables in files that are no plain text: Parquet, JSON Lines, Feather and Arrow, Excel.

Where a row of the frame stands in its file is its index, whose name is what such a place is called there.
"""

from pathlib import Path

import pandas as pd

from batchsift.data.packed import inner_name
from batchsift.data.readers import excel, feather, json_lines, parquet
from batchsift.data.readers.text import kind_of

_ARROW = (".feather", ".arrow", ".ipc")
_EXCEL = (".xlsx", ".xlsm")
_JSON_LINES = (".jsonl", ".ndjson")


def is_excel(path: Path) -> bool:
    """Return whether a file has sheets, by its name."""
    return path.name.lower().endswith(_EXCEL)


def stored_frame(path: Path, *, sheet: str | None = None, by_position: bool = False) -> pd.DataFrame | None:
    """Return the columns of a file of one of these kinds; None for all others.

    Args:
        path: The file.
        sheet: The sheet of a file of Excel that has several.
        by_position: Whether it matters in which order the columns stand.

    Raises:
        ImportError: A package that such files need is not installed.
        ValueError: The file is damaged, holds no table, or would become too large for its size.
    """
    if path.is_dir() or path.suffix.lower() == ".parquet":
        return parquet.frame_of(path)
    if is_excel(path):
        return excel.frame_of(path, sheet)
    if path.name.lower().endswith(_ARROW):
        return feather.frame_of(path)
    name = inner_name(path).lower()
    if name.endswith(_JSON_LINES) or (not name.endswith((".csv", ".tsv")) and kind_of(path) == ".jsonl"):
        return json_lines.frame_of(path, by_position=by_position)
    return None


def place_of(table: pd.DataFrame | None, row: int) -> str:
    """Return where a row, counted from 0, stands in its file."""
    if table is None or table.index.name not in ("line", "row"):
        return f"row {row + 1}"
    return f"{table.index.name} {table.index[row]}"
