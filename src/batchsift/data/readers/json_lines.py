"""JSON Lines: one object a line, whose keys are the columns."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from batchsift.data.packed import opened
from batchsift.messages import cut_short


def frame_of(path: Path, *, by_position: bool = False) -> pd.DataFrame:
    """Return the objects of a file as rows; the index has their lines.

    Args:
        path: The file, which may be packed.
        by_position: Whether the order of the columns matters: then all lines must have the same keys in the same order.

    Raises:
        ValueError: A line is no JSON object, or has a key twice; names it.
    """
    lines: list[int] = []
    rows: list[dict[str, Any]] = []
    with opened(path) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="\n") as file:
        for number, text in enumerate(_lines(path, file), start=1):
            if not text.strip():
                continue
            row = _object(path, number, text)
            if by_position and rows and list(row) != list(rows[0]):
                raise ValueError(
                    f"{path}, line {number}: its keys are not those of line {lines[0]} in the same order, so that the "
                    "last ones may be others; name the labels with label_columns='NAMES'"
                )
            lines.append(number)
            rows.append(row)
    if not rows:
        raise ValueError(f"{path} holds no JSON object; expected one a line")
    return pd.DataFrame.from_records(rows, index=pd.Index(lines, name="line"))


def _lines(path: Path, file: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    try:
        for number, text in enumerate(file, start=1):  # noqa: B007 (needed below)
            yield text
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, after line {number}: not UTF-8, as JSON must be; save it as UTF-8") from error


def _object(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text, object_pairs_hook=_without_repeats)
        if "\\u" in text:
            json.dumps(row, ensure_ascii=False).encode()  # half a character is none that any file could hold
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}, line {number}: {error} in {cut_short(text.strip())!r}") from error
    if not isinstance(row, dict):
        raise ValueError(
            f"{path}, line {number}: {cut_short(text.strip())!r} is no JSON object; expected "
            'one with the columns as keys, such as {"width": 1.5, "is_red": 1}'
        )
    return row


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return row
