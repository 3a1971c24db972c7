"""Lists of one length with one 0/1 value for each label, told apart from lists of the numbers of labels.

Booleans and floats are values, since they number nothing. Zeros and ones are values where they stand in lists of one
length, two or more: as numbers they would give every sample all labels, or one twice. Shapes: N samples, L labels.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.readers.problems import TagError


def indicator_matrix(
    tags_N: Sequence[Iterable[Any] | None], known_names: Sequence[str] | None, *, as_one_label: str | None
) -> tuple[npt.NDArray[Any], tuple[str, ...]] | None:
    """Return the `(N, L)` labels and their names; None where the lists hold names, or numbers, of labels.

    Args:
        tags_N: What each sample has; None where that is missing.
        known_names: The names that numbers stand for.
        as_one_label: What to do with a column of single zeros and ones if they are the values of one label; None where
            they can only be names.

    Raises:
        TagError: A list of another length, or of other values, than the rest.
        ValueError: Single zeros and ones: the numbers of two labels, or the values of one?
    """
    lists = {row: tags for row, tags in enumerate(tags_N) if isinstance(tags, list)}
    if not lists or any(isinstance(tags, frozenset) for tags in tags_N):
        return None
    different = {id(tags): tags for tags in lists.values()}.values()  # equal texts share one list
    items = {(type(item), item) for tags in different for item in _hashable(tags)}
    kinds = {kind for kind, _ in items}
    are_bits = all(_is_bit(item) for _, item in items)
    are_values = bool in kinds or float in kinds
    if not kinds - {type(None)} or not (are_bits or bool in kinds) or (are_values and str in kinds):
        return None
    if bool in kinds and not are_bits:
        row = next(row for row, tags in lists.items() if not all(map(_is_bit, tags)))
        raise TagError(row, f"{lists[row]} holds more than booleans, of which there is one for each label")
    if not are_values and not _are_values(list(different), known_names, as_one_label):
        return None
    width = len(next(iter(lists.values())))
    for row, tags in lists.items():
        if len(tags) != width:
            raise TagError(
                row,
                f"a list of {len(tags)} zeros and ones, and another has {width}; expected one for each label in all",
            )
    matrix = np.full((len(tags_N), width), np.nan, dtype=np.float32)
    for row, tags in lists.items():
        matrix[row] = [np.nan if item is None else float(item) for item in tags]
    names = known_names if known_names is not None and len(known_names) == width else map(str, range(width))
    return matrix if np.isnan(matrix).any() else matrix.astype(np.uint8), tuple(names)


def _hashable(tags: Iterable[Any]) -> Iterable[Any]:
    return (item if isinstance(item, (str, int, float, type(None))) else repr(item) for item in tags)


def _is_bit(item: Any) -> bool:
    return item in (0, 1, "0", "1", None) or item != item  # noqa: PLR0124 (NaN)


def _are_values(lists: Sequence[list[Any]], known_names: Sequence[str] | None, as_one_label: str | None) -> bool:
    """Return whether lists of the numbers 0 and 1 hold values rather than numbers of labels."""
    twice = any(len(set(tags)) < len(tags) for tags in lists)
    if known_names is not None:
        return twice
    lengths = {len(tags) for tags in lists}
    if lengths == {1} and as_one_label is not None:
        raise ValueError(
            "the cells are single zeros and ones: the numbers of two labels, or the values of one? If it is one label, "
            f"{as_one_label}; if they are numbers, write words instead"
        )
    return twice or (len(lengths - {0}) == 1 and max(lengths) > 1)
