"""Which columns of a table are meant, by their names or by patterns."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from batchsift.messages import did_you_mean, first_few

# The first two are the index of a pandas frame, as it is written and as it is read again.
_IDENTIFIERS = {"", "unnamed:_0", "id", "instance_id", "sample_id", "example_id", "row_id", "record_id"}


def chosen_columns(names: Sequence[str], patterns: str | Sequence[str], option: str) -> npt.NDArray[np.bool_]:
    """Return which columns the patterns mean.

    Args:
        names: The names of all columns.
        patterns: Names, or patterns with `*`, `?` and `[...]`; in one string they are separated by commas. A name that
            reads like a pattern is taken as the name. Nothing in them, no column.
        option: What the user calls the patterns, for the message.

    Returns:
        A mask of the columns.

    Raises:
        ValueError: A pattern that no column matches.

    >>> chosen_columns(["x", "y_red", "y_blue"], "y_*", "label_columns").tolist()
    [False, True, True]
    """
    known = set(names)
    if isinstance(patterns, str):
        parts = [patterns] if patterns in known or not patterns else patterns.split(",")
        patterns = [part if part in known else part.strip() for part in parts if part]
    mask = np.zeros(len(names), dtype=bool)
    for pattern in patterns:
        matches = [name == pattern if pattern in known else fnmatchcase(name, pattern) for name in names]
        if not any(matches):
            raise ValueError(f"{option}={pattern!r} matches none of the {len(names)} columns{_hint(pattern, names)}")
        mask |= matches
    return mask


def named_column(names: Sequence[str], name: str, option: str) -> npt.NDArray[np.bool_]:
    """Return a mask of the one column with this name, pattern or not.

    Raises:
        ValueError: There is none.
    """
    if name not in names:
        raise ValueError(f"{option}={name!r} is none of the {len(names)} columns{_hint(name, names)}")
    return np.array([other == name for other in names])


def is_identifier(name: str) -> bool:
    """Return whether a column of this name tells rows apart rather than describes them.

    >>> is_identifier("Sample ID"), is_identifier("idle")
    (True, False)
    """
    return re.sub(r"[-. ]", "_", name.strip().lower()) in _IDENTIFIERS


def true_at_ends(flags: Sequence[bool]) -> list[int]:
    """Return the positions of those true before the first false one, from either end; none where all are true.

    >>> true_at_ends([True, True, False, True, False, True])
    [0, 1, 5]
    """
    kept = [position for position, flag in enumerate(flags) if not flag]
    return [position for position in range(len(flags)) if kept and not kept[0] <= position <= kept[-1]]


def how_to_drop(names: Sequence[str]) -> str:
    """Return what to write so that columns which are dropped by themselves go without a word, or stay.

    >>> how_to_drop(["id"])
    "drop='id' makes it silent, drop='' keeps it as a feature"
    """
    it, features = ("it", "a feature") if len(names) == 1 else ("them", "features")
    patterns = ",".join(names)
    # The name of an index that was written to a file is empty, and an empty text drops nothing.
    is_plain = all(names) and len(patterns.split(",")) == len(names) <= 10
    silently = f"drop={patterns!r} makes it silent, " if is_plain else ""
    return f"{silently}drop='' keeps {it} as {features}"


def numbered(prefix: str, count: int) -> tuple[str, ...]:
    """Return names for columns that have none.

    >>> numbered("label", 2)
    ('label_0', 'label_1')
    """
    return tuple(f"{prefix}_{position}" for position in range(count))


def repeated_name(names: Sequence[str]) -> str | None:
    """Return a message about the first name that occurs twice, with its positions from 1; None where there is none."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            return f"the columns {seen[name]} and {position} are both called {name!r}: rename one of them"
        seen[name] = position
    return None


def _hint(pattern: str, names: Sequence[str]) -> str:
    """Return the end of a message about a pattern: the names the user may have meant, else the first ones."""
    hint = did_you_mean(pattern, names, most=3)
    return f"; {hint}" if hint else f": {first_few([repr(name) for name in names], shown=8)}"
