"""The names of the columns of a text file, in its first line."""

from collections.abc import Sequence
from pathlib import Path

from batchsift.data.readers.columns import repeated_name
from batchsift.files import is_number


def fitted(names: list[str], first: Sequence[str]) -> list[str]:
    """Return the names with as many empty ones at their end as the first row has empty cells there."""
    surplus = len(first) - len(names)
    if surplus > 0 and not any(map(str.strip, first[-surplus:])):
        return names + [""] * surplus
    return names[: len(first)] if surplus < 0 and not any(names[len(first) :]) else names


def check_names(path: Path, line: int, names: Sequence[str], least: int) -> None:
    """Check the names of the columns in a line of a file.

    Raises:
        ValueError: They are fewer than `least`, numbers, or some are alike.
    """
    if len(names) < least:
        raise ValueError(
            f"{path}, line {line}: {len(names)} column(s); expected the names of at least one feature"
            f"{' and one label' if least > 1 else ''}"
        )
    if all(is_number(name) for name in names) and set(names) != set(map(str, range(len(names)))):
        raise ValueError(
            f"{path}, line {line} should hold the names of the columns; it holds numbers: {', '.join(names[:3])}, ..."
        )
    if (problem := repeated_name(names)) is not None:
        hint = f"; line {line} should hold the names of the columns" if any(map(is_number, names)) else ""
        raise ValueError(f"{path}, line {line}: {problem}{hint}")
