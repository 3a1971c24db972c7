"""What kind of text a file is whose name does not say so: `.txt`, `.dat`, `.data`, `.zip`, or any other ending."""

import json
import re
from itertools import islice
from pathlib import Path

from batchsift.data.packed import opened

_SHOWN = 1 << 16  # bytes looked at of each of the first lines
_THREE_NUMBERS = re.compile(r"\d+[ \t]+\d+[ \t]+\d+")
_SPARSE_ROW = re.compile(r"(?:[-+.\w]+(?:,[-+.\w]+)*)?(?:[ \t]+|^)\d+:\S+(?:[ \t]+\d+:.*)?|(?:\d+(?:,\d+)+)")


def kind_of(path: Path) -> str:
    """Return the ending that a text file of this kind usually has: by its first line, `.csv` where that says nothing.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is packed and damaged.
    """
    with opened(path) as file:
        lines = [file.readline(_SHOWN).removeprefix(b"\xef\xbb\xbf").decode("latin-1").strip() for _ in range(100)]
    lines = [line for line in lines if line]
    told = [line for line in lines if not line.startswith(("%", "#"))]
    first = told[0] if told else ""
    if first.lower().startswith("@relation"):
        return ".arff"
    if _THREE_NUMBERS.fullmatch(first):
        return ".xmc"
    if told and all(_SPARSE_ROW.match(line.partition("#")[0].strip()) for line in islice(told, 10)):
        return ".svm"
    return ".jsonl" if first.startswith("{") and _is_object(first) else ".csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
