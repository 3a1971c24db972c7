"""Labels that stand in one column: delimited tags, lists of names, lists of numbers, lists of one 0/1 value a label.

Shapes: N samples, L labels.
"""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.readers.indicators import indicator_matrix
from batchsift.data.readers.lists import is_bracketed, is_list, list_in
from batchsift.data.readers.problems import TagError
from batchsift.messages import cut_short, first_few

_DELIMITERS = ("|", ";", ",")
_QUOTED = re.compile(r"(['\"]).*\1")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_Tags = list[Any] | frozenset[Any] | None  # of one sample; None where the cell is empty


def label_matrix(
    cells: Iterable[Any],
    *,
    delimiter: str | None = None,
    known_names: Sequence[str] | None = None,
    as_one_label: str = "give it as a column of 0 and 1",
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Make one 0/1 column for each tag that occurs.

    Args:
        cells: N of them: a text of delimited tags, a list of names or numbers or the text of one, a single number, or
            None or an empty text for a sample without labels. Lists of one length of booleans, of floats or of zeros
            and ones are read as one 0/1 value for each label.
        delimiter: What parts the tags of a text. By default the one of `|`, `;` and `,` that occurs, if it is the only
            one; where none occurs, every text is one tag.
        known_names: What the numbers stand for: number j is the label `known_names[j]`.
        as_one_label: What to do with a column that holds the values of one label, for the message.

    Returns:
        The `(N, L)` labels and the L names. The names are sorted (numbers by size), or as `known_names` has them.
        Labels of 0/1 values are float32 with NaN where a value, or a sample's whole list, is missing.

    Raises:
        TagError: A cell that is no tag and no list, reads as two things, or holds a number that has no name.
        ValueError: Several delimiters occur and none is given, another one than the given occurs alone, no tag occurs
            at all, or it is not clear what the cells mean.

    Warns:
        UserWarning: Tags that differ in nothing but case, or texts of several words where nothing parts tags.

    >>> labels, names = label_matrix(["red|round", "", "red"])
    >>> labels.tolist(), names
    ([[1, 1], [0, 0], [1, 0]], ('red', 'round'))
    """
    plain = [_plain(row, cell, as_one_label) for row, cell in enumerate(cells)]
    tags_N = _without_texts(plain, delimiter)
    found = indicator_matrix(tags_N, known_names, as_one_label=as_one_label if delimiter is None else None)
    if found is not None:
        return found
    # Equal texts share one list: each different list is looked at once.
    of_list: dict[int, tuple[int, Iterable[Any]]] = {}
    for row, tags in enumerate(tags_N):
        if tags is not None:
            of_list.setdefault(id(tags), (row, tags))
    names_of = {key: [_tag(row, tag, known_names) for tag in tags] for key, (row, tags) in of_list.items()}
    different = set(chain.from_iterable(names_of.values()))
    if not different:
        raise ValueError("no sample has a tag; expected at least one")
    if len(set(map(type, different))) > 1:  # the number 1 beside the text '1'
        different = set(map(str, different))
        names_of = {key: list(map(str, names)) for key, names in names_of.items()}
    if known_names is None:
        rows = {name: of_list[key][0] for key, names in reversed(names_of.items()) for name in names}
        _refuse_negative(different, rows)
    ordered = sorted(different) if known_names is None else list(known_names)
    _warn_of_case(ordered)
    column = {tag: position for position, tag in enumerate(ordered)}
    columns_of = {key: [column[name] for name in names] for key, names in names_of.items()}
    matrix = np.zeros((len(tags_N), len(ordered)), dtype=np.uint8)
    for cells_L, tags in zip(matrix, tags_N, strict=True):
        if tags:
            cells_L[columns_of[id(tags)]] = 1
    return matrix, tuple(map(str, ordered))


def _plain(row: int, cell: Any, as_one_label: str) -> Any:
    """Return a text, a list, a set, a number or None."""
    if cell is None or type(cell) is str:  # by far the most
        return cell
    cell = cell.tolist() if hasattr(cell, "tolist") else cell
    match cell:
        case bool():
            raise TagError(row, f"{cell} is the value of one label, not a tag: {as_one_label}")
        case float() if cell.is_integer():  # whole numbers beside missing ones
            return int(cell)
        case None | str() | list() | frozenset() | int() | float():
            return cell
        case tuple():
            return list(cell)
        case set():
            return frozenset(cell)
    raise TagError(row, f"a tag is {cell!r} of type {type(cell).__name__}; expected a text or a whole number")


def _without_texts(cells: Sequence[Any], delimiter: str | None) -> list[_Tags]:
    """Return all cells as lists of tags."""
    texts = {cell for cell in cells if isinstance(cell, str) and not cell.isspace() and cell}
    if texts and all(map(is_bracketed, texts)):
        if delimiter is not None and delimiter != ",":
            shown = cut_short(min(texts))
            raise ValueError(f"delimiter={delimiter!r} parts texts, but the cells are lists such as {shown!r}")
        split: dict[str, _Tags] = {text: _list_in(text, cells) for text in texts}
    else:
        _refuse_lists_among_texts(texts, cells)
        if delimiter is None:
            delimiter = _the_delimiter(cells)
            if delimiter is None:
                _refuse_digits(texts)
                _warn_of_blanks(texts)
        else:
            delimiter = _occurring(delimiter, cells)
        split = {text: _split(text, delimiter, cells) for text in texts}
    # What is not among the texts is an empty one, or no text.
    return [
        split.get(cell) if isinstance(cell, str) else [cell] if isinstance(cell, (int, float)) else cell
        for cell in cells
    ]


def _list_in(text: str, cells: Sequence[Any]) -> _Tags:
    try:
        return list_in(text)
    except ValueError as error:
        raise TagError(cells.index(text), str(error)) from error


def _refuse_lists_among_texts(texts: Iterable[str], cells: Sequence[Any]) -> None:
    lists = [text for text in texts if is_bracketed(text) and is_list(text)]
    if lists:
        row = min(map(cells.index, lists))
        raise TagError(
            row, f"{cut_short(cells[row])!r} is a list, and other cells are none: write all cells in one way"
        )


def _split(text: str, delimiter: str | None, cells: Sequence[Any]) -> list[str]:
    """Return the tags of a text.

    Raises:
        TagError: The delimiter stands within brackets, or the tags in quotes.
    """
    parts = [part for part in map(str.strip, [text] if delimiter is None else text.split(delimiter)) if part]
    if len(parts) > 1:
        if any(_is_open(part) for part in parts) and not _is_open(text):
            reason = f"{delimiter!r} stands within brackets in {cut_short(text)!r}"
        elif all(map(_QUOTED.fullmatch, parts)):
            reason = f"the tags of {cut_short(text)!r} stand in quotes, which would become part of their names"
        else:
            return parts
        raise TagError(cells.index(text), f"{reason}: expected tags such as red|round, or lists such as ['red']")
    return parts


def _is_open(text: str) -> bool:
    return any(text.count(opening) != text.count(closing) for opening, closing in ("[]", "{}", "()"))


def _refuse_digits(texts: Iterable[str]) -> None:
    stripped = sorted(text.strip() for text in texts)
    lengths = {len(text) for text in stripped}
    if len(lengths) != 1 or not all(set(text) <= {"0", "1"} for text in stripped):
        return
    if max(lengths) > 2 or (max(lengths) == 2 and any(text.startswith("0") for text in stripped)):
        raise ValueError(
            f"the cells are digits such as {stripped[0]!r}: one 0/1 value for each label, or a tag? Write lists such "
            "as [0, 1, 1] for values; give delimiter='|' if each is one tag"
        )


def _warn_of_blanks(texts: Iterable[str]) -> None:
    several = sorted(text for text in texts if len(text.split()) > 1)
    if several:
        warnings.warn(
            f"nothing parts tags but blanks, so that each text is one tag, such as {cut_short(several[0])!r}: give "
            "delimiter=' ' if blanks part them, delimiter='|' if each text is one tag",
            stacklevel=2,
        )


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


def _refuse_negative(different: Iterable[Any], row_of: Mapping[Any, int]) -> None:
    """Refuse texts that are numbers of classes, where some are below 0."""
    texts = [tag for tag in different if isinstance(tag, str)]
    if texts and all(map(_WHOLE_NUMBER.fullmatch, texts)) and (negative := [tag for tag in texts if tag[0] == "-"]):
        row, tag = min((row_of[tag], tag) for tag in negative)
        raise TagError(row, _no_number(int(tag), None))


def _tag(row: int, item: Any, known_names: Sequence[str] | None) -> Any:
    """Return a name, or the whole number that stands for one."""
    if isinstance(item, str):
        return item.strip()
    if isinstance(item, bool) or not isinstance(item, int):
        kind = type(item).__name__
        raise TagError(row, f"a tag is {cut_short(repr(item))} of type {kind}; expected a text or a whole number")
    if item < 0 or (known_names is not None and item >= len(known_names)):
        raise TagError(row, _no_number(int(item), known_names))
    return int(item) if known_names is None else known_names[int(item)]


def _no_number(number: int, known_names: Sequence[str] | None) -> str:
    expected = "0 or more" if known_names is None else f"one in [0, {len(known_names)})"
    return f"a label has the number {number}; expected {expected}, and an empty cell where there is no label"
