"""What the cells of every attribute mean, and which columns of the data set they become.

A cell is a number: the one that is written or, of a nominal attribute, what its value means. That is 0 or 1 for a
label and for a feature with just these two values, else the value's position in the declaration. NaN is missing.

Shape suffixes: A attributes, L labels, V values of a nominal attribute.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from batchsift.data.arff.header import Attribute, Header, Kind
from batchsift.data.arff.labels import Mask
from batchsift.data.readers.columns import drop_option
from batchsift.messages import first_few

Cells = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DROPPED, NUMBER = -2, -1
NO_LABEL = math.inf  # what a value means that is neither 0 nor 1 as a label

_ABSENT_AND_PRESENT = (("0", "1"), ("0.0", "1.0"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"))


@dataclass(frozen=True)
class Layout:
    """What every attribute becomes.

    Args:
        attributes: The attributes, as declared.
        is_label_A: Which of them are labels.
        kind_A: `DROPPED`, `NUMBER`, or a position in `meanings`.
        meanings: What the values of nominal attributes mean; one for all that are declared alike.
        width_A: How many features an attribute becomes: 0 for a label or what is dropped, 1 if its cells are the
            feature, V for one feature a value.
        default_A: The cell that a sparse row leaves out.
        negative: The number other than 0 that stands for not having a label; None where 0 does.
    """

    attributes: tuple[Attribute, ...]
    is_label_A: Mask
    kind_A: Integers
    meanings: tuple[Mapping[str, float], ...]
    width_A: Integers
    default_A: Cells
    negative: float | None = None

    @cached_property
    def kinds(self) -> list[int]:
        """`kind_A` for those who go from cell to cell, which a list is made for."""
        return [int(kind) for kind in self.kind_A]

    @cached_property
    def labels(self) -> frozenset[int]:
        """`label_positions` as a set."""
        return frozenset(self.label_positions.tolist())

    @property
    def label_positions(self) -> Integers:
        """The attributes that are labels."""
        return np.flatnonzero(self.is_label_A)

    @property
    def labels_to_give(self) -> list[int]:
        """The labels that a sparse row cannot leave out, since their first value is neither 0 nor 1."""
        return np.flatnonzero(self.default_A == NO_LABEL).tolist()

    @property
    def label_cells(self) -> str:
        """What the cells of a label may be, for messages."""
        return f"{0 if self.negative is None else format(self.negative, 'g')}, 1 or ? (not labelled)"

    @property
    def num_features(self) -> int:
        """Columns of the features."""
        return int(self.width_A.sum())

    @property
    def first_features(self) -> Integers:
        """The first column of the features that an attribute becomes."""
        return np.cumsum(self.width_A) - self.width_A

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(self.attributes[position].name for position in self.label_positions)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns: the attribute's, with the value where there is one column for each value."""
        names: list[str] = []
        for attribute, width in zip(self.attributes, self.width_A.tolist(), strict=True):
            if width == 1 and len(attribute.values) != 1:
                names.append(attribute.name)
            elif width:
                names += [f"{attribute.name}={value}" for value in attribute.values]
        return tuple(names)


def lay_out(
    path: Path,
    header: Header,
    is_label_A: Mask,
    is_dropped_A: Mask,
    *,
    drop: str | Sequence[str] | None = None,
    negative: float | None = None,
) -> Layout:
    """Decide what every attribute becomes; `drop` is what the user wants to leave out, `negative` is as in `Layout`.

    Raises:
        ValueError: If strings or dates are to be kept.
    """
    _refuse_texts(path, header, is_dropped_A, drop)
    num_attributes = len(header.attributes)
    kind_A = np.full(num_attributes, NUMBER)
    width_A = np.where(is_label_A | is_dropped_A, 0, 1)
    default_A = np.where(is_label_A & (negative is not None), NO_LABEL, 0.0)
    kinds: dict[tuple[tuple[str, ...], bool], int] = {}
    meanings: list[Mapping[str, float]] = []
    for position, attribute in enumerate(header.attributes):
        if is_dropped_A[position]:
            kind_A[position] = DROPPED
        elif attribute.kind is Kind.NOMINAL:
            key = (attribute.values, bool(is_label_A[position]))
            if key not in kinds:
                kinds[key] = len(meanings)
                is_label = is_label_A[position]
                meanings.append(
                    _label_meaning(attribute.values, negative) if is_label else _feature_meaning(attribute.values)
                )
            kind_A[position] = kinds[key]
            default_A[position] = meanings[kinds[key]][attribute.values[0]]
            if width_A[position] and set(attribute.values) != {"0", "1"}:
                width_A[position] = len(attribute.values)
    return Layout(header.attributes, is_label_A, kind_A, tuple(meanings), width_A, default_A, negative)


def _refuse_texts(path: Path, header: Header, is_dropped_A: Mask, drop: str | Sequence[str] | None) -> None:
    kept = [
        a for a, dropped in zip(header.attributes, is_dropped_A, strict=True) if a.kind is Kind.TEXT and not dropped
    ]
    if kept:
        columns = [attribute.name for attribute in header.attributes]
        option = drop_option([attribute.name for attribute in kept], columns, drop)
        also = f" (also in line {first_few([str(a.line) for a in kept[1:]], shown=10)})" if len(kept) > 1 else ""
        raise ValueError(
            f"{path}, line {kept[0].line}: the attribute {kept[0].name!r} is a string or a date, neither a number nor "
            f"a category{also}: name it in drop, or turn it into numbers; {option} leaves out all of them"
        )


def _feature_meaning(values: tuple[str, ...]) -> dict[str, float]:
    if set(values) == {"0", "1"}:
        return {"0": 0.0, "1": 1.0}
    if len(values) == 1:
        return {values[0]: 1.0}
    return {value: float(position) for position, value in enumerate(values)}


def _label_meaning(values: tuple[str, ...], negative: float | None) -> dict[str, float]:
    """Return 0 and 1 for the values of one pair of words for absent and present, `NO_LABEL` for others."""
    if negative is not None:
        return {value: {negative: 0.0, 1.0: 1.0}.get(_as_number(value), NO_LABEL) for value in values}
    written = [value.lower() for value in values]
    absent, present = next((pair for pair in _ABSENT_AND_PRESENT if set(pair) & set(written)), ("0", "1"))
    known = {absent: 0.0, present: 1.0}
    return {value: known.get(lower, NO_LABEL) for value, lower in zip(values, written, strict=True)}


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
