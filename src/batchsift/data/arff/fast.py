"""Reads the rows of a whole chunk at once, where they are written plainly.

Plainly means: ASCII, no quotes, no escapes, no weights, sparse rows in rising order. For all else, mistakes among them,
the answer is None, and `exact` reads the chunk.

Shape suffixes: N rows, A attributes, K cells that sparse rows give, T tokens: what separators end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batchsift.data.arff.decimals import read_decimals
from batchsift.data.arff.layout import DROPPED, NUMBER, Cells, Integers, Layout
from batchsift.data.arff.table import DenseRows, Rows, SparseRows

_COMMENT_LINE = re.compile(rb"^ *%.*\n", re.MULTILINE)
_NEEDLESS_BLANKS = re.compile(rb" *([,{}\n]) *| +(?= )")
_EMPTY_LINES = re.compile(rb"\n\n+")
_PLAIN = bytes(set(range(ord("!"), ord("~") + 1)) - set(b"'\"\\%")) + b" \n"
_NOT_DENSE = (b" ", b"{", b"}")
_LINE_PER_TOKEN = bytes.maketrans(b", ", b"\n\n")

_Bytes = npt.NDArray[np.uint8]


def read_plainly(layout: Layout, content: bytes) -> Rows | None:
    """Reads the rows of a chunk, if all of them are plain and right."""
    if b"\t" in content:
        separates = b"," not in content and b"{" not in content
        content = content.replace(b"\t", b"," if separates else b" ")
    if b"%" in content:
        content = _COMMENT_LINE.sub(b"", content)
    if content.translate(None, _PLAIN):
        return None
    rows = _read(layout, content)
    if rows is None and (b" " in content or b"\n\n" in content or content.startswith(b"\n")):
        rows = _read(layout, _tidied(content))
    return rows


def _tidied(content: bytes) -> bytes:
    """The same rows without needless blanks and empty lines."""
    content = _NEEDLESS_BLANKS.sub(rb"\1", b"\n" + content)
    return _EMPTY_LINES.sub(b"\n", content).removeprefix(b"\n")


def _read(layout: Layout, content: bytes) -> Rows | None:
    return (_read_sparse if content.startswith(b"{") else _read_dense)(layout, content)


def _read_dense(layout: Layout, content: bytes) -> DenseRows | None:
    num_rows, num_attributes = content.count(b"\n"), len(layout.attributes)
    tokens = _tokens(content)
    if num_rows == 0 or len(tokens.ends_T) != num_rows * num_attributes or any(sign in content for sign in _NOT_DENSE):
        return None
    if not tokens.are_filled or (tokens.separators_T[num_attributes - 1 :: num_attributes] != ord("\n")).any():
        return None
    cells_T = _cells(layout, tokens, np.tile(layout.kind_A, num_rows))
    if cells_T is None:
        return None
    cells_NA = cells_T.reshape(num_rows, num_attributes)
    return DenseRows(cells_NA) if _fit_labels(cells_NA[:, layout.is_label_A]) else None


def _read_sparse(layout: Layout, content: bytes) -> SparseRows | None:
    array = np.frombuffer(content, dtype=np.uint8)
    ends_N = np.flatnonzero(array == ord("\n"))
    num_rows = len(ends_N)
    starts_N = np.concatenate([[0], ends_N[:-1] + 1])
    is_row_a_line = (array[starts_N] == ord("{")).all() and (array[ends_N - 1] == ord("}")).all()
    if not is_row_a_line or content.count(b"{") + content.count(b"}") != 2 * num_rows or layout.labels_to_give:
        return None
    is_empty_N = ends_N - starts_N == len("{}")
    counts_N = np.zeros(num_rows, dtype=np.int64)
    if is_empty_N.all():
        return SparseRows(counts_N, np.zeros(0, dtype=np.int64), np.zeros(0))
    if is_empty_N.any():
        content = content.replace(b"{}\n", b"")
    tokens = _tokens(content.translate(None, b"{}"))
    # An index, a blank, a value, a comma or the end of the row; and so on.
    separators_K2 = tokens.separators_T[: len(tokens.separators_T) // 2 * 2].reshape(-1, 2)
    if len(tokens.ends_T) % 2 or not tokens.are_filled or ((separators_K2 == ord(" ")) != (True, False)).any():
        return None
    attributes_K = _indices(tokens, len(layout.attributes))
    is_last_K = separators_K2[:, 1] == ord("\n")
    if attributes_K is None or not ((np.diff(attributes_K) > 0) | is_last_K[:-1]).all():
        return None
    counts_N[~is_empty_N] = np.diff(np.flatnonzero(is_last_K), prepend=-1)
    kind_T = np.full(len(tokens.ends_T), DROPPED)
    kind_T[1::2] = layout.kind_A[attributes_K]
    cells_T = _cells(layout, tokens, kind_T)
    if cells_T is None or not _fit_labels(cells_T[1::2][layout.is_label_A[attributes_K]]):
        return None
    return SparseRows(counts_N, attributes_K, cells_T[1::2])


# --- Tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tokens:
    """What stands between separators.

    Args:
        text: All of them, a token a line.
        array: The text's bytes.
        ends_T: Where in the text each token ends.
        lengths_T: How many bytes each has.
        separators_T: What ended each: a comma, a blank or the end of a line.
    """

    text: bytes
    array: _Bytes
    ends_T: Integers
    lengths_T: Integers
    separators_T: _Bytes

    @property
    def starts(self) -> Integers:
        return self.ends_T - self.lengths_T

    @property
    def are_filled(self) -> bool:
        return bool((self.lengths_T > 0).all())


def _tokens(content: bytes) -> _Tokens:
    text = content.translate(_LINE_PER_TOKEN)
    array = np.frombuffer(text, dtype=np.uint8)
    ends_T = np.flatnonzero(array == ord("\n"))
    lengths_T = np.diff(ends_T, prepend=-1) - 1
    return _Tokens(text, array, ends_T, lengths_T, np.frombuffer(content, dtype=np.uint8)[ends_T])


def _indices(tokens: _Tokens, num_attributes: int) -> Integers | None:
    """Every second token as an index; None if one is anything else or too large."""
    starts_K, lengths_K = tokens.starts[::2], tokens.lengths_T[::2]
    longest = int(lengths_K.max())
    if longest > 9:
        return None
    indices_K = np.zeros(len(starts_K), dtype=np.int64)
    for offset in range(longest):
        is_there_K = lengths_K > offset
        digits_K = tokens.array[np.where(is_there_K, starts_K + offset, 0)] - np.uint8(ord("0"))
        if (digits_K[is_there_K] > 9).any():
            return None
        indices_K = np.where(is_there_K, 10 * indices_K + digits_K, indices_K)
    return indices_K if indices_K.max() < num_attributes else None


# --- Cells ------------------------------------------------------------------------------------------------------------


def _cells(layout: Layout, tokens: _Tokens, kind_T: Integers) -> Cells | None:
    """What the tokens mean; 0 for those of the kind `DROPPED`."""
    cells_T = np.zeros(len(kind_T))
    if b"?" in tokens.text:
        is_missing_T = (tokens.array[tokens.starts] == ord("?")) & (tokens.lengths_T == 1) & (kind_T != DROPPED)
        cells_T[is_missing_T] = np.nan
        kind_T = np.where(is_missing_T, DROPPED, kind_T)
    is_number_T = kind_T == NUMBER
    if is_number_T.any():
        numbers = _numbers(layout, tokens, kind_T)
        if numbers is None:
            return None
        cells_T[is_number_T] = numbers
    for kind, meanings in enumerate(layout.meanings):
        chosen = np.flatnonzero(kind_T == kind)
        cells = _meanings(tokens, chosen, meanings)
        if cells is None:
            return None
        cells_T[chosen] = cells
    return cells_T


def _numbers(layout: Layout, tokens: _Tokens, kind_T: Integers) -> Cells | None:
    """The cells that are numbers."""
    is_number_T = kind_T == NUMBER
    if layout.is_decimal[kind_T].all():
        numbers_T = read_decimals(tokens.text, tokens.ends_T)
        return None if numbers_T is None else numbers_T[is_number_T]
    return read_decimals(tokens.array[np.repeat(is_number_T, tokens.lengths_T + 1)].tobytes())


def _meanings(tokens: _Tokens, chosen: Integers, meanings: Mapping[str, float]) -> Cells | None:
    """What the chosen tokens mean, values of one character all at once."""
    meaning_of_byte = np.full(256, np.nan)
    for value, meaning in meanings.items():
        if len(value) == 1 and value.isascii():
            meaning_of_byte[ord(value)] = meaning
    starts = tokens.starts[chosen]
    cells = np.where(tokens.lengths_T[chosen] == 1, meaning_of_byte[tokens.array[starts]], np.nan)
    longer = np.flatnonzero(np.isnan(cells))
    if len(longer):
        known = {value.encode(): meaning for value, meaning in meanings.items()}
        ends = tokens.ends_T[chosen[longer]].tolist()
        found = [known.get(tokens.text[start:end]) for start, end in zip(starts[longer].tolist(), ends, strict=True)]
        if None in found:
            return None
        cells[longer] = found
    return cells


def _fit_labels(cells: Cells) -> bool:
    return bool(((cells == 0) | (cells == 1) | np.isnan(cells)).all())
