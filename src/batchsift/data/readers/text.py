"""What kind of text a file is whose name does not say so: `.txt`, `.dat`, `.data`, `.zip`, or any other ending."""

import json
import re
from pathlib import Path

from batchsift.data.packed import opened

_SHOWN = 1 << 16  # bytes looked at
_THREE_NUMBERS = re.compile(r"\d+[ \t]+\d+[ \t]+\d+")
_LABELS = r"[-+.\w]+(?:,[-+.\w]+)*"
_SPARSE_ROW = re.compile(rf"(?:{_LABELS})?(?:(?:[ \t]+|^)\d+:\S+)*")


def kind_of(path: Path) -> str:
    """Return the ending that a text file of this kind usually has: by its first line, `.csv` where that says nothing.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is packed and damaged.
    """
    with opened(path) as file:
        start = file.read(_SHOWN).removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    whole = start[: start.rfind("\n")] if len(start) == _SHOWN and "\n" in start else start
    lines = [line for line in map(str.strip, whole.splitlines()) if line]
    told = [line for line in lines if not line.startswith(("%", "#"))]
    first = told[0] if told else ""
    if first.lower().startswith("@relation"):
        return ".arff"
    if _THREE_NUMBERS.fullmatch(first):
        return ".xmc"
    rows = [line.partition("#")[0].strip() for line in told]
    if any(":" in row for row in rows) and all(map(_SPARSE_ROW.fullmatch, rows)):
        return ".svm"
    return ".jsonl" if first.startswith("{") and _is_object(first) else ".csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
