"""Labels that stand in one column: delimited tags, lists of names, lists of numbers.

Shapes: N samples, L labels.
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.messages import first_few

_DELIMITERS = ("|", ";", ",")


def label_matrix(
    cells: Iterable[Any], *, delimiter: str | None = None, known_names: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Make one 0/1 column for each tag that occurs.

    Args:
        cells: N of them: a text of delimited tags, a list of names or numbers, a single number, or None or an empty
            text for a sample without labels. Lists of one length that hold zeros and ones, some of them twice, are read
            as one 0/1 value for each label, since a number that stands for a label occurs once.
        delimiter: What parts the tags of a text. By default the one of `|`, `;` and `,` that occurs, if it is the only
            one; where none occurs, every text is one tag.
        known_names: What the numbers stand for: number j is the label `known_names[j]`.

    Returns:
        The `(N, L)` labels and the L names. The names are sorted (numbers by size), or as `known_names` has them.

    Raises:
        ValueError: Several delimiters occur and none is given, another one than the given occurs alone, no tag occurs
            at all, or a number has no name.

    Warns:
        UserWarning: Tags that differ in nothing but case.

    >>> labels, names = label_matrix(["red|round", "", "red"])
    >>> labels.tolist(), names
    ([[1, 1], [0, 0], [1, 0]], ('red', 'round'))
    """
    cells = [cell.tolist() if hasattr(cell, "tolist") else cell for cell in cells]
    if _are_indicators(cells):
        width = len(cells[0])
        fits = known_names is not None and len(known_names) == width
        return np.array(cells, dtype=np.uint8), tuple(known_names if fits and known_names else map(str, range(width)))
    delimiter = _the_delimiter(cells) if delimiter is None else _occurring(delimiter, cells)
    tags_N = [_tags(cell, delimiter, known_names) for cell in cells]
    different = {tag for tags in tags_N for tag in tags}
    if not different:
        raise ValueError("no sample has a tag; expected at least one")
    ordered = sorted(different, key=_natural) if known_names is None else list(known_names)
    _warn_of_case(ordered)
    column = {tag: position for position, tag in enumerate(ordered)}
    matrix = np.zeros((len(cells), len(ordered)), dtype=np.uint8)
    for row, tags in zip(matrix, tags_N, strict=True):
        row[[column[tag] for tag in tags]] = 1
    return matrix, tuple(map(str, ordered))


def _are_indicators(cells: Sequence[Any]) -> bool:
    if not all(isinstance(cell, (list, tuple)) for cell in cells) or len({len(cell) for cell in cells}) != 1:
        return False
    only_bits = all(item in (0, 1) for cell in cells for item in cell)
    return only_bits and any(len(set(cell)) < len(cell) for cell in cells)


def _present(marks: Sequence[str], cells: Sequence[Any]) -> list[str]:
    return [mark for mark in marks if any(isinstance(cell, str) and mark in cell for cell in cells)]


def _occurring(delimiter: str, cells: Sequence[Any]) -> str:
    """Return the given delimiter, if it can be the one that is meant."""
    others = _present(_DELIMITERS, cells)
    if others and not _present([delimiter], cells):
        marks = " and ".join(map(repr, others))
        raise ValueError(f"delimiter={delimiter!r} occurs nowhere, but {marks} does: give delimiter={others[0]!r}")
    return delimiter


def _warn_of_case(tags: Sequence[Any]) -> None:
    alike: dict[str, list[str]] = {}
    for tag in map(str, tags):
        alike.setdefault(tag.casefold(), []).append(tag)
    if groups := [" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1]:
        shown = first_few(groups, shown=3)
        warnings.warn(f"tags differ in nothing but case, and become labels of their own: {shown}", stacklevel=3)


def _the_delimiter(cells: Sequence[Any]) -> str | None:
    present = _present(_DELIMITERS, cells)
    if len(present) > 1:
        marks = " and ".join(map(repr, present))
        raise ValueError(f"{marks} all occur between tags: say which one parts them, such as delimiter={present[0]!r}")
    return present[0] if present else None


def _tags(cell: Any, delimiter: str | None, known_names: Sequence[str] | None) -> list[Any]:
    if cell is None:
        return []
    if isinstance(cell, str):
        parts = [cell] if delimiter is None else cell.split(delimiter)
        return [part.strip() for part in parts if part.strip()]
    return [_tag(item, known_names) for item in (cell if isinstance(cell, Iterable) else [cell])]


def _tag(item: Any, known_names: Sequence[str] | None) -> Any:
    """Return a name, or the whole number that stands for one."""
    if isinstance(item, str):
        return item.strip()
    if not isinstance(item, (int, float)) or not float(item).is_integer():
        raise ValueError(f"a tag is {item!r} of type {type(item).__name__}; expected a text or a whole number")
    if known_names is None:
        return int(item)
    if not 0 <= item < len(known_names):
        raise ValueError(f"a label has the number {int(item)}; expected one in [0, {len(known_names)})")
    return known_names[int(item)]


def _natural(tag: Any) -> tuple[bool, Any]:
    """Return a key that sorts numbers by size, then texts by letters."""
    return isinstance(tag, str), tag
