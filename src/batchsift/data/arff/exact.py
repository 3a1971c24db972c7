"""Reads rows line by line: every shape that is understood, and of all others, where in the line they go wrong.

`plain` reads most rows; this is what it must agree with.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from batchsift.data.arff import syntax
from batchsift.data.arff.layout import DROPPED, NO_LABEL, NUMBER, Layout
from batchsift.data.arff.source import Chunk
from batchsift.data.arff.syntax import Line, decoded, unquoted
from batchsift.data.arff.table import DenseCells, Rows, SparseCells, as_dense
from batchsift.data.readers.columns import MISSING
from batchsift.messages import cut_short

_CELL = re.compile(rf"({syntax.QUOTED}|(?!%){syntax.UNQUOTED}),[ \t]*")
_VALUE = re.compile(rf"{syntax.QUOTED}|{syntax.UNQUOTED}")
_INDEX = re.compile(r"[0-9]{1,9}(?=[ \t])")
_NUMBER = re.compile(syntax.NUMBER)
_WEIGHT = re.compile(syntax.WEIGHT)

MOST_MISTAKES = 10  # that are told in one message


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of a row, and the attributes they belong to."""

    cells: list[float]
    attributes: Sequence[int]
    is_sparse: bool


class _Token(NamedTuple):
    """A value as it is written, quotes and all, and where in the line it starts."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Mistakes:
    """The lines of a file that are no rows, which are told together.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: list[str] = []

    def add(self, error: ValueError) -> None:
        """Add what is wrong with a line.

        Raises:
            ValueError: If these are too many to go on: all that were added.
        """
        self._told.append(str(error).removeprefix(f"{self._path}, "))
        if len(self._told) == MOST_MISTAKES:
            self.check("; there may be more, since reading stopped here")

    def __bool__(self) -> bool:
        return bool(self._told)

    def check(self, more: str = "") -> None:
        """Raise all that were added, if there are any.

        Raises:
            ValueError: If there are.
        """
        if self._told:
            raise ValueError(f"{self._path}, {'; '.join(self._told)}{more}")


def read_exactly(layout: Layout, path: Path, chunk: Chunk, mistakes: Mistakes) -> tuple[Rows | None, int]:
    """Read the rows of a chunk; a line that is no row of this file is one of the mistakes.

    Returns:
        The rows, dense if any of them is, None where there are none; and how many have a weight.

    Raises:
        ValueError: If there are too many mistakes to go on.
    """
    rows: list[_Row] = []
    num_weights = 0
    for number, content in enumerate(chunk.content.split(b"\n"), start=chunk.line):
        stripped = content.lstrip(b" \t")
        if not stripped or stripped.startswith(b"%"):
            continue
        try:
            row, has_weight = _read_row(layout, Line(path, number, decoded(content)))
        except ValueError as error:
            mistakes.add(error)
            continue
        rows.append(row)
        num_weights += has_weight
    return _gathered(layout, rows), num_weights


def _read_row(layout: Layout, line: Line) -> tuple[_Row, bool]:
    """Return a row, and whether it has a weight."""
    if "\0" in line.text:
        raise line.mistake(line.text.index("\0"), "this is binary data; expected a row of text")
    row, end = (_read_sparse if line.text.lstrip(" \t").startswith("{") else _read_dense)(layout, line)
    return row, _is_weight(line, end)


def _gathered(layout: Layout, rows: list[_Row]) -> Rows | None:
    if not rows:
        return None
    if not any(row.is_sparse for row in rows):
        return DenseCells(np.array([row.cells for row in rows]))
    gathered = SparseCells(
        np.array([len(row.cells) for row in rows]),
        np.array([attribute for row in rows for attribute in row.attributes], dtype=np.int64),
        np.array([cell for row in rows for cell in row.cells], dtype=np.float64),
    )
    return gathered if all(row.is_sparse for row in rows) else as_dense(layout, gathered)


# --- Rows, and where in the line they end -----------------------------------------------------------------------------


def _read_dense(layout: Layout, line: Line) -> tuple[_Row, int]:
    num_attributes = len(layout.attributes)
    tokens, end = _dense_tokens(line, num_attributes)
    if len(tokens) != num_attributes:
        start = tokens[num_attributes].start if len(tokens) > num_attributes else tokens[-1].end
        raise line.mistake(
            start, f"the row has {len(tokens)} value(s); expected {num_attributes}, one for each attribute"
        )
    cells = [_cell(layout, line, attribute, token) for attribute, token in enumerate(tokens)]
    return _Row(cells, range(num_attributes), is_sparse=False), end


def _dense_tokens(line: Line, num_attributes: int) -> tuple[list[_Token], int]:
    text = line.text
    tokens: list[_Token] = []
    is_tabbed = False  # whether tabs separate the values, as after the first one
    position = line.after_blanks(0)
    while True:
        if len(tokens) == num_attributes and not is_tabbed and line.ends_at(position):
            return tokens, position  # after a comma that MOA writes at the end of a row
        cell = _CELL.match(text, position)
        if cell is not None and not is_tabbed:  # as almost everywhere
            tokens.append(_Token(cell[1], position))
            position = cell.end()
            if text.startswith("{", position):
                return tokens, position
            continue
        token = _token(line, position)
        tokens.append(token)
        position = line.after_blanks(token.end)
        if position == len(text) or (position > token.end and text[position] == "%"):
            return tokens, position
        if len(tokens) == 1:
            is_tabbed = text[position] != "," and "\t" in text[token.end : position]
        if not is_tabbed and text[position] == ",":
            position = line.after_blanks(position + 1)
        elif text[position] != "{" and not (is_tabbed and "\t" in text[token.end : position]):
            separator = "tab" if is_tabbed else "comma"
            raise line.mistake(position, f"expected a {separator} after the value {cut_short(token.text)!r}")
        if text.startswith("{", position):
            return tokens, position


