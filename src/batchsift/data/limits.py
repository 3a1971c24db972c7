"""How much a file may become: what it declares or unpacks to is compared with its own size before it is believed."""

import os
from pathlib import Path

# Bytes that any file may become, whatever its size; beyond them it may become as many times its size as here.
MAX_BYTES = 1 << 30
MAX_TIMES = 20
VARIABLE = "BATCHSIFT_MAX_BYTES"

NAME_BYTES = 64  # of a column that has no name and is given one: a text, and its place in a tuple


def max_bytes(path: Path) -> int:
    """Return how many bytes a file may become in memory.

    Raises:
        ValueError: The environment variable BATCHSIFT_MAX_BYTES holds no number of bytes.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return MAX_BYTES + MAX_TIMES * path.stat().st_size
    if not given.strip().isdecimal():
        raise ValueError(f"{VARIABLE}={given!r} in the environment; expected a whole number of bytes")
    return int(given)


def check_bytes(path: Path, num_bytes: int, what: str) -> None:
    """Check that what a file would become in memory is in proportion to its size.

    Args:
        path: The file.
        num_bytes: How much it would be; may be too large for a machine.
        what: What it is, for the message.

    Raises:
        ValueError: It would be more than `max_bytes`.
    """
    most = max_bytes(path)
    if num_bytes > most:
        raise ValueError(
            f"{path} holds {path.stat().st_size:,} bytes, and {what} would take {num_bytes:,}; expected at most "
            f"{most:,}. If the file is to be trusted, set {VARIABLE}={num_bytes} in the environment"
        )


def check_shape(path: Path, num_rows: int, num_columns: int, *, what: str, cell_bytes: int = 0) -> None:
    """Check a declared shape: its columns each need a name, and its cells `cell_bytes` each.

    Raises:
        ValueError: It would take more than the file may become.

    >>> check_shape(Path("."), 6, 2**40, what="features")
    Traceback (most recent call last):
    ...
    ValueError: . holds ... bytes, and features of 6 x 1099511627776 would take 70,368,744,177,664; expected at most ...
    """
    num_bytes = num_columns * NAME_BYTES + num_rows * num_columns * cell_bytes
    check_bytes(path, num_bytes, f"{what} of {num_rows} x {num_columns}")
