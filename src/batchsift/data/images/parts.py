"""The parts that a source divides samples into, and the words that stand for them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from batchsift.messages import cut_short

PARTS = ("train", "validation", "test")
_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def part_named(word: str) -> str:
    """Return the part that a word stands for, in any case; an empty text for one that stands for none.

    >>> part_named("Val"), part_named("train2017"), part_named("extra")
    ('validation', 'train', '')
    """
    return _WORDS.get(word.strip().lower().rstrip("0123456789"), "")


def split_of(words: Sequence[str], column: str) -> npt.NDArray[np.str_]:
    """Return the parts that the cells of a column name.

    Raises:
        ValueError: A word that stands for no part.
    """
    parts = {word: part_named(word) for word in set(words)}
    if unknown := sorted(word for word, part in parts.items() if not part):
        raise ValueError(
            f"column {column!r} holds {cut_short(unknown[0])!r}; expected train, validation (or val) or test: rename "
            f"the column, or leave it out with drop={column!r}"
        )
    return np.array([parts[word] for word in words])
