"""Sheets of Excel, `.xlsx` and `.xlsm`, by openpyxl."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batchsift.data.limits import check_bytes, check_shape, max_bytes
from batchsift.data.readers.columns import MISSING

_CELL_BYTES = 8
_DAMAGED = (zipfile.BadZipFile, zlib.error, KeyError, TypeError, IndexError, AttributeError, SyntaxError, OverflowError)


def frame_of(path: Path, sheet: str | None = None) -> pd.DataFrame:
    """Return the rows of a sheet below the one with the names; the index has their numbers in the sheet.

    Args:
        path: The file.
        sheet: The sheet's name; may be left out where there is but one.

    Raises:
        ImportError: openpyxl is not installed.
        ValueError: The file is damaged or would become too large for its size, there is no such sheet, or it is not
            said which of several is meant.
    """
    try:
        import openpyxl  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError(f"reading {path.name} needs the package openpyxl: pip install openpyxl") from error
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as Excel: {error}") from error
    check_bytes(path, unpacked, "what is packed in it")
    with path.open("rb") as file:  # openpyxl would leave a damaged one open
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # a damaged file ends in almost any of them
            raise ValueError(f"{path} cannot be read as Excel: {error}") from error
        return _frame(path, _rows(path, _chosen(path, book, sheet)))


def _chosen(path: Path, book: Any, sheet: str | None) -> Any:
    sheets = {worksheet.title: worksheet for worksheet in book.worksheets}
    shown = ", ".join(map(repr, sheets))
    if sheet is None and len(sheets) != 1:
        option = f"sheet={next(iter(sheets), '')!r}"
        raise ValueError(
            f"{path} has {len(sheets)} sheets with cells: {shown}; say which one is meant, such as {option}"
        )
    if sheet is not None and sheet not in sheets:
        raise ValueError(f"sheet={sheet!r} is none of the sheets of {path}: {shown}")
    return sheets[next(iter(sheets)) if sheet is None else sheet]


def _rows(path: Path, worksheet: Any) -> list[Sequence[Any]]:
    """Return the rows up to the last one that is not empty, each up to its own last cell."""
    rows: list[Sequence[Any]] = []
    width, most = 0, max_bytes(path)
    try:
        worksheet.reset_dimensions()  # what the file says of its size is not believed
        for cells in worksheet.iter_rows(values_only=True):
            row = [None if isinstance(cell, str) and cell.strip() in ("", *MISSING) else cell for cell in cells]
            while row and row[-1] is None:
                row.pop()
            rows.append(row)
            width = max(width, len(row))
            if len(rows) * width * _CELL_BYTES > most:  # empty rows and columns cost a file nothing
                check_shape(path, len(rows), width, what="a sheet", cell_bytes=_CELL_BYTES)
    except _DAMAGED as error:
        raise ValueError(f"{path} cannot be read as Excel: {error}") from error
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _frame(path: Path, rows: list[Sequence[Any]]) -> pd.DataFrame:
    first = next((number for number, row in enumerate(rows) if row), None)
    if first is None:
        raise ValueError(f"{path}: the sheet is empty; expected the names of the columns in its first row")
    width = max(map(len, rows))
    full = [[*row, *[None] * (width - len(row))] for row in rows[first:]]
    names = ["" if name is None else str(name).strip() for name in full[0]]
    return pd.DataFrame(full[1:], columns=names, index=pd.Index(range(first + 2, len(rows) + 1), name="row"))