def _read_sparse(layout: Layout, line: Line) -> tuple[_Row, int]:
    text = line.text
    cells: dict[int, float] = {}
    position = line.after_blanks(line.after_blanks(0) + 1)
    while not text.startswith("}", position) or cells:
        attribute, start = _index(layout, line, position)
        if attribute in cells:
            raise line.mistake(position, f"the index {attribute} stands in this row already; expected each once")
        token = _token(line, start)
        cells[attribute] = _cell(layout, line, attribute, token)
        position = line.after_blanks(token.end)
        if text.startswith("}", position):
            break
        if not text.startswith(",", position):
            raise line.mistake(position, "expected a comma or a closing brace after the value")
        position = line.after_blanks(position + 1)
    position = line.after_blanks(position + 1)
    if text.startswith(",", position):
        position = line.after_blanks(position + 1)
        if not text.startswith("{", position):
            raise line.mistake(position, "expected a weight {...} after the comma, or no comma")
    left_out = next((label for label in layout.labels_to_give if label not in cells), None)
    if left_out is not None:
        label = layout.attributes[left_out]
        raise line.mistake(
            0,
            f"the row leaves out the label {label.name!r}, which means "
            f"{repr(cut_short(label.values[0])) + ', its first value' if label.values else 0}; expected "
            f"{layout.label_cells}. Is this attribute meant to be a label?",
        )
    attributes = sorted(cells)
    return _Row([cells[attribute] for attribute in attributes], attributes, is_sparse=True), position


def _index(layout: Layout, line: Line, position: int) -> tuple[int, int]:
    """Return an attribute's index, and where its value starts."""
    match = _INDEX.match(line.text, position)
    last = len(layout.attributes) - 1
    if match is None or int(match[0]) > last:
        raise line.mistake(position, f"expected the index of an attribute, from 0 to {last}, and its value")
    return int(match[0]), line.after_blanks(match.end())


def _is_weight(line: Line, position: int) -> bool:
    """Return whether a weight stands where a row ends; anything else but a comment is a mistake."""
    match = _WEIGHT.match(line.text, position)
    if not line.ends_at(match.end() if match else position):
        raise line.mistake(position, "expected the end of the row, or its weight {...}")
    return match is not None


# --- Values -----------------------------------------------------------------------------------------------------------


def _token(line: Line, position: int) -> _Token:
    match = _VALUE.match(line.text, position)
    if match is not None and not (match[0].startswith("%") and line.text[position - 1 : position] in (" ", "\t")):
        return _Token(match[0], position)
    if line.text.startswith(("'", '"'), position):
        raise line.mistake(position, "the quote that opens here is never closed; expected it to end with the value")
    raise line.mistake(position, "expected a value, or ? where it is missing")


def _cell(layout: Layout, line: Line, attribute: int, token: _Token) -> float:
    kind = layout.kinds[attribute]
    if kind == DROPPED:
        return 0.0
    if token.text == "?":
        return math.nan
    cell = _number(layout, line, attribute, token) if kind == NUMBER else _meaning(layout, line, attribute, token)
    if attribute not in layout.labels:
        return cell
    if kind == NUMBER and layout.negative is not None:
        cell = {layout.negative: 0.0, 0.0: NO_LABEL}.get(cell, cell)
    if cell not in (0, 1) and not math.isnan(cell):
        text = unquoted(token.text)
        hint = " If -1 says that a sample does not have the label, give negative=-1" if text == "-1" else ""
        raise line.mistake(
            token.start,
            f"the label {layout.attributes[attribute].name!r} is {cut_short(text)!r}; expected {layout.label_cells}. "
            f"Is this attribute meant to be a label?{hint}",
        )
    return cell


def _number(layout: Layout, line: Line, attribute: int, token: _Token) -> float:
    text = unquoted(token.text)
    if text.lower() == "nan" or token.text in MISSING:
        return math.nan
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if math.isinf(number):
        raise line.mistake(
            token.start,
            f"the attribute {layout.attributes[attribute].name!r} is {cut_short(text)!r}; expected a finite number or "
            "?",
        )
    return number


def _meaning(layout: Layout, line: Line, attribute: int, token: _Token) -> float:
    text = unquoted(token.text)
    meaning = layout.meanings[layout.kinds[attribute]].get(text)
    if meaning is None and token.text in MISSING:
        return math.nan
    if meaning is None:
        declared = layout.attributes[attribute]
        raise line.mistake(
            token.start,
            f"the attribute {declared.name!r} is {cut_short(text)!r}; expected one of the values that line "
            f"{declared.line} declares, {cut_short(', '.join(declared.values))!r}, or ?",
        )
    return meaning
